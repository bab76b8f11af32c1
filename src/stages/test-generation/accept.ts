import { mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Failure, failed, ok, type Result } from '../../core/failure.ts';
import type { TestgenSettings } from '../../core/settings/testgen.ts';
import type { TestCase } from '../../delivery/reports/test-results.ts';
import { type DraftCase, type DraftTest, renderTest } from '../../testgen/write/test-file.ts';
import { percentOf } from './covered-lines.ts';
import { runTests, type TestRun, type TestRunEnd } from './runners.ts';

/** What a draft is tried with. */
export interface Trial {
  readonly draft: DraftTest;
  readonly after: string;
  readonly before?: string;
  readonly run: Omit<TestRun, 'root' | 'test' | 'withCoverage'>;
  readonly verify: TestgenSettings['verify'];
  /** Changed lines of the file under test; empty: all of it. */
  readonly lines: ReadonlySet<number>;
  readonly missing: string | undefined;
}

interface JudgedCase {
  readonly id: string;
  readonly verdict: 'passed' | 'failed' | 'inconclusive' | 'unmeasured';
  readonly passes: number;
  /** It fails against the code before the change; null: not measured. */
  readonly detects_revert: boolean | null;
}

export interface Acceptance {
  readonly verdict: JudgedCase['verdict'];
  readonly cases: readonly JudgedCase[];
  readonly runs: number;
  readonly passes: number;
  readonly detects_revert: boolean | null;
  readonly coverage: number | null;
  readonly reason: string;
  /** What the runner said of what did not hold; for the artifact and for another try. */
  readonly said: string;
  /** The file without the cases that did not hold. */
  readonly text: string;
}

const MOST_SAID = 12_000;

/**
 * Runs a draft in the copies: again and again after the commits, then once before them. A case that does not hold is taken
 * out, and what is left must hold once more by itself.
 */
export async function judgeDraft(trial: Trial): Promise<Result<Acceptance>> {
  const { draft, missing, verify } = trial;
  if (missing !== undefined) return ok(notRun(draft, 'unmeasured', missing));
  const text = renderTest(draft, draft.cases);
  const problem = place(trial.after, draft.file, text);
  if (problem) return failed(problem);
  const repeated = await again(trial);
  if (!repeated.ok) return repeated;
  const ends = repeated.value;
  const counted = draft.cases.map((one) => ({
    one,
    passes: ends.filter((end) => passedIn(end, one.name)).length,
  }));
  const kept = counted.filter(({ passes }) => passes === verify.runs).map(({ one }) => one);
  const isWhole = kept.length === draft.cases.length && ends.every(({ exit_code: code }) => code === 0);
  const final = isWhole ? ok({ text, end: ends.at(-1) }) : await alone(trial, kept);
  if (!final.ok) return final;
  if (final.value.end === undefined) return ok(rejected(trial, { text, ends, counted }));
  const revert = await onceBefore(trial, { text: final.value.text, kept });
  if (!revert.ok) return revert;
  const facts = { runs: verify.runs, detects: revert.value };
  const cases = counted.map(({ one, passes }) => judged(one, { passes, ...facts }));
  return ok({
    verdict: 'passed',
    cases,
    runs: verify.runs,
    passes: verify.runs,
    detects_revert: detectedBy(cases),
    coverage: coverageOf(final.value.end, trial.lines),
    reason: passedReason(cases),
    said: isWhole ? '' : saidBy(ends, draft),
    text: final.value.text,
  });
}

/** As often as it must pass, and no further when that is out of reach. */
async function again(trial: Trial): Promise<Result<readonly TestRunEnd[]>> {
  const { runs } = trial.verify;
  const ends: TestRunEnd[] = [];
  for (let round = 0; round < runs; round++) {
    const end = await once(trial, trial.after, round === runs - 1);
    if (!end.ok) return end;
    ends.push(end.value);
    if (end.value.timed_out || isHopeless(trial.draft, end.value)) break;
  }
  return ok(ends);
}

function coverageOf({ covered }: TestRunEnd, lines: ReadonlySet<number>): number | null {
  return covered ? (percentOf(covered, lines) ?? null) : null;
}

function once(trial: Trial, root: string, withCoverage: boolean): Promise<Result<TestRunEnd>> {
  return runTests({ ...trial.run, root, test: trial.draft.file, withCoverage });
}

/** What is left of the file, without the cases that did not hold: it may have leaned on them. */
async function alone(
  trial: Trial,
  kept: readonly DraftCase[],
): Promise<Result<{ readonly text: string; readonly end: TestRunEnd | undefined }>> {
  const text = renderTest(trial.draft, kept);
  if (kept.length === 0) return ok({ text, end: undefined });
  const problem = place(trial.after, trial.draft.file, text);
  if (problem) return failed(problem);
  const end = await once(trial, trial.after, true);
  if (!end.ok) return end;
  const holds = end.value.exit_code === 0 && kept.every(({ name }) => passedIn(end.value, name));
  return ok({ text, end: holds ? end.value : undefined });
}

/** Ids of the cases that fail there; undefined when that could not be measured. */
async function onceBefore(
  trial: Trial,
  { text, kept }: { readonly text: string; readonly kept: readonly DraftCase[] },
): Promise<Result<ReadonlySet<string> | undefined>> {
  if (trial.before === undefined || !trial.verify.revert) return ok(undefined);
  const problem = place(trial.before, trial.draft.file, text);
  if (problem) return failed(problem);
  const end = await once(trial, trial.before, false);
  if (!end.ok) return end;
  // A runner that ends without a report and without a complaint has shown nothing.
  if (end.value.timed_out || (end.value.exit_code === 0 && end.value.cases.length === 0))
    return ok(undefined);
  return ok(new Set(kept.filter(({ name }) => !passedIn(end.value, name)).map(({ id }) => id)));
}

/** Nothing of it was reported, or nothing passed: the next run would not be better. */
function isHopeless(draft: DraftTest, end: TestRunEnd): boolean {
  return draft.cases.every(({ name }) => !passedIn(end, name));
}

function passedIn({ cases }: TestRunEnd, name: string): boolean {
  const found = cases.filter((one) => isNamed(one, name));
  return found.length > 0 && found.every(({ status }) => status === 'passed');
}

/** Runners put the names of groups in front. */
function isNamed({ name }: TestCase, wanted: string): boolean {
  return name === wanted || name.endsWith(` > ${wanted}`) || name.endsWith(` ${wanted}`);
}

function judged(
  { id }: DraftCase,
  of: { readonly passes: number; readonly runs: number; readonly detects: ReadonlySet<string> | undefined },
): JudgedCase {
  const { passes, runs, detects } = of;
  const verdict = passes === runs ? 'passed' : passes === 0 ? 'failed' : 'inconclusive';
  return { id, verdict, passes, detects_revert: verdict === 'passed' && detects ? detects.has(id) : null };
}

function detectedBy(cases: readonly JudgedCase[]): boolean | null {
  const measured = cases.filter(({ detects_revert: detects }) => detects !== null);
  return measured.length === 0 ? null : measured.some(({ detects_revert: detects }) => detects === true);
}

function passedReason(cases: readonly JudgedCase[]): string {
  const dropped = cases.filter(({ verdict }) => verdict !== 'passed').length;
  if (dropped === 0) return '';
  return `${dropped} of ${cases.length} cases did not hold and ${dropped === 1 ? 'was' : 'were'} left out`;
}

function rejected(
  { draft, verify }: Trial,
  of: {
    readonly text: string;
    readonly ends: readonly TestRunEnd[];
    readonly counted: readonly { readonly one: DraftCase; readonly passes: number }[];
  },
): Acceptance {
  const { ends, counted } = of;
  const cases = counted.map(({ one, passes }) =>
    judged(one, { passes, runs: verify.runs, detects: undefined }),
  );
  const isFlaky = counted.some(({ passes }) => passes > 0);
  const isSlow = ends.some((end) => end.timed_out);
  const found = ends.some((end) => end.cases.length > 0);
  const why = found ? 'every case of it failed' : 'its runner reported no test of it';
  const unsteady = 'it passes in some runs and fails in others, or only together with cases that fail';
  return {
    verdict: isFlaky || isSlow ? 'inconclusive' : 'failed',
    cases,
    runs: ends.length,
    passes: Math.max(0, ...counted.map(({ passes }) => passes)),
    detects_revert: null,
    coverage: null,
    reason: isSlow ? `it did not end within ${verify.timeout / 1000} s` : isFlaky ? unsteady : why,
    said: saidBy(ends, draft),
    text: of.text,
  };
}

/** Of a draft that never ran: a refused one has failed, and its author is told why. */
export function notRun(draft: DraftTest, verdict: 'failed' | 'unmeasured', reason: string): Acceptance {
  return {
    verdict,
    cases: draft.cases.map(({ id }) => ({ id, verdict, passes: 0, detects_revert: null })),
    runs: 0,
    passes: 0,
    detects_revert: null,
    coverage: null,
    reason,
    said: verdict === 'failed' ? reason : '',
    text: renderTest(draft, draft.cases),
  };
}

/** Messages of failed cases where the runner gives them, otherwise the end of its output. */
function saidBy(ends: readonly TestRunEnd[], { cases }: DraftTest): string {
  const messages = ends
    .flatMap((end) => end.cases)
    .filter(({ status, message }) => status === 'failed' && message !== undefined && message !== '')
    .map(({ name, message }) => `${name}\n${message}`);
  const all = messages.length > 0 ? [...new Set(messages)].join('\n\n') : (ends.at(-1)?.log ?? '');
  return `${cases.length} cases, ${ends.length} runs\n${all}`.slice(0, MOST_SAID);
}

/** Writes a test into a copy; a link of the repository must not lead out of it. */
function place(root: string, file: string, text: string): Failure | undefined {
  const target = path.join(root, file);
  const folder = path.dirname(target);
  const outside: Failure = {
    reason: 'reported',
    message: `${file} would lie outside the copy of the project`,
    retryable: false,
  };
  if (!target.startsWith(`${root}/`)) return outside;
  mkdirSync(folder, { recursive: true });
  if (!`${realpathSync(folder)}/`.startsWith(`${realpathSync(root)}/`)) return outside;
  rmSync(target, { force: true });
  writeFileSync(target, text);
  return undefined;
}
