import type { RunSummary } from '../../core/run-index.ts';
import type { PipelineEntry } from '../backend.ts';
import { matches } from '../list.ts';
import type { HomeState } from '../state.ts';
import { clip, columns, oneLine, pad, spread, wrap } from '../text.ts';
import { markOf, paintStatus } from '../../core/status-look.ts';
import { type Theme, wordOf } from '../theme.ts';
import { ageOf, clockOf } from '../times.ts';
import type { ListRow } from './rows.ts';

/** Something on Home that can be chosen. */
export type HomeItem =
  | { readonly id: string; readonly type: 'open'; readonly run: RunSummary }
  | {
      readonly id: string;
      readonly type: 'pipeline';
      readonly entry: PipelineEntry;
      readonly last?: RunSummary;
    }
  | { readonly id: string; readonly type: 'recent'; readonly run: RunSummary };

const RECENT_RUNS = 12;
const OPEN: ReadonlySet<string> = new Set(['waiting', 'interrupted', 'running']);

/** What waits for somebody, then pipelines, then recent runs; those that the filter leaves. */
export function homeItems({ pipelines, index, filter }: HomeState): readonly HomeItem[] {
  const runs = index?.runs ?? [];
  const isShown = (run: RunSummary): boolean => matches(filter, [run.pipeline, run.pipeline_id, run.status]);
  const open = runs.filter(({ status }) => OPEN.has(status));
  const recent = runs.filter(({ status }) => !OPEN.has(status));
  return [
    ...open.filter(isShown).map((run) => ({ id: `open:${run.pipeline_id}`, type: 'open' as const, run })),
    ...pipelines
      .filter(({ name, description }) => matches(filter, [name, description]))
      .map((entry) => ({
        id: `pipeline:${entry.name}`,
        type: 'pipeline' as const,
        entry,
        ...lastOf(entry, runs),
      })),
    ...recent
      .filter(isShown)
      .slice(0, RECENT_RUNS)
      .map((run) => ({ id: `recent:${run.pipeline_id}`, type: 'recent' as const, run })),
  ];
}

function lastOf({ name }: PipelineEntry, runs: readonly RunSummary[]): { readonly last?: RunSummary } {
  const last = runs.find(({ pipeline }) => pipeline === name);
  return last ? { last } : {};
}

interface Look {
  readonly width: number;
  readonly nowMs: number;
  readonly theme: Theme;
}

/** Home as rows with headings; where there is nothing, it says what to do. */
export function homeRows(home: HomeState, items: readonly HomeItem[], look: Look): readonly ListRow[] {
  const open = items.filter((item) => item.type === 'open');
  const own = items.filter((item) => item.type === 'pipeline' && !item.entry.isShipped);
  const shipped = items.filter((item) => item.type === 'pipeline' && item.entry.isShipped);
  const recent = items.filter((item) => item.type === 'recent');
  const nameWidth = nameWidthOf(items, look.width);
  const section = (title: string, group: readonly HomeItem[], empty: readonly string[] = []): ListRow[] => {
    if (group.length === 0 && (empty.length === 0 || home.filter !== '')) return [];
    const rows = group.map((item) => ({ id: item.id, text: itemText(item, nameWidth, look) }));
    const texts = rows.length > 0 ? rows : empty.map((text) => ({ text: look.theme.dim(text) }));
    return [{ text: look.theme.strong(title) }, ...texts, { text: '' }];
  };
  const rows = [
    ...section('Waiting for you', open),
    ...section('Pipelines of this project', own, NO_PIPELINES),
    ...section('Shipped with Pipewright', shipped),
    ...section('Recent runs', recent, open.length > 0 ? [] : NO_RUNS),
    ...(home.problem === undefined ? [] : [{ text: look.theme.bad(home.problem) }]),
  ];
  if (items.length > 0 || home.filter === '') return rows;
  return [{ text: look.theme.dim(`Nothing matches "${home.filter}". esc clears the filter.`) }];
}

const NO_PIPELINES = [
  'None yet. Put a YAML file into pipelines/,',
  'or let  pipewright init  write a first one.',
];
const NO_RUNS = ['None yet. Choose a pipeline and press enter.'];

function nameWidthOf(items: readonly HomeItem[], width: number): number {
  const longest = Math.max(12, ...items.map((item) => nameOf(item).length));
  return Math.min(longest, Math.max(12, Math.floor(width * 0.32)));
}

function nameOf(item: HomeItem): string {
  return oneLine(item.type === 'pipeline' ? item.entry.name : item.run.pipeline);
}

function itemText(item: HomeItem, nameWidth: number, { width, nowMs, theme }: Look): string {
  const name = pad(nameOf(item), nameWidth);
  const room = width - 3;
  if (item.type === 'pipeline') {
    const { entry, last } = item;
    const about = entry.isBroken
      ? theme.bad('has problems: enter shows them')
      : theme.dim(oneLine(entry.description ?? ''));
    const result = last
      ? `${paintStatus(last.status, `${markOf(last.status)} ${wordOf(last.status)}`, theme)} ${theme.dim(ageOf(last.started_at, nowMs))}`
      : '';
    return spread(`${name}  ${about}`, result, room);
  }
  const { run } = item;
  const mark = paintStatus(run.status, markOf(run.status), theme);
  if (item.type === 'open') {
    const action = {
      waiting: 'enter answers it',
      interrupted: 'enter continues it',
      running: 'enter watches it',
    };
    const what = OPEN_ACTIONS.find((status) => status === run.status);
    return spread(
      `${mark} ${name}  ${wordOf(run.status)}  ${theme.dim(run.pipeline_id)}`,
      `${what ? `${action[what]}  ` : ''}${theme.dim(ageOf(run.started_at, nowMs))}`,
      room,
    );
  }
  const took = run.duration_ms === undefined ? '' : clockOf(run.duration_ms);
  const result = paintStatus(run.status, pad(wordOf(run.status), 11), theme);
  return spread(
    `${mark} ${name}  ${result}  ${theme.dim(run.pipeline_id)}`,
    theme.dim(`${pad(took, 7)}${ageOf(run.started_at, nowMs).padStart(12)}`),
    room,
  );
}

const OPEN_ACTIONS = ['waiting', 'interrupted', 'running'] as const;

/** The chosen item in full, for terminals with room beside the list. */
export function homeDetails(item: HomeItem | undefined, { width, nowMs, theme }: Look): string[] {
  if (!item) return [];
  const lines =
    item.type === 'pipeline'
      ? pipelineDetails(item, { width, nowMs, theme })
      : [theme.strong(oneLine(item.run.pipeline)), '', ...runDetails(item.run, { width, nowMs, theme })];
  return lines.map((line) => ` ${clip(line, width - 2)}`);
}

function pipelineDetails(
  { entry, last }: Extract<HomeItem, { readonly type: 'pipeline' }>,
  look: Look,
): string[] {
  const { theme, width } = look;
  return [
    theme.strong(oneLine(entry.name)),
    '',
    ...(entry.description === undefined ? [] : [...wrap(oneLine(entry.description), width - 2), '']),
    theme.dim(oneLine(entry.file)),
    '',
    ...(last ? [theme.strong('Last run'), ...runDetails(last, look)] : [theme.dim('It has not run yet.')]),
  ];
}

/** A run in a few lines: what, when, its stages. */
export function runDetails(run: RunSummary, { nowMs, theme }: Look): string[] {
  const facts = [
    [theme.dim('run'), run.pipeline_id],
    [theme.dim('status'), paintStatus(run.status, `${markOf(run.status)} ${wordOf(run.status)}`, theme)],
    [theme.dim('environment'), oneLine(run.environment)],
    [
      theme.dim('started'),
      `${run.started_at.slice(0, 19).replace('T', ' ')}, ${ageOf(run.started_at, nowMs)}`,
    ],
    ...(run.duration_ms === undefined ? [] : [[theme.dim('took'), clockOf(run.duration_ms)]]),
  ];
  const stages = run.stages.map(({ name, status, duration_ms }) => [
    stageMark(status, theme),
    oneLine(name),
    wordOf(status),
    duration_ms === undefined ? '' : clockOf(duration_ms),
  ]);
  return [...columns(facts), '', ...columns(stages, 1)];
}

const STAGE_WORDS = [
  'passed',
  'warning',
  'failed',
  'skipped',
  'cancelled',
  'interrupted',
  'running',
  'waiting',
  'rolled_back',
] as const;

function stageMark(status: string, theme: Theme): string {
  const known = STAGE_WORDS.find((word) => word === status) ?? 'pending';
  return paintStatus(known, markOf(known), theme);
}
