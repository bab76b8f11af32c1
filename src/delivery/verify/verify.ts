import { z } from 'zod';
import { failed, ok, type Result } from '../../core/failure.ts';
import type { JsonObject } from '../../core/json.ts';
import type { TaskIo } from '../../core/stage-kind.ts';
import { measureBaseline, watchedPaths } from '../deploy/baseline.ts';
import { noteRelease } from '../deploy/deploy.ts';
import { asArtifact, asJson, type ReleaseRecord, VERDICTS } from '../deploy/records.ts';
import type { DeliverySession, OpenPlace } from '../deploy/session.ts';
import { placeName } from '../deploy/targets.ts';
import { retireFormer } from './retire.ts';
import { smokeTest } from './smoke.ts';
import { watch, type Watched } from './watch.ts';

type ReleasedPlace = ReleaseRecord['places'][number];

/** Smoke test, watchdog, and at the end the release counts as healthy: the old instances go. */
export async function verifyRelease(
  session: DeliverySession,
  release: ReleaseRecord,
): Promise<Result<JsonObject>> {
  const { context } = session;
  const opened = await openPlaces(session, release);
  if (!opened.ok) return opened;
  const places = opened.value.map(({ open }) => open);
  const { verify } = context.settings;
  const smoke = await context.task(
    {
      name: 'smoke',
      text: 'ask the health path and every endpoint once',
      work: (io) => smokeTest(places, verify, io),
    },
    { index: 1, total: 3 },
  );
  if (!smoke.ok) return smoke;
  const { duration, interval } = verify.watchdog;
  const watched = await context.task(
    {
      name: 'watchdog',
      text: `look at it for ${duration / 1000} s, each ${interval / 1000} s: 5xx, latency, restarts`,
      work: (io) => watchdog(session, opened.value, io),
    },
    { index: 2, total: 3 },
  );
  if (!watched.ok) return watched;
  const { verdict, reason } = judgementSchema.parse(watched.value);
  if (verdict !== 'passed') context.warn(`${verdict}: ${reason}`);
  const finished = await context.task(
    {
      name: 'finish',
      text: 'record it as healthy, end what is no longer needed',
      work: (io) => finish(session, release, opened.value, io),
    },
    { index: 3, total: 3 },
  );
  if (!finished.ok) return finished;
  const { left } = leftSchema.parse(finished.value);
  for (const line of left) context.warn(line);
  return ok({
    verdict,
    reason: watched.value['reason'] ?? '',
    healthy_commit: release.commit,
    ...finished.value,
  });
}

/** Absent in records of runs that a former version began. */
const leftSchema = z.object({ left: z.array(z.string()).default([]) });
const judgementSchema = z.object({ verdict: z.enum(VERDICTS), reason: z.string() });

interface OpenedPlace {
  readonly released: ReleasedPlace;
  readonly open: OpenPlace;
}

async function openPlaces(
  session: DeliverySession,
  release: ReleaseRecord,
): Promise<Result<readonly OpenedPlace[]>> {
  const opened: OpenedPlace[] = [];
  for (const released of release.places) {
    const open = await session.open(released.service, released.host);
    if (!open.ok) return open;
    opened.push({ released, open: open.value });
  }
  return ok(opened);
}

async function watchdog(
  session: DeliverySession,
  places: readonly OpenedPlace[],
  io: TaskIo,
): Promise<Result<JsonObject>> {
  const { context } = session;
  const { verify } = context.settings;
  const hosts = [...new Set(places.map(({ released }) => released.host))];
  const locked = await session.lock(hosts, io.signal);
  if (!locked.ok) return locked;
  const watched: Watched[] = [];
  for (const { released, open } of places) {
    const paths = watchedPaths(open.service, open.target.settings.health.path, verify);
    watched.push({
      place: open,
      instance: instanceOf(released),
      paths,
      expected: {
        place: placeName(released.service, released.host),
        facts: factsOf(released),
        baseline_ms: await baseline(session, released, open, { paths, io }),
      },
    });
  }
  const result = await watch(watched, verify, { clock: context.clock, io });
  if (!result.ok) return result;
  const { judgement, report } = result.value;
  await context.writeArtifact('watchdog.json', `${JSON.stringify(report, null, 1)}\n`);
  context.explain({ name: 'watchdog', value: `${judgement.verdict}: ${judgement.reason}` });
  const isUnclear = judgement.verdict === 'unmeasured' || judgement.verdict === 'inconclusive';
  if (judgement.verdict === 'failed' || (isUnclear && verify.watchdog.unmeasured === 'rollback')) {
    return failed({ reason: 'reported', message: `watchdog: ${judgement.reason}`, retryable: false });
  }
  return ok(asJson(judgement));
}

/** Of the old version; where there was none, of the new one while it is warm. */
async function baseline(
  { context }: DeliverySession,
  released: ReleasedPlace,
  open: OpenPlace,
  { paths, io }: { readonly paths: readonly string[]; readonly io: TaskIo },
): Promise<Readonly<Record<string, number>>> {
  const missing = paths.filter((path) => released.baseline_ms[path] === undefined);
  const samples = context.settings.verify.watchdog.samples * 2;
  const own = await measureBaseline(open, missing, { samples, signal: io.signal, clock: context.clock });
  return { ...own, ...released.baseline_ms };
}

function instanceOf({ instance }: ReleasedPlace): Watched['instance'] {
  const { name, address, ...rest } = instance;
  return { ...rest, ...(name !== undefined && { name }), ...(address && { address }) };
}

function factsOf({ facts }: ReleasedPlace): Watched['expected']['facts'] {
  const { exit_code: code, oom_killed: oom, ...rest } = facts;
  return {
    ...rest,
    ...(code !== undefined && { exit_code: code }),
    ...(oom !== undefined && { oom_killed: oom }),
  };
}

/** The release has served well: on record as a target to go back to, and what it replaced is ended. */
async function finish(
  session: DeliverySession,
  release: ReleaseRecord,
  places: readonly OpenedPlace[],
  io: TaskIo,
): Promise<Result<JsonObject>> {
  for (const [service, unit] of Object.entries(release.artifacts)) {
    if (!places.some(({ released }) => released.service === service)) continue;
    const noted = await noteRelease(session, release, {
      service,
      artifact: asArtifact(unit),
      verdict: 'healthy',
    });
    if (!noted.ok) return noted;
  }
  const replaced = places.map(({ released, open }) => ({
    open,
    instanceId: released.instance.id,
    previous: released.previous ? asArtifact(released.previous) : undefined,
  }));
  const ended = await retireFormer(session.context, replaced, io);
  if (!ended.ok) return ended;
  await session.unlock([...new Set(places.map(({ released }) => released.host))]);
  return ok(asJson(ended.value));
}
