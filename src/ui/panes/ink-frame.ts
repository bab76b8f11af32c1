/** What one `write` of Ink means. */
export interface InkWrite {
  /** Rows of a new frame. */
  readonly rows?: readonly string[];
  /** For the terminal as it is: modes, questions, the clipboard. */
  readonly passed: string;
  /** The cursor afterwards; absent when nothing was said about it. */
  readonly cursor?: Cursor;
  readonly enters: boolean;
  readonly leaves: boolean;
}

/** Row and column from 0; hidden when undefined. */
export interface Cursor {
  readonly visible: boolean;
  readonly row: number;
  readonly column: number;
}

// eslint-disable-next-line no-control-regex -- escape sequences are what this reads
const CONTROL = /\x1b\[([?<>=]?)([0-9;]*)([A-Za-ln-z])/y;
// eslint-disable-next-line no-control-regex -- escape sequences are what this reads
const TRAILING = /(?:\x1b\[[?<>=]?[0-9;]*[A-Za-ln-z])+$/;
// eslint-disable-next-line no-control-regex -- OSC other than links (8), DCS, APC, PM, SOS
const COMMAND = /^\x1b(?:\](?!8;)|[PX^_])/;

/** And erasing. */
// eslint-disable-next-line no-control-regex -- escape sequences are what this reads
const MOVE = /^\x1b\[[0-9;]*[A-K]$/;
const SHOW_CURSOR = '\x1b[?25h';
const HIDE_CURSOR = '\x1b[?25l';
const ENTER = '\x1b[?1049h';
const LEAVE = '\x1b[?1049l';

/**
 * Reads what Ink writes with `incrementalRendering: false` on the alternate screen: erase codes, a whole
 * frame, where the cursor goes. Follows the cursor, because Ink moves it relative to where it was.
 */
export class InkReader {
  #row = 0;
  #column = 0;
  #isVisible = true;

  read(data: string): InkWrite {
    if (COMMAND.test(data)) return { passed: data, enters: false, leaves: false };
    const reading = new Reading();
    const begin = this.#controls(data, 0, reading);
    const tail = TRAILING.exec(data.slice(begin))?.index ?? data.length - begin;
    const body = data.slice(begin, begin + tail);
    if (body !== '') this.#row += body.split('\n').length - 1;
    this.#controls(data, begin + tail, reading);
    return {
      ...(body !== '' && { rows: rowsOf(body) }),
      passed: reading.passed,
      ...(reading.hasCursor && {
        cursor: { visible: this.#isVisible, row: this.#row, column: this.#column },
      }),
      enters: reading.enters,
      leaves: reading.leaves,
    };
  }

  /** Follows control sequences from an index on; where they end. */
  #controls(data: string, from: number, reading: Reading): number {
    let at = from;
    for (;;) {
      CONTROL.lastIndex = at;
      const match = CONTROL.exec(data);
      if (!match) return at;
      at += match[0].length;
      this.#follow(match, reading);
    }
  }

  #follow([sequence, prefix, parameters = '', final = '']: RegExpExecArray, reading: Reading): void {
    if (MOVE.test(sequence)) this.#move(final, parameters);
    else if (sequence === SHOW_CURSOR || sequence === HIDE_CURSOR) {
      this.#isVisible = sequence === SHOW_CURSOR;
      reading.hasCursor = true;
    } else if (sequence === ENTER) {
      reading.enters = true;
      this.#row = 0;
      this.#column = 0;
    } else if (sequence === LEAVE) reading.leaves = true;
    // Frames are synchronized by whoever writes them out.
    else if (prefix !== '?' || parameters !== '2026') reading.passed += sequence;
  }

  #move(final: string, parameters: string): void {
    const [first = 1, second = 1] = parameters.split(';').map((number) => Number(number) || 1);
    if (final === 'A') this.#row = Math.max(0, this.#row - first);
    else if (final === 'B' || final === 'E') this.#row += first;
    else if (final === 'G') this.#column = first - 1;
    else if (final === 'H') {
      this.#row = first - 1;
      this.#column = second - 1;
    }
    if (final === 'E') this.#column = 0;
  }
}

class Reading {
  passed = '';
  hasCursor = false;
  enters = false;
  leaves = false;
}

/** A frame that does not fill the screen ends in a line feed. */
function rowsOf(body: string): readonly string[] {
  const rows = body.split('\n');
  return rows.at(-1) === '' ? rows.slice(0, -1) : rows;
}
