import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { isObject } from '../../core/json.ts';
import { listOf, parseJson } from '../../delivery/reports/unknown-json.ts';

/** Lines of one file, from 1: those that can be run, and whether one of its runs came by. */
export type Covered = ReadonlyMap<number, boolean>;

/** Of these lines those that a test reaches, in percent; undefined when none of them can be run. */
export function percentOf(covered: Covered, lines: ReadonlySet<number>): number | undefined {
  const counted = [...covered].filter(([line]) => lines.size === 0 || lines.has(line));
  if (counted.length === 0) return undefined;
  const reached = counted.filter(([, isReached]) => isReached).length;
  return Math.round((reached / counted.length) * 1000) / 10;
}

interface Span {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** From what V8 writes: the innermost span around the beginning of a line decides. Comments and blank lines do not count. */
export function v8Lines(reports: readonly string[], file: string): Covered | undefined {
  const url = pathToFileURL(file).href;
  const runs = reports.flatMap((text) => {
    const report = parseJson(text);
    return listOf(isObject(report) ? report['result'] : undefined).flatMap((script) =>
      isObject(script) && script['url'] === url ? [spansOf(script)] : [],
    );
  });
  if (runs.length === 0 || !existsSync(file)) return undefined;
  const found = new Map<number, boolean>();
  let offset = 0;
  for (const [at, text] of readFileSync(file, 'utf8').split('\n').entries()) {
    const start = offset + text.length - text.trimStart().length;
    offset += text.length + 1;
    if (/^\s*(?:$|\/\/|\*|\/\*|[)\]}]+[;,]?\s*$)/.test(text)) continue;
    found.set(
      at + 1,
      runs.some((spans) => (innermost(spans, start)?.count ?? 0) > 0),
    );
  }
  return found;
}

function spansOf(script: Readonly<Record<string, unknown>>): readonly Span[] {
  return listOf(script['functions']).flatMap((one) =>
    listOf(isObject(one) ? one['ranges'] : undefined).flatMap((range) => {
      if (!isObject(range)) return [];
      const { startOffset: from, endOffset: to, count } = range;
      return typeof from === 'number' && typeof to === 'number' && typeof count === 'number'
        ? [{ from, to, count }]
        : [];
    }),
  );
}

function innermost(spans: readonly Span[], at: number): Span | undefined {
  let best: Span | undefined;
  for (const span of spans) {
    if (span.from > at || span.to <= at) continue;
    if (best === undefined || span.to - span.from <= best.to - best.from) best = span;
  }
  return best;
}

/** From `coverage-final.json` of istanbul, which vitest and jest write. */
export function istanbulLines(text: string, file: string): Covered | undefined {
  const report = parseJson(text);
  const entry = isObject(report) ? report[file] : undefined;
  if (!isObject(entry) || !isObject(entry['statementMap']) || !isObject(entry['s'])) return undefined;
  const found = new Map<number, boolean>();
  for (const [id, place] of Object.entries(entry['statementMap'])) {
    const start = isObject(place) && isObject(place['start']) ? place['start']['line'] : undefined;
    const count = entry['s'][id];
    if (typeof start === 'number') found.set(start, found.get(start) === true || Number(count) > 0);
  }
  return found;
}

/** From the JSON of coverage.py, whose names are relative to where it ran. */
export function pythonLines(text: string, file: string, relative: string): Covered | undefined {
  const report = parseJson(text);
  const files = isObject(report) && isObject(report['files']) ? report['files'] : {};
  const entry = files[relative] ?? files[file] ?? files[path.normalize(relative)];
  if (!isObject(entry)) return undefined;
  const numbers = (key: string): readonly number[] =>
    listOf(entry[key]).filter((line): line is number => typeof line === 'number');
  return new Map([
    ...numbers('missing_lines').map((line) => [line, false] as const),
    ...numbers('executed_lines').map((line) => [line, true] as const),
  ]);
}
