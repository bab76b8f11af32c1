import type { PipelineLock } from '../core/run-index.ts';
import type { StageState } from '../core/stage-state.ts';
import type { JsonValue } from '../core/json.ts';

/** `13 ms`, `1.4 s`, `12 s`, `3 m 20 s`, `2 h 5 m`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 999.5) return `${Math.max(0, Math.round(durationMs))} ms`;
  if (durationMs < 9_950) return `${(durationMs / 1_000).toFixed(1)} s`;
  const seconds = Math.round(durationMs / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return joinUnits(minutes, 'm', seconds % 60, 's');
  return joinUnits(Math.floor(minutes / 60), 'h', minutes % 60, 'm');
}

function joinUnits(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** `512 B`, `64 KiB`, `1.5 GiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 10 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit] ?? ''}`;
}

/** `2026-02-06 16:00:00` of a time with zone, in the zone it was written in. */
export function formatTime(iso: string): string {
  return iso.slice(0, 19).replace('T', ' ');
}

/** A value on one line: strings bare where that is clear, the rest as JSON; at most `limit` characters. */
export function formatValue(value: JsonValue, limit = 120): string {
  const text =
    typeof value === 'string' && /^[\p{L}\p{N}._/:@+-]+$/u.test(value) ? value : JSON.stringify(value);
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
}

/** Columns padded to their widest cell; the last one is left as it is. No trailing spaces. */
export function table(rows: readonly (readonly string[])[], indent = ''): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
    });
  }
  return rows.map((row) =>
    (
      indent +
      row
        .map((cell, column) =>
          column === row.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell)),
        )
        .join('  ')
    ).trimEnd(),
  );
}

/** Columns that `text` takes on a terminal: colours none, East Asian wide characters two. */
export function widthOf(text: string): number {
  let width = 0;
  // oxlint-disable-next-line no-control-regex -- SGR sequences take no room
  for (const character of text.replaceAll(/\u001b\[[\d;]*m/g, '')) {
    if (/\p{M}/u.test(character)) continue;
    width += isWide(character.codePointAt(0) ?? 0) ? 2 : 1;
  }
  return width;
}

/** Unicode East Asian Width W and F, in the blocks that names and messages use. */
const WIDE_RANGES: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1faff],
  [0x20000, 0x3fffd],
];

function isWide(code: number): boolean {
  return WIDE_RANGES.some(([first, last]) => code >= first && code <= last);
}

/** `attempt 2 of 3`, counted from the last time the stage was opened; empty where there is only one. */
export function attemptText(stage: StageState | undefined): string {
  if (!stage) return '';
  const attempt = stage.attempt - stage.attempt_base;
  const most = Math.max(attempt, stage.max_attempts - stage.attempt_base);
  return most > 1 ? `attempt ${attempt} of ${most}` : '';
}

/** Why a pipeline is locked: one run that a person has to look at, or failures in a row. */
export function lockCause({ reason, consecutive_failures: count }: PipelineLock): string {
  return reason ?? `after ${count} failures in a row`;
}
