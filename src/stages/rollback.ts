import { z } from 'zod';
import { failed, ok, type Result } from '../core/failure.ts';
import type { JsonObject } from '../core/json.ts';
import type { ServiceHistory } from '../core/releases.ts';
import { defineStage, type StageContext } from '../core/stage-kind.ts';
import { waysBack, type WayBack } from '../delivery/choose-release.ts';
import { deployRelease } from '../delivery/deploy/deploy.ts';
import { artifactOfRelease, GATE_TASK, readGate } from '../delivery/deploy/records.ts';
import { type DeliverySession, openSession } from '../delivery/deploy/session.ts';

const paramsSchema = z.object({ services: z.array(z.string()).default([]), to: z.string().default('') });

export const rollback = defineStage({
  kind: 'rollback',
  summary:
    'Bring services back to the last release that served healthy, through the gate and the code that deploys.',
  schema: z.strictObject({}),
  effects: 'remote',
  run: async (_config, context) => {
    const session = openSession(context);
    const ways = await plannedWays(context);
    if (!ways.ok) return ways;
    const done = await deployBack(session, ways.value);
    if (!done.ok) return done;
    const marked = await context.task({
      name: 'mark',
      text: 'mark what was rolled back from as bad for this environment',
      work: () => markBad(context, ways.value),
    });
    return marked.ok ? ok({ ...done.value, ...marked.value }) : marked;
  },
  settle: async (_config, context) => {
    const record = readGate(context.recorded[GATE_TASK]?.outputs);
    await openSession(context).unlock([...new Set(record?.places.map(({ host }) => host))]);
  },
});

const choicesSchema = z.array(z.object({ service: z.string(), from: z.string(), to: z.string() }));

/** Chosen once: what a crash interrupted goes on to the same releases, whatever the registry says by then. */
async function plannedWays(context: StageContext): Promise<Result<readonly WayBack[]>> {
  const chosen = await context.task({
    name: 'choose',
    text: 'find the last release that served healthy',
    work: async ({ log }) => {
      const { services, to } = paramsSchema.parse(context.variables['params'] ?? {});
      const histories = await historiesOf(context);
      if (!histories.ok) return histories;
      const ways = waysBack(histories.value, { services, ...(to !== '' && { to }) });
      if (!ways.ok) return ways;
      for (const way of ways.value) {
        await log(sentence(way));
        context.explain({ name: `rollback ${way.service}`, value: sentence(way) });
      }
      return ok({
        choices: ways.value.map((way) => ({
          service: way.service,
          from: way.from.run_id,
          to: way.to.run_id,
        })),
      });
    },
  });
  if (!chosen.ok) return chosen;
  const histories = await historiesOf(context);
  if (!histories.ok) return histories;
  const ways = choicesSchema.parse(chosen.value['choices']).flatMap(({ service, from, to }) => {
    const releases = histories.value[service]?.releases ?? [];
    const [old, target] = [from, to].map((id) => releases.find((release) => release.run_id === id));
    return old && target ? [{ service, from: old, to: target, crosses_migration: false }] : [];
  });
  return ok(ways);
}

function sentence({ service, from, to, crosses_migration: crosses }: WayBack): string {
  const way = `${service}: from ${from.run_id} (${from.reference}) to ${to.run_id} (${to.reference})`;
  return crosses ? `${way}; the database was changed in between` : way;
}

async function historiesOf(context: StageContext): Promise<Result<Readonly<Record<string, ServiceHistory>>>> {
  const names = await context.ports.releases.services(context.environment);
  if (!names.ok) return names;
  const histories: Record<string, ServiceHistory> = {};
  for (const service of names.value) {
    const history = await context.ports.releases.read(context.environment, service);
    if (!history.ok) return history;
    histories[service] = history.value;
  }
  return ok(histories);
}

async function deployBack(session: DeliverySession, ways: readonly WayBack[]): Promise<Result<JsonObject>> {
  const services = session.services.filter(({ service }) => ways.some((way) => way.service === service));
  const unknown = ways.filter(({ service }) => !services.some((known) => known.service === service));
  if (unknown.length > 0) {
    const names = unknown.map(({ service }) => service).join(', ');
    return failed({
      reason: 'invalid',
      message: `deploy.services of pipewright.yaml has no ${names} any more`,
    });
  }
  const artifacts = Object.fromEntries(ways.map(({ service, to }) => [service, artifactOfRelease(to)]));
  const [first] = ways;
  return deployRelease(
    session,
    // The schema does not move by going back.
    { commit: first?.to.commit ?? '', services, artifacts, has_migration: false },
    { allow_bad: true, allow_older: true, is_rollback: true, redeploy: true },
  );
}

async function markBad(context: StageContext, ways: readonly WayBack[]): Promise<Result<JsonObject>> {
  const { releases } = context.ports;
  for (const { service, from } of ways) {
    const recorded = await releases.record({ ...from, verdict: 'rolled_back' });
    if (!recorded.ok) return recorded;
    if (from.commit === '') continue;
    const marked = await releases.markBad(context.environment, service, from.commit);
    if (!marked.ok) return marked;
  }
  return ok({ marked_bad: ways.map(({ from }) => from.commit) });
}
