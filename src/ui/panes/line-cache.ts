import { type Place, wrapPlaces } from './fit.ts';
import type { LineRef } from './lines.ts';
import type { LogFile } from './log-file.ts';
import { readLine, type ShownLine } from './read-line.ts';

export interface LineConfig {
  readonly keepColor: boolean;
  readonly wrap: boolean;
  /** First column that is shown, when not wrapped. */
  readonly column: number;
  /** Cells of text in a row. */
  readonly width: number;
}

export interface CachedLine extends ShownLine {
  readonly end: number;
  /** Where its rows start; one when not wrapped. */
  readonly places: readonly Place[];
}

const MAX_LINES = 512;
const ONE_ROW: readonly Place[] = [{ at: 0, column: 0 }];

/** The lines shown lately, read and taken apart for one way to show them. */
export class LineCache {
  readonly #file: LogFile;
  readonly #lines = new Map<number, CachedLine>();
  #config: LineConfig = { keepColor: true, wrap: false, column: 0, width: 80 };

  constructor(file: LogFile) {
    this.#file = file;
  }

  configure(config: LineConfig): void {
    const old = this.#config;
    const isSame =
      old.keepColor === config.keepColor &&
      old.wrap === config.wrap &&
      old.column === config.column &&
      old.width === config.width;
    if (isSame) return;
    this.#config = config;
    this.clear();
  }

  get(ref: LineRef): CachedLine {
    const known = this.#lines.get(ref.start);
    // The last line grows.
    if (known?.end === ref.end) return known;
    if (this.#lines.size >= MAX_LINES) this.clear();
    const { wrap, column, width, keepColor } = this.#config;
    const shown = readLine(this.#file, ref, { cells: wrap ? Infinity : column + width, keepColor });
    const line = { ...shown, end: ref.end, places: wrap ? wrapPlaces(shown.line, width) : ONE_ROW };
    this.#lines.set(ref.start, line);
    return line;
  }

  clear(): void {
    this.#lines.clear();
  }
}
