import { isPrintableAscii } from './cells.ts';
import { columnAt, fitLine, parseLine } from './fit.ts';

/** Where the rows of a pane lie on the screen; cells from 0. */
export interface PanePlace {
  readonly paneId: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface PaneRows {
  readonly place: PanePlace;
  readonly rows: readonly string[];
}

/** One row of a pane as it was written: `undefined` where Ink drew something of its own. */
type Shown = string | undefined;

/** Remembers what the terminal shows and finds the bytes that make it show something else. */
export class Screen {
  /** Rows of Ink; `undefined`: not known what is there. */
  #base: (string | undefined)[] = [];
  #panes: { readonly place: PanePlace; readonly shown: Shown[] }[] = [];

  /** Nothing is known of what the terminal shows. */
  forget(): void {
    this.#base = [];
    for (const pane of this.#panes) pane.shown.length = 0;
  }

  /** The panes lie elsewhere now: rows beneath them are written again. */
  arrange(places: readonly PanePlace[]): void {
    this.#base = [];
    this.#panes = places.map((place) => ({ place, shown: [] }));
  }

  /** Sequences that bring the terminal from what it shows to this; empty when it shows it. */
  update(base: readonly string[], panes: readonly PaneRows[], height: number): string {
    let out = '';
    for (let y = 0; y < Math.min(base.length, height); y += 1) {
      const row = base[y] ?? '';
      if (this.#base[y] === row) continue;
      this.#base[y] = row;
      // Erased before, not behind: with wrapping off the cursor stays on the last cell of a full row.
      out += `${moveTo(y, 0)}\x1b[0m\x1b[2K${row}\x1b[0m`;
      this.#uncover(y);
    }
    for (let y = base.length; y < this.#base.length; y += 1) {
      out += `${moveTo(y, 0)}\x1b[0m\x1b[2K`;
      this.#uncover(y);
    }
    this.#base.length = Math.min(base.length, height);
    for (const [index, pane] of panes.entries()) out += this.#updatePane(index, pane, base);
    return out;
  }

  #uncover(y: number): void {
    for (const { place, shown } of this.#panes) {
      if (y >= place.y && y < place.y + place.height) shown[y - place.y] = undefined;
    }
  }

  #updatePane(index: number, { place, rows }: PaneRows, base: readonly string[]): string {
    const shown = this.#panes[index]?.shown;
    if (!shown) return '';
    let out = '';
    for (let row = 0; row < place.height; row += 1) {
      const y = place.y + row;
      if (y >= base.length) break;
      const text = rows[row] ?? '';
      if (shown[row] === text) continue;
      const isNew = shown[row] === undefined;
      if (isNew && !isBlank(base[y] ?? '', place)) continue;
      shown[row] = text;
      out += moveTo(y, place.x) + paint(text, place.width);
    }
    return out;
  }
}

function moveTo(row: number, column: number): string {
  return `\x1b[${row + 1};${column + 1}H`;
}

// eslint-disable-next-line no-control-regex -- the end of a row that was padded
const PADDING = / +(\x1b\[0m)?$/;

/**
 * Terminals do not agree on the width of all text. So room is erased first, and padding is not
 * written: what is narrower there leaves nothing behind, what is wider reaches no neighbour.
 */
function paint(text: string, width: number): string {
  if (isPrintableAscii(text)) return text;
  return `\x1b[${width}X${text.replace(PADDING, '$1')}`;
}

/** Whether Ink left this part of its row to the pane; a dialog over the pane stays in sight. */
function isBlank(row: string, { x, width }: PanePlace): boolean {
  if (isPrintableAscii(row)) return row.slice(x, x + width).trim() === '';
  const line = parseLine(row);
  if (columnAt(line, line.text.length) <= x) return true;
  return fitLine({ ...line, marks: [] }, { column: x, width }).trim() === '';
}

/** Whether panes lie where they lay, in the same order. */
export function isSamePlaces(a: readonly PanePlace[], b: readonly PanePlace[]): boolean {
  return (
    a.length === b.length &&
    a.every((place, index) => {
      const other = b[index];
      return (
        other !== undefined &&
        place.paneId === other.paneId &&
        place.x === other.x &&
        place.y === other.y &&
        place.width === other.width &&
        place.height === other.height
      );
    })
  );
}
