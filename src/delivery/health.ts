import { failed, messageOf, ok, type Failure, type Result } from '../core/failure.ts';
import type { Clock } from '../core/ports.ts';
import type { Instance, InstanceFacts, Runtime, RuntimeIo, Target } from '../core/runtime.ts';
import { probe, type ProbeAnswer } from './probe.ts';

interface HealthParts {
  readonly runtime: Runtime;
  readonly target: Target;
  readonly instance: Instance;
  readonly clock: Clock;
  readonly io: RuntimeIo;
}

/** Longest wait for one answer, milliseconds. */
const PROBE_MS = 5_000;
/** It has come up and ended so often: more of it would not heal. */
const MAX_ENDS = 3;
const LOG_LINES = 10;

/**
 * Waits until this very instance is healthy: its own address answers as expected, twice, and in between neither its
 * id nor its start has changed. Once it has answered, `health.retries` transport errors in a row are looked over.
 */
export async function waitHealthy(parts: HealthParts): Promise<Result<InstanceFacts>> {
  const { target, clock, io } = parts;
  const { health } = target.settings;
  const deadline = clock.monotonicMs() + health.timeout;
  let seen: Seen = { transportErrors: 0, last: 'it did not answer' };
  for (;;) {
    if (io.signal.aborted) return failed({ reason: 'cancelled', by: 'signal' });
    const next = await lookOnce(parts, seen);
    if (!next.ok) return next;
    seen = next.value;
    if (seen.healthy) return ok(seen.healthy);
    if (clock.monotonicMs() >= deadline) {
      const within = `${Math.round(health.timeout / 1000)} s`;
      return failed(await withLogs(parts, `not healthy within ${within}: ${seen.last}`));
    }
    await clock.sleep(health.interval, io.signal);
  }
}

interface Seen {
  /** As it was when it answered well; an equal second look makes it healthy. */
  readonly steady?: InstanceFacts;
  readonly healthy?: InstanceFacts;
  readonly transportErrors: number;
  readonly last: string;
}

async function lookOnce(parts: HealthParts, before: Seen): Promise<Result<Seen>> {
  const { runtime, target, instance, io } = parts;
  const { health } = target.settings;
  const looked = await runtime.inspect(target, instance, io);
  if (!looked.ok) return looked;
  const facts = looked.value;
  const ended = endedTooOften(facts);
  if (ended !== undefined) return failed(await withLogs(parts, ended));
  const answer = await ask(parts);
  if (!answer.ok) {
    const transportErrors = before.transportErrors + 1;
    const isOver = transportErrors > health.retries;
    const last = messageOf(answer.failure);
    return ok({ transportErrors, last, ...(!isOver && before.steady && { steady: before.steady }) });
  }
  if (answer.value.status !== health.status) {
    const { status } = answer.value;
    // Mostly a service that has no such page: what to change is said, too.
    const hint = status === 404 ? ` (health.path of ${target.service} says what is asked)` : '';
    const last = `${health.path} answered ${status} instead of ${health.status}${hint}`;
    return ok({ transportErrors: 0, last });
  }
  if (before.steady && isSame(before.steady, facts)) return ok({ ...before, healthy: facts });
  const last = before.steady ? 'it restarted while it was looked at' : before.last;
  return ok({ transportErrors: 0, last, ...(facts.is_running && { steady: facts }) });
}

function ask({ target, instance, io }: HealthParts): Promise<Result<ProbeAnswer>> {
  const { health, port } = target.settings;
  return probe(target.host, {
    port: instance.address?.port ?? port,
    path: health.path,
    timeoutMs: Math.min(PROBE_MS, health.timeout),
    signal: io.signal,
  });
}

function endedTooOften({ restart_count: restarts, exit_code: code }: InstanceFacts): string | undefined {
  if (restarts < MAX_ENDS) return undefined;
  return `it ended ${restarts} times${code === undefined ? '' : `, the last time with ${code}`}`;
}

/** The same start of the same instance. */
export function isSame(a: InstanceFacts, b: InstanceFacts): boolean {
  return (
    a.id === b.id && a.started_at === b.started_at && a.restart_count === b.restart_count && b.is_running
  );
}

async function withLogs({ runtime, target, instance, io }: HealthParts, why: string): Promise<Failure> {
  const logs = await runtime.logs?.(target, instance, { ...io, lines: LOG_LINES });
  const lines = logs?.ok ? logs.value : [];
  for (const line of lines) await io.log(`${target.service}: ${line}`);
  const tail = lines.length > 0 ? `; its last lines: ${lines.slice(-3).join(' ; ')}` : '';
  return {
    reason: 'reported',
    message: `${target.service} on ${target.host.name}: ${why}${tail}`,
    retryable: false,
  };
}
