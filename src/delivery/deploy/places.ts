import { ok, type Result } from '../../core/failure.ts';
import type { Artifact, RuntimeIo } from '../../core/runtime.ts';
import type { TaskIo } from '../../core/stage-kind.ts';
import { measureBaseline, watchedPaths } from './baseline.ts';
import type { PlaceFacts } from './conditions.ts';
import type { Candidate } from './gate.ts';
import { artifactOfRelease, GATE_TASK, type PlaceRecord } from './records.ts';
import { type RolledOut, servesAlready } from '../rollout.ts';
import { serviceEnv } from './service-env.ts';
import { whileSending } from './sending.ts';
import { type DeliverySession, type OpenPlace, runtimeIo } from './session.ts';
import { placeName } from './targets.ts';

/** What the gate finds out about one service@host. */
export interface SeenPlace {
  readonly facts: PlaceFacts;
  readonly record: PlaceRecord;
}

/** Each artifact with what its runtime adds to it: the release is whole before anything is brought anywhere. */
export async function completeCandidate(
  session: DeliverySession,
  candidate: Candidate,
  io: TaskIo,
): Promise<Result<Candidate>> {
  const artifacts: Record<string, Artifact> = {};
  for (const { service, hosts } of candidate.services) {
    const artifact = candidate.artifacts[service];
    const [host] = hosts;
    if (!artifact || host === undefined) continue;
    const place = await session.open(service, host);
    if (!place.ok) return place;
    const { runtime, target } = place.value;
    const whole = (await runtime.complete?.(target, artifact, runtimeIo(io))) ?? ok(artifact);
    if (!whole.ok) return whole;
    artifacts[service] = whole.value;
  }
  return ok({ ...candidate, artifacts });
}

/** Brings the artifact to every service@host and looks at it; changes nothing that serves. */
export async function lookAtPlaces(
  session: DeliverySession,
  candidate: Candidate,
  { io, redeploy }: { readonly io: TaskIo; readonly redeploy: boolean },
): Promise<Result<readonly SeenPlace[]>> {
  const seen: SeenPlace[] = [];
  for (const { service, hosts } of candidate.services) {
    const artifact = candidate.artifacts[service];
    if (!artifact) continue;
    for (const host of hosts) {
      const place = await session.open(service, host);
      if (!place.ok) return place;
      const facts = await lookAtPlace(session, place.value, artifact, { ...io, redeploy });
      if (!facts.ok) return facts;
      seen.push(facts.value);
    }
  }
  return ok(seen);
}

async function lookAtPlace(
  session: DeliverySession,
  place: OpenPlace,
  artifact: Artifact,
  io: TaskIo & { readonly redeploy: boolean },
): Promise<Result<SeenPlace>> {
  const { runtime, target, service, host } = place;
  const space = await runtime.space(target, artifact, io);
  if (!space.ok) return space;
  const floor = session.context.settings.deploy.min_free_disk;
  const hasRoom = space.value.free_bytes >= Math.max(floor, space.value.needed_bytes);
  const brought = hasRoom ? await bring(session, place, artifact, io) : ok(undefined);
  if (!brought.ok) return brought;
  const problems = brought.value;
  const former = await lookAtFormer(session, place, artifact, io);
  if (!former.ok) return former;
  const there = io.redeploy ? ok(undefined) : await leftAlone(session, place, artifact, io);
  if (!there.ok) return there;
  const { previous, previous_problems, baseline_ms } = former.value;
  return ok({
    facts: {
      place: placeName(service, host.name),
      ...(previous && { previous }),
      previous_problems,
      problems: problems ?? [],
      free_bytes: space.value.free_bytes,
      needed_bytes: space.value.needed_bytes,
      volume: space.value.place,
      ...(problems && {
        digest_on_host: !problems.some((problem) => problem.includes(artifact.digest)),
      }),
    },
    record: {
      service,
      host: host.name,
      previous: previous ? unitOf(previous) : null,
      stays: there.value !== undefined,
      baseline_ms,
    },
  });
}

interface Former {
  readonly previous?: Artifact;
  readonly previous_problems: readonly string[];
  readonly baseline_ms: PlaceRecord['baseline_ms'];
}

/** What serves there now: whether it could be started again, and how fast it answers. */
async function lookAtFormer(
  session: DeliverySession,
  place: OpenPlace,
  artifact: Artifact,
  io: TaskIo,
): Promise<Result<Former>> {
  const previous = await previousOf(session, place, artifact, io);
  if (!previous.ok) return previous;
  if (!previous.value) return ok({ previous_problems: [], baseline_ms: {} });
  const problems = await place.runtime.check(place.target, previous.value, io);
  if (!problems.ok) return problems;
  const baseline = await baselineOf(session, place, io);
  return ok({ previous: previous.value, previous_problems: problems.value, baseline_ms: baseline });
}

/** Delivers it; what keeps it from starting there. */
async function bring(
  { context }: DeliverySession,
  { runtime, target, service, host }: OpenPlace,
  artifact: Artifact,
  io: TaskIo,
): Promise<Result<readonly string[]>> {
  const sending = { io, step: GATE_TASK, what: `${artifact.reference} → ${host.name}` };
  const delivered = await whileSending(context, sending, (shown) => runtime.deliver(target, artifact, shown));
  if (!delivered.ok) return delivered;
  const { bytes_sent: bytes, method } = delivered.value;
  await io.log(`${placeName(service, host.name)}: ${bytes} bytes sent (${method})`);
  return runtime.check(target, artifact, io);
}

/** What serves there, where a deploy would change nothing: nothing is started, and why says so. */
export async function leftAlone(
  { context }: DeliverySession,
  { runtime, target, service, host }: OpenPlace,
  artifact: Artifact,
  io: RuntimeIo,
): Promise<Result<RolledOut | undefined>> {
  const there = await servesAlready({ runtime, target, artifact, clock: context.clock, io });
  if (!there.ok || there.value?.instance.run_id === artifact.run_id) {
    // An earlier try of this run has put it there: it goes on from where it stands.
    return there.ok ? ok(undefined) : there;
  }
  if (!there.value) return there;
  const name = placeName(service, host.name);
  const { run_id: runId } = there.value.instance;
  const what = `already serving ${artifact.reference}${runId === undefined ? '' : ` since ${runId}`}, same files and settings`;
  context.explain({ name: `deploy ${name}`, value: `left alone: ${what}` });
  await io.log(`${name}: ${what}: left alone`);
  return there;
}

function unitOf(artifact: Artifact): NonNullable<PlaceRecord['previous']> {
  const { env, secrets, ...rest } = artifact;
  return { ...rest, env: { ...env }, ...(secrets && { secrets: { ...secrets } }) };
}

/** What serves there now, with the variables its release was recorded with; what another run put there counts too. */
async function previousOf(
  { context }: DeliverySession,
  { runtime, target, service }: OpenPlace,
  artifact: Artifact,
  io: RuntimeIo,
): Promise<Result<Artifact | undefined>> {
  const current = await runtime.current(target, io);
  if (!current.ok) return current;
  const serves = current.value;
  if (!serves) return ok(undefined);
  const history = await context.ports.releases.read(context.environment, service);
  if (!history.ok) return history;
  if (serves.run_id === artifact.run_id && serves.digest === artifact.digest) {
    // An earlier attempt of this run has put it there: what it replaced is what to go back to.
    const before = history.value.releases.find(
      ({ run_id: id, verdict }) => id !== context.runId && verdict !== 'failed' && verdict !== 'rolled_back',
    );
    return ok(before && artifactOfRelease(before));
  }
  const known = history.value.releases.find(
    (release) =>
      release.digest === serves.digest && (serves.run_id === undefined || release.run_id === serves.run_id),
  );
  if (known) return ok(artifactOfRelease(known));
  const env = serviceEnv(target.settings, context.variables);
  if (!env.ok) return env;
  return ok({
    digest: serves.digest,
    reference: serves.reference,
    env: env.value,
    secrets: target.settings.secrets,
    commit: serves.commit ?? '',
    run_id: serves.run_id ?? '',
    size_bytes: 0,
  });
}

async function baselineOf(
  { context }: DeliverySession,
  place: OpenPlace,
  { signal }: RuntimeIo,
): Promise<Record<string, number>> {
  const { verify } = context.settings;
  const paths = watchedPaths(place.service, place.target.settings.health.path, verify);
  return measureBaseline(place, paths, {
    samples: verify.watchdog.samples * 2,
    signal,
    clock: context.clock,
  });
}
