import { EventEmitter } from 'node:events';
import xterm from '@xterm/headless';

/** A terminal in memory that Ink and the compositor take for a real one. */
export class FakeTerminal extends EventEmitter {
  readonly isTTY = true;
  readonly writable = true;
  readonly term: InstanceType<typeof xterm.Terminal>;
  /** Every byte that came. */
  written = '';
  #isStalled = false;
  #waiting: (() => void)[] = [];
  #pending = Promise.resolve();

  constructor(columns = 80, rows = 24) {
    super();
    this.term = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  }

  get columns(): number {
    return this.term.cols;
  }

  get rows(): number {
    return this.term.rows;
  }

  /** As a `WriteStream`, as far as Ink and the compositor look at one. */
  get stream(): NodeJS.WriteStream {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the part of it that is used
    return this as unknown as NodeJS.WriteStream;
  }

  write(data: string | Uint8Array, encoding?: unknown, callback?: unknown): boolean {
    const done = typeof encoding === 'function' ? encoding : callback;
    const text = typeof data === 'string' ? data : Buffer.from(data).toString();
    this.written += text;
    const finish = (): void => {
      if (typeof done === 'function') done();
    };
    // A terminal driver makes CR LF of LF.
    const bytes = text.replaceAll(/\r?\n/g, '\r\n');
    this.#pending = this.#pending.then(() => new Promise<void>((resolve) => this.term.write(bytes, resolve)));
    if (this.#isStalled) this.#waiting.push(finish);
    else void this.#pending.then(finish);
    return true;
  }

  /** Takes what comes, but tells nobody that it did. */
  stall(): void {
    this.#isStalled = true;
  }

  resume(): void {
    this.#isStalled = false;
    for (const finish of this.#waiting.splice(0)) finish();
  }

  resize(columns: number, rows: number): void {
    this.term.resize(columns, rows);
    this.emit('resize');
  }

  /** Resolves when nothing was written for some turns of the event loop. */
  async idle(): Promise<void> {
    let seen = -1;
    while (seen !== this.written.length) {
      seen = this.written.length;
      await this.#pending;
      for (let turn = 0; turn < 8; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      await this.#pending;
    }
  }

  screen(): string[] {
    const { active } = this.term.buffer;
    return Array.from(
      { length: this.term.rows },
      (_, y) =>
        active
          .getLine(active.baseY + y)
          ?.translateToString()
          .trimEnd() ?? '',
    );
  }

  /** Each cell with its character and all that colours it. */
  cells(): string[][] {
    const { active } = this.term.buffer;
    return Array.from({ length: this.term.rows }, (_, y) =>
      Array.from({ length: this.term.cols }, (__, x) => {
        const cell = active.getLine(active.baseY + y)?.getCell(x);
        if (!cell) return '';
        const look = [
          cell.getFgColorMode(),
          cell.getFgColor(),
          cell.getBgColorMode(),
          cell.getBgColor(),
          cell.isBold(),
          cell.isDim(),
          cell.isInverse(),
          cell.isUnderline(),
          cell.isItalic(),
        ];
        return `${cell.getChars() || ' '}|${look.join(',')}`;
      }),
    );
  }
}
