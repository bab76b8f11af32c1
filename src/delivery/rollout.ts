import { failed, messageOf, ok, type Result } from '../core/failure.ts';
import type { Clock } from '../core/ports.ts';
import type { Artifact, Instance, InstanceFacts, Runtime, RuntimeIo, Target } from '../core/runtime.ts';
import { isSame, waitHealthy } from './health.ts';
import { probe, type ProbeAnswer } from './probe.ts';

/** One service on one host, and what is to run there. */
export interface Rollout {
  readonly runtime: Runtime;
  readonly target: Target;
  readonly artifact: Artifact;
  readonly clock: Clock;
  readonly io: RuntimeIo;
  /** The last look before the switch: lock, and whatever else must still hold. */
  readonly recheck: () => Promise<Result<void>>;
}

export interface RolledOut {
  readonly instance: Instance;
  readonly facts: InstanceFacts;
  /** It served already: an earlier try came so far. */
  readonly was_there: boolean;
  /** From the order to switch until the new one was seen to answer; milliseconds. */
  readonly switch_ms: number;
}

const SERVING_TRIES = 20;
const STILL_SERVING_TRIES = 3;
const SERVING_PAUSE_MS = 100;

/**
 * Brings one artifact into service on one host: start, healthy, a last look, switch, and seen to answer. What runs there
 * is the truth: a repetition goes on where the host stands. A new one that is not healthy never gets traffic with
 * start-first, and is ended again.
 */
export async function rollOut(rollout: Rollout): Promise<Result<RolledOut>> {
  const { runtime, target, clock, io } = rollout;
  const begun = await begin(rollout);
  if (!begun.ok) return begun;
  const { instance, wasThere } = begun.value;
  const healthy = await waitHealthy({ runtime, target, instance, clock, io });
  if (!healthy.ok) {
    if (target.settings.strategy === 'start-first' && !wasThere) await runtime.retire(target, instance, io);
    return healthy;
  }
  const allowed = await rollout.recheck();
  if (!allowed.ok) return allowed;
  const began = clock.monotonicMs();
  const switched = await runtime.switchTo(target, instance, io);
  if (!switched.ok) return switched;
  const seen = await seenServing(rollout, instance, { before: healthy.value, tries: SERVING_TRIES });
  if (!seen.ok) return seen;
  const switchMs = Math.round(clock.monotonicMs() - began);
  return ok({ instance, facts: seen.value, was_there: wasThere, switch_ms: switchMs });
}

/**
 * What serves, where a roll-out would change nothing: started with the same files, variables and settings, and clients
 * get it. Undefined: there is something to do.
 */
export async function servesAlready({
  runtime,
  target,
  artifact,
  ...rest
}: Omit<Rollout, 'recheck'>): Promise<Result<RolledOut | undefined>> {
  const current = await runtime.current(target, rest.io);
  if (!current.ok) return current;
  const instance = current.value;
  if (instance?.setup === undefined || instance.digest !== artifact.digest) return ok(undefined);
  const setup = await runtime.setup(target, artifact);
  if (!setup.ok) return setup;
  if (setup.value !== instance.setup) return ok(undefined);
  const facts = await runtime.inspect(target, instance, rest.io);
  if (!facts.ok) return facts;
  if (!facts.value.is_running) return ok(undefined);
  const parts = { runtime, target, ...rest };
  const seen = await seenServing(parts, instance, { before: facts.value, tries: STILL_SERVING_TRIES });
  return ok(seen.ok ? { instance, facts: seen.value, was_there: true, switch_ms: 0 } : undefined);
}

/** The instance of this very release: the one that serves already, or one that is started now. */
async function begin(
  rollout: Rollout,
): Promise<Result<{ readonly instance: Instance; readonly wasThere: boolean }>> {
  const { runtime, target, artifact, io } = rollout;
  const current = await runtime.current(target, io);
  if (!current.ok) return current;
  const serves = current.value;
  const isThere = serves?.digest === artifact.digest && serves.run_id === artifact.run_id;
  const known = isThere ? await alive(rollout, serves) : ok(undefined);
  if (!known.ok) return known;
  const instance = known.value ? ok(known.value) : await runtime.start(target, artifact, io);
  if (!instance.ok) return instance;
  const { name, id } = instance.value;
  const wasThere = known.value !== undefined;
  await io.log(
    `${target.service}@${target.host.name}: instance ${name ?? id} ${wasThere ? 'runs already' : 'started'}`,
  );
  return ok({ instance: instance.value, wasThere });
}

async function alive(
  { runtime, target, io }: Rollout,
  instance: Instance,
): Promise<Result<Instance | undefined>> {
  const facts = await runtime.inspect(target, instance, io);
  if (!facts.ok) return facts;
  return ok(facts.value.is_running ? instance : undefined);
}

/** Clients get the new one: asked where they ask, answered by this instance where a proxy can tell. */
async function seenServing(
  { runtime, target, clock, io }: Pick<Rollout, 'runtime' | 'target' | 'clock' | 'io'>,
  instance: Instance,
  { before, tries }: { readonly before: InstanceFacts; readonly tries: number },
): Promise<Result<InstanceFacts>> {
  const { health, port } = target.settings;
  let last = 'no answer';
  for (let attempt = 0; attempt < tries; attempt += 1) {
    const answer = await probe(target.host, { port, path: health.path, timeoutMs: 5000, signal: io.signal });
    if (io.signal.aborted) return failed({ reason: 'cancelled', by: 'signal' });
    const problem = answer.ok ? wrongAnswer(answer.value, target, instance) : messageOf(answer.failure);
    if (problem === undefined) {
      const facts = await runtime.inspect(target, instance, io);
      if (!facts.ok) return facts;
      if (isSame(before, facts.value)) return ok(facts.value);
    }
    last = problem ?? 'it restarted right after the switch';
    await clock.sleep(SERVING_PAUSE_MS, io.signal);
  }
  return failed({
    reason: 'reported',
    message: `${target.service} on ${target.host.name}: after the switch port ${port} is not served by the new version: ${last}`,
    retryable: false,
  });
}

/** Undefined where it is the expected one, and of this instance as far as that can be told. */
function wrongAnswer(
  { status, instance: by }: ProbeAnswer,
  { settings: { health } }: Target,
  { name }: Instance,
): string | undefined {
  if (status === health.status && (by === undefined || by === (name ?? by))) return undefined;
  return `${health.path} answers ${status}${by === undefined ? '' : ` from ${by}`}`;
}
