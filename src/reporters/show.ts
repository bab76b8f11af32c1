import type { RunCreated, Usage } from '../core/events.ts';
import { isObject } from '../core/json.ts';
import type { RunState } from '../core/run-state.ts';
import type { StageState } from '../core/stage-state.ts';
import { sanitizeText } from '../core/terminal-text.ts';
import { describeFailure } from './describe-failure.ts';
import { markOf, paintStatus } from '../core/status-look.ts';
import { formatBytes, formatDuration, formatTime, formatValue, table } from './format.ts';
import type { Style } from './style.ts';
import { nextLines } from './summary.ts';

interface ShowOptions {
  readonly style: Style;
  readonly folder: string;
  readonly analysis?: string;
}

/** `show`: facts of the run, then one row per stage with work, wait, attempts, CPU and memory. */
export function showLines(state: RunState, options: ShowOptions): string[] {
  const { style } = options;
  const stages = Object.values(state.stages);
  return [
    `${style.strong(`run ${state.run_id}`)}  ${paintStatus(state.status, `${markOf(state.status)} ${state.status}`, style)}`,
    ...table(facts(state, options), '  '),
    '',
    ...table(
      [
        ['stage', 'status', 'work', 'wait', 'tries', 'cpu', 'memory'].map(style.dim),
        ...stages.map((stage) => stageRow(stage, style)),
      ],
      '  ',
    ),
    ...stages.flatMap((stage) => stageNotes(stage, style)),
    ...nextLines(state),
  ];
}

function facts(state: RunState, { folder, analysis, style }: ShowOptions): string[][] {
  const rows = [
    ...(state.created ? createdFacts(state.created) : []),
    ['finished', state.finished_at ? formatTime(state.finished_at) : ''],
    ['duration', state.duration_ms === undefined ? '' : formatDuration(state.duration_ms)],
    ['exit code', state.exit_code?.toString() ?? ''],
    ['failure', state.failure ? describeFailure(state.failure) : ''],
    ['interrupted', state.status === 'interrupted' ? (state.interrupted_by ?? 'its process ended') : ''],
    ['analysis', analysis ?? ''],
    ['folder', folder],
  ];
  return rows.flatMap(([name = '', value = '']) =>
    value === '' ? [] : [[style.dim(name), sanitizeText(value)]],
  );
}

function createdFacts(created: RunCreated): string[][] {
  const params = Object.entries(created.params).map(([name, value]) => `${name}=${formatValue(value, 60)}`);
  return [
    ['pipeline', created.pipeline],
    ['environment', created.environment],
    ['started', `${formatTime(created.at)} by ${created.by}`],
    ['trigger', created.trigger],
    ['commits', shortCommits(created.commits)],
    ['parameters', params.join(' ')],
    ['plan', created.plan_hash.slice(0, 12)],
  ];
}

function shortCommits(commits: readonly string[]): string {
  const shown = commits.slice(0, 5).map((commit) => commit.slice(0, 9));
  return commits.length > 5 ? `${shown.join(' ')} and ${commits.length - 5} more` : shown.join(' ');
}

function stageRow(stage: StageState, style: Style): string[] {
  const depth = stage.name.split('/').length - 1;
  const leaf = stage.name.slice(stage.name.lastIndexOf('/') + 1);
  const worked = stage.duration_ms !== undefined && stage.attempt > 0;
  return [
    '  '.repeat(depth) + paintStatus(stage.status, `${markOf(stage.status)} ${leaf}`, style),
    paintStatus(stage.status, stage.status, style) + (stage.cached ? ' (cache)' : ''),
    worked ? formatDuration(stage.duration_ms ?? 0) : '',
    stage.wait_ms !== undefined && stage.wait_ms > 0 ? formatDuration(stage.wait_ms) : '',
    stage.attempt > 0 ? `${stage.attempt}/${Math.max(stage.attempt, stage.max_attempts)}` : '',
    cpuText(stage.usage),
    stage.usage?.peak_memory_bytes ? formatBytes(stage.usage.peak_memory_bytes) : '',
  ];
}

function cpuText(usage: Usage | undefined): string {
  if (usage?.cpu_user_ms === undefined && usage?.cpu_system_ms === undefined) return '';
  return formatDuration((usage.cpu_user_ms ?? 0) + (usage.cpu_system_ms ?? 0));
}

/** The lines that an output calls its summary. */
function summaryOf({ outputs }: StageState): readonly string[] {
  return Object.values(outputs).flatMap((output) => {
    const lines = isObject(output) ? output['summary'] : undefined;
    return Array.isArray(lines)
      ? lines.flatMap((line) => (typeof line === 'string' ? [sanitizeText(line)] : []))
      : [];
  });
}

function stageNotes(stage: StageState, style: Style): string[] {
  const notes = stage.warnings.map((text) => `warning: ${sanitizeText(text)}`);
  if (stage.status === 'skipped' && stage.decision) notes.push(sanitizeText(stage.decision.reason));
  if (stage.failure && stage.status !== 'passed') notes.push(describeFailure(stage.failure));
  notes.push(...summaryOf(stage));
  return notes.map((note) => `  ${style.dim(`${stage.name}:`)} ${note}`);
}
