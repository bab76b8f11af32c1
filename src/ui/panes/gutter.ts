import { RESET } from './sgr.ts';

export interface GutterOptions {
  readonly lineNumbers: boolean;
  readonly times: boolean;
  /** Digits of the greatest line number. */
  readonly digits: number;
}

const MIN_DIGITS = 4;
const TIME_CELLS = 8;
const DIM = '\x1b[0;2m';

/** Cells in front of each row, the space behind included; 0 without a gutter. */
export function gutterCells({ lineNumbers, times, digits }: GutterOptions): number {
  return (times ? TIME_CELLS + 1 : 0) + (lineNumbers ? Math.max(MIN_DIGITS, digits) + 1 : 0);
}

/** Number from 0 and time of a row; a `·` for what is not known (yet). */
export function gutterText(
  options: GutterOptions,
  line: { readonly number: number | undefined; readonly timeMs: number | undefined },
): string {
  const { lineNumbers, times, digits } = options;
  const time = line.timeMs === undefined ? '·'.padStart(TIME_CELLS) : clockTime(line.timeMs);
  const number = line.number === undefined ? '·' : String(line.number + 1);
  const cells = [
    ...(times ? [time] : []),
    ...(lineNumbers ? [number.padStart(Math.max(MIN_DIGITS, digits))] : []),
  ];
  return `${DIM}${cells.join(' ')} ${RESET}`;
}

/** `HH:MM:SS`, the time of this place. */
function clockTime(timeMs: number): string {
  const date = new Date(timeMs);
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
}
