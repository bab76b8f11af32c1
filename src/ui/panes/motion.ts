import { spinnerAt } from '../spinner.ts';
import { clockOf } from '../times.ts';

/**
 * Cells of a frame that change by themselves: a compositor fills them in when it writes, so that a screen on which
 * only clocks and spinners move needs no frame of Ink. Private use, one cell wide each.
 */
export const SPINNER_CELL = '\ue0fb';
const FILL = '\ue0fc';
const FIRST_CLOCK = 0xe100;
const MOST_CLOCKS = 256;
/** A clock has room for what it will say within this time, milliseconds; a frame of Ink comes sooner. */
const AHEAD_MS = 20_000;

const CLOCK = new RegExp(`[\\ue100-\\ue1ff]${FILL}+`, 'g');
/** Of a clock that was cut by the edge of its place. */
const REMAINS = new RegExp(`[\\ue100-\\ue1ff${FILL}]`, 'g');
const ANY = new RegExp(`[\\ue100-\\ue1ff${SPINNER_CELL}]`);

/** How long each position of the spinner is seen, milliseconds. */
export const SPINNER_MS = 100;

/** The cells that move, and what they stand for. */
export class Motion {
  readonly #nowMs: () => number;
  readonly #names = new Map<number, string>();
  readonly #since = new Map<string, number>();

  /** `nowMs`: Unix epoch, milliseconds. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Cells that count the time since then. */
  readonly clock = (sinceMs: number): string => {
    const elapsedMs = this.#nowMs() - sinceMs;
    const cells = Math.max(clockOf(elapsedMs).length, clockOf(elapsedMs + AHEAD_MS).length);
    return this.#nameOf(sinceMs) + FILL.repeat(cells - 1);
  };

  #nameOf(sinceMs: number): string {
    const known = this.#names.get(sinceMs);
    if (known !== undefined) return known;
    if (this.#names.size >= MOST_CLOCKS) {
      this.#names.clear();
      this.#since.clear();
    }
    const name = String.fromCodePoint(FIRST_CLOCK + this.#names.size);
    this.#names.set(sinceMs, name);
    this.#since.set(name, sinceMs);
    return name;
  }

  /** The rows as they are seen at this moment; undefined when nothing in them moves. */
  fill(rows: readonly string[], turn: number): readonly string[] | undefined {
    if (!rows.some((row) => ANY.test(row))) return undefined;
    const glyph = spinnerAt(turn);
    const nowMs = this.#nowMs();
    return rows.map((row) =>
      ANY.test(row)
        ? row
            .replaceAll(SPINNER_CELL, glyph)
            .replaceAll(CLOCK, (cells) => this.#text(cells, nowMs))
            .replaceAll(REMAINS, ' ')
        : row,
    );
  }

  #text(cells: string, nowMs: number): string {
    const sinceMs = this.#since.get(cells[0] ?? '');
    return (sinceMs === undefined ? '' : clockOf(nowMs - sinceMs))
      .padStart(cells.length)
      .slice(-cells.length);
  }
}
