import { isObject } from '../../core/json.ts';
import { parseJson } from './unknown-json.ts';

/** Lines covered, in percent, of an istanbul `coverage-summary.json` or an `lcov.info`; undefined when it is neither. */
export function readCoverage(text: string): number | undefined {
  return text.trimStart().startsWith('{') ? summaryPercent(text) : lcovPercent(text);
}

function summaryPercent(text: string): number | undefined {
  const summary = parseJson(text);
  const total = isObject(summary) ? summary['total'] : undefined;
  const lines = isObject(total) ? total['lines'] : undefined;
  const percent = isObject(lines) ? lines['pct'] : undefined;
  return typeof percent === 'number' ? percent : undefined;
}

/** `LF:` is the number of lines of a file, `LH:` of those that ran. */
function lcovPercent(text: string): number | undefined {
  const sum = (key: string): number =>
    [...text.matchAll(new RegExp(`^${key}:(\\d+)`, 'gm'))].reduce(
      (total, [, count]) => total + Number(count),
      0,
    );
  const lines = sum('LF');
  return lines === 0 ? undefined : Math.round((sum('LH') / lines) * 10_000) / 100;
}
