import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { readAnalysis, shouldTest } from '../../core/analysis.ts';
import { slug } from '../../core/engine/slug.ts';
import { type Failure, failed, ok, type Result } from '../../core/failure.ts';
import type { JsonObject } from '../../core/json.ts';
import { formatDuration } from '../../core/quantities.ts';
import type { StageContext, StepResult } from '../../core/stage-kind.ts';
import type { StepProgress } from '../../core/stream-report.ts';
import { countsText } from '../../core/stream-text.ts';
import { planE2e } from './e2e.ts';
import { planPerformance } from './performance.ts';
import { planSecurity } from './security.ts';
import {
  type PlannedSuite,
  type ReadySuite,
  SUITES,
  type SuiteName,
  type SuitePlace,
  type SuiteResult,
} from './suite.ts';
import { planUnit } from './unit.ts';
import { verdictOf } from './verdict.ts';

/** How often a running suite is looked at, milliseconds. */
const LOOK_MS = 250;

/** Not about the tests: the stage itself cannot go on. */
const OF_THE_STAGE: ReadonlySet<Failure['reason']> = new Set([
  'cancelled',
  'interrupted',
  'state-unwritable',
  'executor-unreachable',
  'authentication',
  'secret-unavailable',
  'template-refused',
  'limit-unavailable',
  'invalid',
  'unexpected',
]);

type Results = Partial<Record<SuiteName, SuiteResult>>;

/** Runs the suites of a project side by side and says what they come to together. */
export async function runSuites(
  chosen: readonly SuiteName[] | undefined,
  context: StageContext,
): Promise<Result<JsonObject>> {
  const results: Results = {};
  const ready: ReadySuite[] = [];
  for (const name of SUITES) {
    const planned = planOf(name, chosen, context);
    if (planned.state === 'ready') ready.push(planned.suite);
    else if (planned.state === 'settled') results[name] = planned.result;
    else context.explain({ name: `test.${name}`, value: `not run: ${planned.reason}` });
  }
  for (const [name, result] of Object.entries(results)) context.progress([settledLook(name, result)]);
  const stopped = await runAll(ready, { context, results });
  if (stopped) return failed(stopped);
  const tests = Object.fromEntries(SUITES.flatMap((name) => (results[name] ? [[name, results[name]]] : [])));
  const { failure, warnings, notes } = verdictOf(tests, context.settings.test.max_warnings);
  await context.writeArtifact(
    'tests.json',
    `${JSON.stringify({ stage: context.id, tests, warnings }, null, 1)}\n`,
  );
  for (const line of Object.entries(tests).map(([name, result]) => summaryLine(name, result)))
    await context.log(line);
  for (const warning of [...warnings, ...notes]) context.warn(warning);
  return failure ? failed(failure) : ok({ tests });
}

function planOf(
  name: SuiteName,
  chosen: readonly SuiteName[] | undefined,
  context: StageContext,
): PlannedSuite {
  const settings = context.settings.test;
  if (settings[name] === false)
    return { state: 'absent', reason: `test.${name} is false in pipewright.yaml` };
  if (chosen && !chosen.includes(name)) return { state: 'absent', reason: 'the stage does not name it' };
  const choice = shouldTest(readAnalysis(context.variables), name);
  if (!choice.run) return { state: 'absent', reason: `${choice.reason} (${choice.rule})` };
  if (choice.leave_out.length > 0) {
    const without = `without tests in ${choice.leave_out.join(', ')}`;
    context.explain({ name: `test.${name}`, value: `${without}: ${choice.reason} (${choice.rule})` });
  }
  const isNamed = settings[name] !== undefined || chosen !== undefined;
  const place = placeOf(context, { isNamed, leaveOut: choice.leave_out });
  const plan: Readonly<Record<SuiteName, () => PlannedSuite>> = {
    unit: () => planUnit(settings.unit || {}, place),
    e2e: () => planE2e(settings.e2e || {}, place),
    performance: () => planPerformance(settings.performance || undefined, place),
    security: () => planSecurity(settings.security || undefined, place),
  };
  return plan[name]();
}

function placeOf(
  context: StageContext,
  { isNamed, leaveOut }: Pick<SuitePlace, 'isNamed' | 'leaveOut'>,
): SuitePlace {
  const { artifacts } = context.variables;
  if (typeof artifacts !== 'string') throw new Error('a run has no folder for artifacts');
  const reports = path.join(artifacts, slug(context.id));
  mkdirSync(reports, { recursive: true, mode: 0o700 });
  return {
    folder: path.resolve(context.project, context.stage.workdir ?? ''),
    reports,
    logs: path.join(path.dirname(artifacts), 'logs'),
    stage: context.id,
    attempt: context.attempt,
    isNamed,
    leaveOut,
    today: context.clock.now().slice(0, 10),
    keep: async (name, text) => void (await context.writeArtifact(name, text)),
    now: context.clock.now,
  };
}

/** All at the same time; resolves with a failure that is not about tests when one met it. */
async function runAll(
  ready: readonly ReadySuite[],
  { context, results }: { readonly context: StageContext; readonly results: Results },
): Promise<Failure | undefined> {
  const total = ready.length;
  const settled = await Promise.allSettled(
    ready.map(async (suite, index) => {
      const ended = await runSuite(suite, { context, place: { index: index + 1, total } });
      if (ended.failure && OF_THE_STAGE.has(ended.failure.reason)) return ended.failure;
      const result = await suite.judge(ended);
      results[suite.name] = result;
      context.progress([endedLook(suite, result)]);
      return undefined;
    }),
  );
  // Rethrown only when all have ended: a thrown one must not leave commands running unwatched.
  for (const outcome of settled) if (outcome.status === 'rejected') throw outcome.reason;
  return settled.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : [])).find(Boolean);
}

async function runSuite(
  suite: ReadySuite,
  {
    context,
    place,
  }: { readonly context: StageContext; readonly place: { readonly index: number; readonly total: number } },
): Promise<StepResult> {
  const { name, text, script, kind, timeoutMs } = suite;
  const ending = new AbortController();
  const watch = async (): Promise<void> => {
    do {
      context.progress([{ name, what: text, kind, status: 'running', ...suite.look() }]);
    } while (await context.clock.sleep(LOOK_MS, ending.signal));
  };
  const watching = watch();
  try {
    const command = { text, script, values: [] };
    return await context.step(
      { name, command, env: {}, ...(timeoutMs !== undefined && { timeout_ms: timeoutMs }) },
      place,
    );
  } finally {
    ending.abort();
    await watching;
  }
}

function endedLook({ name, text, kind }: ReadySuite, result: SuiteResult): StepProgress {
  return { name, what: text, kind, status: statusOf(result), ...finding(result) };
}

function settledLook(name: string, result: SuiteResult): StepProgress {
  return { name, what: 'not run', kind: 'report', status: statusOf(result), result: shortText(result) };
}

function statusOf({ verdict }: SuiteResult): StepProgress['status'] {
  if (verdict === 'passed' || verdict === 'unmeasured') return 'passed';
  return verdict === 'failed' ? 'failed' : 'stopped';
}

function finding(result: SuiteResult): Pick<StepProgress, 'counts' | 'result'> {
  const counts = countsOf(result);
  return counts ? { counts } : { result: shortText(result) };
}

function countsOf({ passed, failed: bad = 0, skipped = 0 }: SuiteResult) {
  return passed === undefined ? undefined : { passed, failed: bad, skipped };
}

/** `passed`, or the verdict with its reason. */
function shortText({ verdict, reason, scores }: SuiteResult): string {
  if (reason !== undefined) return `${verdict}: ${reason}`;
  if (!scores) return verdict;
  return Object.entries(scores)
    .map(([name, score]) => `${name} ${score === null ? 'unknown' : score}`)
    .join(', ');
}

function summaryLine(name: string, result: SuiteResult): string {
  const counts = countsOf(result);
  const parts = [
    result.verdict,
    ...(counts ? [countsText(counts)] : []),
    ...(result.coverage_percent === undefined ? [] : [`${result.coverage_percent} % of lines covered`]),
    ...(result.reason === undefined ? [] : [result.reason]),
    ...(result.duration_ms > 0 ? [formatDuration(result.duration_ms)] : []),
  ];
  return `${name}: ${parts.join(', ')}`;
}
