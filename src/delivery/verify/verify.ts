import { z } from 'zod';
import { failed, ok, type Result } from '../../core/failure.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import type { RollbackUnit } from '../../core/releases.ts';
import type { TaskIo } from '../../core/stage-kind.ts';
import { measureBaseline, watchedPaths } from '../deploy/baseline.ts';
import { noteRelease } from '../deploy/deploy.ts';
import { asArtifact, asJson, type ReleaseRecord, VERDICTS } from '../deploy/records.ts';
import { type DeliverySession, type OpenPlace, runtimeIo } from '../deploy/session.ts';
import { placeName } from '../deploy/targets.ts';
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
  return ok({
    verdict,
    reason: watched.value['reason'] ?? '',
    healthy_commit: release.commit,
    ...finished.value,
  });
}

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
  const retired: JsonValue[] = [];
  for (const { released, open } of places) {
    const done = await retireOld(session, released, open, io);
    if (!done.ok) return done;
    if (done.value) retired.push(placeName(released.service, released.host));
  }
  await session.unlock([...new Set(places.map(({ released }) => released.host))]);
  return ok({ retired });
}

async function retireOld(
  { context }: DeliverySession,
  released: ReleasedPlace,
  { runtime, target, service }: OpenPlace,
  io: TaskIo,
): Promise<Result<boolean>> {
  const previous = released.previous ? asArtifact(released.previous) : undefined;
  const old = previous ? await runtime.find(target, previous, runtimeIo(io)) : ok(undefined);
  if (!old.ok) return old;
  const isOther = old.value !== undefined && old.value.id !== released.instance.id;
  if (isOther && old.value) {
    const retired = await runtime.retire(target, old.value, runtimeIo(io));
    if (!retired.ok) return retired;
    await io.log(`${placeName(service, released.host)}: the former instance was ended`);
  }
  const keep = await keptUnits(context, service);
  const pruned = keep.ok ? await runtime.prune(target, keep.value, runtimeIo(io)) : keep;
  if (!pruned.ok) context.warn(`${placeName(service, released.host)}: old releases could not be removed`);
  return ok(isOther);
}

/** The newest healthy releases, and whatever is newer. */
async function keptUnits(
  { ports, environment, settings }: DeliverySession['context'],
  service: string,
): Promise<Result<readonly RollbackUnit[]>> {
  const history = await ports.releases.read(environment, service);
  if (!history.ok) return history;
  const { releases } = history.value;
  const digests = new Set<string>();
  const kept = releases.filter(({ digest, verdict }) => {
    if (verdict === 'failed' || verdict === 'rolled_back') return false;
    digests.add(digest);
    return digests.size <= settings.deploy.keep_releases;
  });
  return ok(kept);
}
