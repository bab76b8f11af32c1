import type { RunState } from '../../core/run-state.ts';
import { columns, oneLine } from '../text.ts';
import { markOf } from '../../core/status-look.ts';
import { wordOf } from '../theme.ts';
import { clockOf } from '../times.ts';

/** Two runs beside each other: what they were given, how their stages ended, how long they took. */
export function compareRuns(a: RunState, b: RunState): readonly string[] {
  const stages = [...new Set([...Object.keys(a.stages), ...Object.keys(b.stages)])];
  return [
    ...columns([
      ['', a.run_id, b.run_id],
      ['pipeline', nameOf(a), nameOf(b)],
      ['status', wordOf(a.status), wordOf(b.status)],
      ['took', tookOf(a.duration_ms), `${tookOf(b.duration_ms)}${delta(a.duration_ms, b.duration_ms)}`],
      ['plan', planOf(a), a.created?.plan_hash === b.created?.plan_hash ? 'the same' : planOf(b)],
      ...differentValues(a, b),
    ]),
    '',
    ...columns([
      ['stage', '', '', 'first', 'second', 'difference'],
      ...stages.map((name) => stageRow(name, a, b)),
    ]),
  ];
}

function nameOf({ created }: RunState): string {
  return created ? `${oneLine(created.pipeline)} (${oneLine(created.environment)})` : '';
}

function planOf({ created }: RunState): string {
  return created?.plan_hash.slice(0, 12) ?? '';
}

function tookOf(durationMs: number | undefined): string {
  return durationMs === undefined ? '-' : clockOf(durationMs);
}

function differentValues(a: RunState, b: RunState): string[][] {
  const left = a.created?.params ?? {};
  const right = b.created?.params ?? {};
  return [...new Set([...Object.keys(left), ...Object.keys(right)])]
    .map((name) => [oneLine(name), show(left[name]), show(right[name])])
    .filter(([, first, second]) => first !== second);
}

function show(value: unknown): string {
  return value === undefined ? '-' : oneLine(typeof value === 'string' ? value : JSON.stringify(value));
}

function stageRow(name: string, a: RunState, b: RunState): string[] {
  const left = a.stages[name];
  const right = b.stages[name];
  const isOther = left?.status !== right?.status;
  return [
    oneLine(name),
    left ? `${markOf(left.status)} ${wordOf(left.status)}` : '-',
    right ? `${markOf(right.status)} ${wordOf(right.status)}${isOther ? ' ←' : ''}` : '-',
    tookOf(left?.duration_ms),
    tookOf(right?.duration_ms),
    delta(left?.duration_ms, right?.duration_ms).trim(),
  ];
}

/** ` +1.2s`, ` -0.4s`. */
function delta(firstMs: number | undefined, secondMs: number | undefined): string {
  if (firstMs === undefined || secondMs === undefined) return '';
  const differenceMs = secondMs - firstMs;
  return Math.abs(differenceMs) < 50
    ? ''
    : ` ${differenceMs < 0 ? '-' : '+'}${clockOf(Math.abs(differenceMs))}`;
}
