import { readAnalysis } from '../../core/analysis.ts';
import { failed, ok, type Result, reported } from '../../core/failure.ts';
import type { JsonObject } from '../../core/json.ts';
import type { ServiceRelease } from '../../core/releases.ts';
import type { Artifact } from '../../core/runtime.ts';
import type { TaskIo } from '../../core/stage-kind.ts';
import { restore } from '../restore.ts';
import { type RolledOut, rollOut } from '../rollout.ts';
import { type Candidate, type GateOptions, passGate } from './gate.ts';
import { leftAlone } from './places.ts';
import { asArtifact, asJson, GATE_TASK, type GateRecord, type PlaceRecord, readGate } from './records.ts';
import { type DeliverySession, runtimeIo } from './session.ts';
import { placeName } from './targets.ts';

/**
 * Deploys one release: the gate, then each service in order, its first host as the canary. Every service@host is a
 * task of its own, so that a crash repeats none and an undo knows how far it came.
 */
export async function deployRelease(
  session: DeliverySession,
  candidate: Candidate,
  options: GateOptions,
): Promise<Result<JsonObject>> {
  const { context } = session;
  const count = candidate.services.reduce((sum, { hosts }) => sum + hosts.length, 0);
  const gate = await context.task(
    {
      name: GATE_TASK,
      text: 'lock the environment, bring the release there, look at every condition',
      work: (io) => passGate(session, candidate, options, io),
    },
    { index: 1, total: count + 1 },
  );
  if (!gate.ok) return gate;
  const record = readGate(gate.value);
  if (!record) return failed({ reason: 'unexpected', message: 'the record of the gate cannot be read' });
  const confirmed = await askOpenQuestions(session, record, options);
  if (!confirmed.ok) return confirmed;
  const places: JsonObject[] = [];
  for (const [index, place] of record.places.entries()) {
    const done = await deployPlace(session, record, place, { index: index + 2, total: count + 1 });
    if (!done.ok) {
      const isBack = await restoreAtOnce(session, record, place);
      const isElsewhere = places.some(({ service }) => service === place.service);
      if (isBack && !isElsewhere) await noteFailed(session, record, place);
      return done;
    }
    places.push({ ...asJson(place), ...done.value });
  }
  return ok({
    gate: asJson({ conditions: record.conditions })['conditions'] ?? [],
    deployed: candidate.services.map(({ service }) => service),
    release: asJson({
      run_id: context.runId,
      commit: record.commit,
      environment: context.environment,
      has_migration: record.has_migration,
      artifacts: record.artifacts,
      places,
    }),
  });
}

/**
 * What neither holds nor fails is for a person to say: a first deploy, a commit that was rolled back from, a tree that
 * was not tested. Nobody is kept out while they think; the lock is taken again for each service.
 */
async function askOpenQuestions(
  session: DeliverySession,
  record: GateRecord,
  { is_rollback: isRollback }: GateOptions,
): Promise<Result<void>> {
  const open = record.conditions.filter(
    ({ verdict, name }) => verdict === 'inconclusive' && name !== 'migration',
  );
  if (open.length === 0 || isRollback) return ok(undefined);
  await session.unlock([...new Set(record.places.map(({ host }) => host))]);
  return session.context.confirm(`${open.map(({ reason }) => reason).join('; ')}. Deploy all the same?`);
}

function deployPlace(
  session: DeliverySession,
  record: GateRecord,
  place: PlaceRecord,
  at: { readonly index: number; readonly total: number },
): Promise<Result<JsonObject>> {
  const { service, host, stays } = place;
  return session.context.task(
    {
      name: deployTask(place),
      text: stays
        ? `look whether ${service} on ${host} still serves as it is`
        : `start the new version of ${service} on ${host}, wait until it is healthy, switch to it`,
      context: host,
      work: (io) => deployOne(session, record, place, io),
    },
    at,
  );
}

/** The task that brings a service into service on one host. */
export function deployTask({ service, host }: Pick<PlaceRecord, 'service' | 'host'>): string {
  return `deploy ${placeName(service, host)}`;
}

async function deployOne(
  session: DeliverySession,
  record: GateRecord,
  { service, host, stays }: PlaceRecord,
  io: TaskIo,
): Promise<Result<JsonObject>> {
  const unit = record.artifacts[service];
  const place = await session.open(service, host);
  if (!place.ok) return place;
  if (!unit) return failed({ reason: 'unexpected', message: `no artifact of ${service}` });
  const artifact = asArtifact(unit);
  const locked = await session.lock([host], io.signal);
  if (!locked.ok) return locked;
  // On record before it serves: whoever reads the registry next knows what may be running.
  const noted = await noteRelease(session, record, { service, artifact, verdict: 'deployed' });
  if (!noted.ok) return noted;
  const there = stays ? await leftAlone(session, place.value, artifact, runtimeIo(io)) : ok(undefined);
  if (!there.ok) return there;
  if (there.value) return ok({ ...servingJson(there.value), [UNCHANGED]: true });
  const { runtime, target } = place.value;
  const rolledOut = await rollOut({
    runtime,
    target,
    artifact,
    clock: session.context.clock,
    io: runtimeIo(io),
    recheck: async () => {
      const held = await session.checkLock(host, io.signal);
      if (!held.ok) return held;
      const problems = await runtime.check(target, artifact, runtimeIo(io));
      return problems.ok ? noneLeft(service, host, problems.value) : problems;
    },
  });
  if (!rolledOut.ok) return rolledOut;
  const { switch_ms: switchMs } = rolledOut.value;
  await io.log(`${placeName(service, host)}: serves ${artifact.reference}, switched in ${switchMs} ms`);
  return ok(servingJson(rolledOut.value));
}

const UNCHANGED = 'unchanged';

/** Whether a deploy of this run has left alone what served there: there is nothing to take back. */
export function wasLeftAlone(
  { context }: DeliverySession,
  place: Pick<PlaceRecord, 'service' | 'host'>,
): boolean {
  return context.recorded[deployTask(place)]?.outputs?.[UNCHANGED] === true;
}

function servingJson({ instance, facts, switch_ms, was_there }: RolledOut): JsonObject {
  const { id, digest, reference, name, address } = instance;
  return asJson({ instance: { id, digest, reference, name, address }, facts, switch_ms, was_there });
}

function noneLeft(service: string, host: string, problems: readonly string[]): Result<void> {
  if (problems.length === 0) return ok(undefined);
  const message = `right before the switch of ${placeName(service, host)}: ${problems.join(', ')}`;
  return reported(message);
}

/** Writes how a release of this run stands; the same run and service again replaces it. */
export function noteRelease(
  { context, services }: DeliverySession,
  record: Pick<GateRecord, 'has_migration'>,
  {
    service,
    artifact,
    verdict,
  }: { readonly service: string; readonly artifact: Artifact; readonly verdict: ServiceRelease['verdict'] },
): Promise<Result<void>> {
  const planned = services.find((known) => known.service === service);
  const { digest, reference, env, secrets, compose, commit } = artifact;
  return context.ports.releases.record({
    digest,
    reference,
    env,
    ...(secrets && { secrets }),
    ...(compose !== undefined && { compose }),
    run_id: context.runId,
    service,
    environment: context.environment,
    commit,
    ...(readAnalysis(context.variables)?.changes.is_dirty && { is_dirty: true }),
    hosts: planned?.hosts ?? [],
    runtime: planned?.settings.runtime ?? 'process',
    deployed_at: context.clock.now(),
    verdict,
    has_migration: record.has_migration,
  });
}

/**
 * Spec 2: a service that did not come up gets its former version back at once, whatever the pipeline says of failures;
 * with `recreate` nothing else serves. With start-first the former version was never away. Not over a change of the
 * database: the undo asks for that. True when the former version is known to serve.
 */
async function restoreAtOnce(
  session: DeliverySession,
  record: GateRecord,
  place: PlaceRecord,
): Promise<boolean> {
  const { context } = session;
  if (!place.previous || context.signal.aborted || record.has_migration) return false;
  const opened = await session.open(place.service, place.host);
  if (!opened.ok) return false;
  const { runtime, target } = opened.value;
  if (target.settings.strategy === 'start-first') {
    const serves = await runtime.current(target, { signal: context.signal, log: context.log });
    return serves.ok && serves.value !== undefined && serves.value.run_id !== context.runId;
  }
  const restored = await context.task({
    name: `restore ${placeName(place.service, place.host)}`,
    text: `bring back the former version of ${place.service} on ${place.host}`,
    context: place.host,
    work: (io) => restorePlace(session, record, place, io),
  });
  return restored.ok;
}

/** It was put on record before it served; left so, it would count as what runs. */
async function noteFailed(
  session: DeliverySession,
  record: GateRecord,
  { service }: PlaceRecord,
): Promise<void> {
  const unit = record.artifacts[service];
  if (unit) await noteRelease(session, record, { service, artifact: asArtifact(unit), verdict: 'failed' });
}

/** One service@host back to what the gate found there. */
export async function restorePlace(
  session: DeliverySession,
  record: GateRecord,
  { service, host, previous }: PlaceRecord,
  io: TaskIo,
): Promise<Result<JsonObject>> {
  const place = await session.open(service, host);
  if (!place.ok) return place;
  const bad = record.artifacts[service];
  if (!bad) return ok({});
  const restored = await restore({
    runtime: place.value.runtime,
    target: place.value.target,
    bad: { ...asArtifact(bad) },
    previous: previous ? asArtifact(previous) : undefined,
    clock: session.context.clock,
    io: runtimeIo(io),
    recheck: () => session.checkLock(host, io.signal),
  });
  if (!restored.ok) return restored;
  const { way, serving_ms: servingMs } = restored.value;
  const after = way === 'nothing to undo' ? '' : `, serving again after ${servingMs} ms`;
  await io.log(`${placeName(service, host)}: ${way}${after}`);
  return ok(asJson(restored.value));
}
