import { undoOf } from '../core/engine/undo.ts';
import type { RunState } from '../core/run-state.ts';
import type { StageState } from '../core/stage-state.ts';
import { sanitizeText } from '../core/terminal-text.ts';
import { describeFailure } from './describe-failure.ts';
import { markOf, paintStatus } from '../core/status-look.ts';
import { attemptText, formatDuration, formatTime, table } from './format.ts';
import type { Style } from './style.ts';

interface SummaryOptions {
  readonly style: Style;
  /** The run's folder as it is shown. */
  readonly folder: string;
}

/** The last thing a run prints: what went wrong, the stages, where the logs are, how to go on. */
export function summaryLines(state: RunState, options: SummaryOptions): string[] {
  return [
    ...failureBlocks(state, options),
    ...stageTable(state, options.style),
    '',
    resultLine(state, options.style),
    `${options.style.dim('logs')}  ${options.folder}/logs`,
    ...nextLines(state),
  ];
}

/** One row per stage; those of nested pipelines are indented. */
export function stageTable(state: RunState, style: Style): string[] {
  const rows = Object.values(state.stages).map((stage) => [
    indentOf(stage) + paintStatus(stage.status, `${markOf(stage.status)} ${leafOf(stage)}`, style),
    paintStatus(stage.status, stage.status, style),
    stage.duration_ms === undefined || stage.attempt === 0 ? '' : formatDuration(stage.duration_ms),
    noteOf(stage),
  ]);
  return table(rows, '  ');
}

function indentOf(stage: StageState): string {
  return '  '.repeat(stage.name.split('/').length - 1);
}

function leafOf(stage: StageState): string {
  return stage.name.slice(stage.name.lastIndexOf('/') + 1);
}

function noteOf(stage: StageState): string {
  const notes: string[] = [];
  const attempts = attemptText(stage);
  if (attempts !== '') notes.push(attempts);
  if (stage.cached) notes.push('from the cache');
  if (stage.status === 'skipped') notes.push(sanitizeText(stage.decision?.reason ?? ''));
  if (stage.failure && stage.status !== 'passed') notes.push(describeFailure(stage.failure));
  notes.push(...stage.warnings.slice(0, 1).map((text) => sanitizeText(text)));
  return notes.join('; ');
}

function failureBlocks(state: RunState, { style, folder }: SummaryOptions): string[] {
  const broken = Object.values(state.stages).filter(
    ({ status, failure, steps }) => status === 'failed' && failure && Object.keys(steps).length > 0,
  );
  return broken.flatMap((stage) => failureBlock(stage, style, folder));
}

function failureBlock(stage: StageState, style: Style, folder: string): string[] {
  const failure = stage.failure;
  const steps = Object.values(stage.steps);
  const step = steps.findLast(({ finished }) => finished?.failure) ?? steps.at(-1);
  const tail = failure && 'tail' in failure ? (failure.tail ?? []) : [];
  return [
    style.bad(`${markOf('failed')} ${stage.name}: ${failure ? describeFailure(failure) : 'failed'}`),
    ...(step
      ? [style.dim(`  $ ${sanitizeText(step.started.command).trim().replaceAll('\n', '\n    ')}`)]
      : []),
    ...tail.map((line) => `  ${style.dim('│')} ${sanitizeText(line, { keepColor: style.hasColor })}`),
    ...(step ? [`  log: ${folder}/${step.started.log}`] : []),
    '',
  ];
}

function resultLine(state: RunState, style: Style): string {
  const status = paintStatus(state.status, `${markOf(state.status)} ${state.status}`, style);
  const facts = [state.created?.pipeline ?? '', status];
  if (state.duration_ms !== undefined) facts.push(`after ${formatDuration(state.duration_ms)}`);
  if (state.status === 'interrupted') facts.push(`(${state.interrupted_by ?? 'its process ended'})`);
  return facts.join('  ');
}

/** Commands that go on from here, ready to be copied. */
export function nextLines(state: RunState): string[] {
  const id = state.run_id;
  switch (state.status) {
    case 'waiting':
      return waitingLines(state);
    case 'interrupted':
      return commandTable([
        [`pipewright continue ${id}`, 'takes it up where it stands'],
        [`pipewright why ${id}`, 'explains what happened'],
      ]);
    case 'rolled_back':
      return commandTable([
        [`pipewright why ${id}`, 'explains what happened'],
        [`pipewright rerun ${id} --failed`, 'runs what failed again'],
      ]);
    case 'failed':
      return commandTable([
        [`pipewright why ${id}`, 'explains what happened'],
        [`pipewright continue ${id}`, 'runs what failed, and what came after it, again'],
        ...(undoOf(state).ok ? [[`pipewright rerun ${id} --rollback`, 'undoes what it did']] : []),
      ]);
    case 'cancelled':
    case 'running':
    case 'success':
    case 'warning':
      return [];
    default:
      return state.status satisfies never;
  }
}

function waitingLines(state: RunState): string[] {
  const open = Object.values(state.stages).flatMap(({ name, confirmation }) =>
    confirmation && !confirmation.answered ? [{ name, requested: confirmation.requested }] : [],
  );
  const id = state.run_id;
  const asked = open.flatMap(({ name, requested }) => [
    `${name} waits: ${sanitizeText(requested.message)} (plan ${requested.plan_hash.slice(0, 12)}, expires ${formatTime(requested.expires_at)})`,
    ...commandTable([
      [`pipewright approve ${id} ${name}`, 'lets it run'],
      [`pipewright reject ${id} ${name}`, 'refuses it'],
    ]),
  ]);
  return [...asked, ...commandTable([[`pipewright continue ${id}`, 'goes on after the answer']])];
}

function commandTable(rows: readonly (readonly string[])[]): string[] {
  return table(rows, '  ');
}
