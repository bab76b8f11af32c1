import { failed, ok, type Result } from '../core/failure.ts';
import type { Artifact, Instance } from '../core/runtime.ts';
import { type RolledOut, rollOut, type Rollout } from './rollout.ts';

/** How one service came back to what served before. */
export interface Restored {
  readonly way: 'nothing to undo' | 'kept warm' | 'started again';
  /** Until the former version was seen to answer clients. */
  readonly serving_ms: number;
  readonly duration_ms: number;
  readonly switch_ms: number;
}

/**
 * Back to `previous` on one host, by the same way a deploy takes: what was kept warm gets the traffic at once,
 * otherwise it is started again from what lies on the host. Then the bad one is ended.
 */
export async function restore(
  rollout: Omit<Rollout, 'artifact'> & { readonly bad: Artifact; readonly previous: Artifact | undefined },
): Promise<Result<Restored>> {
  const { runtime, target, bad, previous, clock, io } = rollout;
  const began = clock.monotonicMs();
  const current = await runtime.current(target, io);
  if (!current.ok) return current;
  const isBad = (instance: Instance | undefined): boolean =>
    instance?.digest === bad.digest && instance.run_id === bad.run_id;
  if (!previous) return withoutPrevious(rollout, isBad(current.value) ? current.value : undefined, began);
  const warm = await runtime.find(target, previous, io);
  if (!warm.ok) return warm;
  const serves = current.value !== undefined && warm.value?.id === current.value.id;
  const back = await backTo({ ...rollout, artifact: previous }, warm.value);
  if (!back.ok) return back;
  const servingMs = Math.round(clock.monotonicMs() - began);
  await endBad(rollout, back.value.instance);
  return ok({
    way: serves ? 'nothing to undo' : warm.value ? 'kept warm' : 'started again',
    serving_ms: servingMs,
    duration_ms: Math.round(clock.monotonicMs() - began),
    switch_ms: back.value.switch_ms,
  });
}

/** A warm one is switched to first and looked at then: every moment before is one that the bad one serves. */
async function backTo(rollout: Rollout, warm: Instance | undefined): Promise<Result<RolledOut>> {
  const { runtime, target, io } = rollout;
  if (warm && target.settings.strategy === 'start-first') {
    const switched = await runtime.switchTo(target, warm, io);
    if (!switched.ok) return switched;
  }
  if (!warm) {
    const missing = await runtime.deliver(target, rollout.artifact, io);
    if (!missing.ok) return missing;
  }
  return rollOut(rollout);
}

async function endBad(
  { runtime, target, bad, io }: Pick<Rollout, 'runtime' | 'target' | 'io'> & { readonly bad: Artifact },
  serving: Instance | undefined,
): Promise<void> {
  const left = await runtime.find(target, bad, io);
  if (!left.ok || !left.value || left.value.id === serving?.id) return;
  const retired = await runtime.retire(target, left.value, io);
  if (!retired.ok) await io.log(`${target.service}@${target.host.name}: the bad instance could not be ended`);
}

/** Before this deploy nothing ran here: what never got traffic is ended; what serves is not taken away unasked. */
async function withoutPrevious(
  rollout: Pick<Rollout, 'runtime' | 'target' | 'io' | 'clock'> & { readonly bad: Artifact },
  serving: Instance | undefined,
  began: number,
): Promise<Result<Restored>> {
  const { target, clock } = rollout;
  if (serving) {
    return failed({
      reason: 'reported',
      message: `${target.service} on ${target.host.name} has no earlier release to go back to: the new one still serves; deploy a better one, or stop it`,
      retryable: false,
    });
  }
  await endBad(rollout, undefined);
  const durationMs = Math.round(clock.monotonicMs() - began);
  return ok({ way: 'nothing to undo', serving_ms: 0, duration_ms: durationMs, switch_ms: 0 });
}
