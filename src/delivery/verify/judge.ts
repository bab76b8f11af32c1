import type { InstanceFacts } from '../../core/runtime.ts';
import type { VerifySettings } from '../../core/settings/verify.ts';
import { isSame } from '../health.ts';
import { median } from '../median.ts';
import type { Verdict } from '../deploy/records.ts';

type WatchdogSettings = VerifySettings['watchdog'];

/** One answer of a look; without `status` there was none. */
export interface Sample {
  readonly path: string;
  readonly status?: number;
  readonly duration_ms: number;
}

/** One look at one service@host. */
export interface Look {
  readonly place: string;
  readonly samples: readonly Sample[];
  /** Absent when the host could not be asked. */
  readonly facts?: InstanceFacts;
}

/** What the looks are compared with. */
export interface Expected {
  readonly place: string;
  /** Warm median of the old version by path; of the new one at its first deploy. */
  readonly baseline_ms: Readonly<Record<string, number>>;
  readonly facts: InstanceFacts;
}

export interface Judgement {
  readonly verdict: Verdict;
  readonly reason: string;
}

const PASSED: Judgement = { verdict: 'passed', reason: 'every look was as it should be' };

/** Above it a median counts as slow, milliseconds. */
export function slowLimit(
  baselineMs: number,
  { latency_spike_ratio: ratio, latency_floor: floor }: WatchdogSettings,
): number {
  return Math.max(baselineMs * ratio, baselineMs + floor);
}

/**
 * What the looks so far say of one service@host. `failed` as soon as it is certain; before the end `passed` only means
 * that nothing has failed yet. Spec 2's rules, made sound: the baseline is a warm median, a look is a median too, and K of
 * the last N looks must be slow.
 */
export function judge(looks: readonly Look[], expected: Expected, settings: WatchdogSettings): Judgement {
  const measured = looks.filter(({ facts }) => facts !== undefined);
  const last = measured.at(-1);
  if (!last?.facts) return { verdict: 'unmeasured', reason: `${expected.place} could not be looked at` };
  const strikes = worstStrikes(measured, expected, settings);
  const failure =
    restarted(last.facts, expected) ?? tooManyErrors(measured, settings) ?? tooManyStrikes(strikes, settings);
  if (failure !== undefined) return { verdict: 'failed', reason: `${expected.place}: ${failure}` };
  const unclear = unclearFrom(looks.length, measured.length, strikes);
  return unclear === undefined
    ? PASSED
    : { verdict: 'inconclusive', reason: `${expected.place}: ${unclear}` };
}

function tooManyErrors(looks: readonly Look[], { max_5xx: allowed }: WatchdogSettings): string | undefined {
  const errors = looks.flatMap(({ samples }) => samples.filter(({ status = 0 }) => status >= 500));
  const [first] = errors;
  return first && errors.length > allowed
    ? `${errors.length} x ${first.status ?? '5xx'} at ${first.path}`
    : undefined;
}

function tooManyStrikes(strikes: Strikes | undefined, settings: WatchdogSettings): string | undefined {
  return strikes && strikes.count >= settings.strikes
    ? `${strikes.what} in ${strikes.count} of the last ${strikes.of} looks`
    : undefined;
}

function unclearFrom(looks: number, measured: number, strikes: Strikes | undefined): string | undefined {
  if (measured * 2 < looks) return `it could be looked at only ${measured} of ${looks} times`;
  return strikes?.isLast === true ? `${strikes.what} in the last look` : undefined;
}

function restarted(now: InstanceFacts, { facts: before }: Expected): string | undefined {
  if (isSame(before, now)) return undefined;
  if (!now.is_running)
    return `it has ended${now.exit_code === undefined ? '' : ` with ${now.exit_code}`}${now.oom_killed === true ? ', out of memory' : ''}`;
  return `it restarted (${before.restart_count} restarts before, ${now.restart_count} now, started ${now.started_at})`;
}

interface Strikes {
  readonly count: number;
  readonly of: number;
  readonly what: string;
  readonly isLast: boolean;
}

/** Of the path that is worst off. */
function worstStrikes(
  looks: readonly Look[],
  expected: Expected,
  settings: WatchdogSettings,
): Strikes | undefined {
  const window = looks.slice(-settings.window);
  const paths = [...new Set(window.flatMap(({ samples }) => samples.map(({ path }) => path)))];
  const all = paths.map((path) => {
    const strikes = window.map((look) => strikeOf(look, path, { expected, settings }));
    const struck = strikes.filter((strike) => strike !== undefined);
    return {
      count: struck.length,
      of: window.length,
      what: struck.at(-1) ?? '',
      isLast: strikes.at(-1) !== undefined,
    };
  });
  return all.toSorted((a, b) => b.count - a.count)[0];
}

/** Slow, or no answer at all from most of the requests. */
function strikeOf(
  { samples }: Look,
  path: string,
  { expected, settings }: { readonly expected: Expected; readonly settings: WatchdogSettings },
): string | undefined {
  const mine = samples.filter((sample) => sample.path === path);
  const answered = mine.filter(({ status }) => status !== undefined);
  if (answered.length * 2 < mine.length) return `${path} did not answer`;
  const baseline = expected.baseline_ms[path];
  const middle = median(answered.map(({ duration_ms: ms }) => ms));
  if (baseline === undefined || middle === undefined || middle <= slowLimit(baseline, settings))
    return undefined;
  return `${path} took ${Math.round(middle)} ms instead of ${Math.round(baseline)} ms`;
}

/** The worst of several: failed, then unmeasured, then inconclusive. */
export function worst(judgements: readonly Judgement[]): Judgement {
  const order: readonly Verdict[] = ['failed', 'unmeasured', 'inconclusive', 'passed'];
  return judgements.toSorted((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict))[0] ?? PASSED;
}
