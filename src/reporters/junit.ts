import type { Failure } from '../core/failure.ts';
import { markupAttribute, markupText } from '../core/markup-text.ts';
import type { RunState } from '../core/run-state.ts';
import type { StageState, StepState } from '../core/stage-state.ts';
import { sanitizeText } from '../core/terminal-text.ts';
import { describeFailure } from './describe-failure.ts';

/** One test of the report: a step, or a stage that has none. */
interface Row {
  readonly name: string;
  readonly durationMs: number;
  readonly failure?: string;
  readonly skipped?: string;
}

/** A run as JUnit XML: a suite for each stage, a test for each of its steps. For servers that collect test reports. */
export function runJunit(state: RunState): string {
  const suites = Object.values(state.stages).map((stage) => ({ stage, rows: rowsOf(stage) }));
  const all = suites.flatMap(({ rows }) => rows);
  const name = `${state.created?.pipeline ?? 'pipeline'} ${state.run_id}`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="${markupAttribute(name)}" ${totals(all)}>`,
    ...suites.flatMap(({ stage, rows }) => suiteLines(stage, rows)),
    '</testsuites>',
    '',
  ].join('\n');
}

function suiteLines({ name, started_at: startedAt }: StageState, rows: readonly Row[]): readonly string[] {
  const at = startedAt === undefined ? '' : ` timestamp="${markupAttribute(startedAt)}"`;
  return [
    `  <testsuite name="${markupAttribute(name)}"${at} ${totals(rows)}>`,
    ...rows.flatMap((row) => rowLines(name, row)),
    '  </testsuite>',
  ];
}

function rowLines(stage: string, { name, durationMs, failure, skipped }: Row): readonly string[] {
  const head = `    <testcase classname="${markupAttribute(stage)}" name="${markupAttribute(name)}" time="${seconds(durationMs)}"`;
  if (failure !== undefined) {
    const [first = ''] = failure.split('\n');
    const body = `      <failure message="${markupAttribute(first)}">${markupText(failure)}</failure>`;
    return [`${head}>`, body, '    </testcase>'];
  }
  if (skipped !== undefined) {
    return [`${head}>`, `      <skipped message="${markupAttribute(skipped)}"/>`, '    </testcase>'];
  }
  return [`${head}/>`];
}

function rowsOf(stage: StageState): readonly Row[] {
  const steps = Object.values(stage.steps).map(stepRow);
  const isTold = steps.some(({ failure }) => failure !== undefined);
  const own = stage.status === 'failed' && stage.failure && !isTold ? [ownRow(stage, stage.failure)] : [];
  if (steps.length + own.length > 0) return [...steps, ...own];
  const { name, status, duration_ms: durationMs = 0 } = stage;
  if (status === 'passed' || status === 'warning') return [{ name, durationMs }];
  return [{ name, durationMs: 0, skipped: sanitizeText(stage.decision?.reason ?? status) }];
}

/** What the stage itself found wrong, beside steps that ended well. */
function ownRow({ name }: StageState, failure: Failure): Row {
  return { name, durationMs: 0, failure: failureText(failure) };
}

function stepRow({ started, finished }: StepState): Row {
  const row = { name: started.step, durationMs: finished?.duration_ms ?? 0 };
  if (!finished) return { ...row, skipped: 'it has not ended' };
  return finished.failure ? { ...row, failure: failureText(finished.failure) } : row;
}

/** The sentence, then the last lines of the output where there are some. */
export function failureText(failure: Failure): string {
  const tail = 'tail' in failure ? (failure.tail ?? []) : [];
  return [describeFailure(failure), ...tail.map((line) => sanitizeText(line))].join('\n');
}

function totals(rows: readonly Row[]): string {
  const failed = rows.filter(({ failure }) => failure !== undefined).length;
  const skipped = rows.filter((row) => row.skipped !== undefined).length;
  const sumMs = rows.reduce((sum, { durationMs }) => sum + durationMs, 0);
  return `tests="${rows.length}" failures="${failed}" errors="0" skipped="${skipped}" time="${seconds(sumMs)}"`;
}

function seconds(durationMs: number): string {
  return (durationMs / 1000).toFixed(3);
}
