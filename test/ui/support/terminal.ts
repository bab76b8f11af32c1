import { EventEmitter } from 'node:events';
import { Terminal } from '@xterm/headless';

/** A terminal in memory that Ink takes for a real one; what it shows can be read cell by cell. */
export class FakeTerminal {
  readonly stdout: NodeJS.WriteStream;
  readonly stdin: NodeJS.ReadStream;
  readonly #term: Terminal;
  readonly #keys: string[] = [];
  #written: Promise<void> = Promise.resolve();

  constructor(columns: number, rows: number) {
    this.#term = new Terminal({ cols: columns, rows, allowProposedApi: true });
    this.stdout = this.#createOutput();
    this.stdin = this.#createInput();
  }

  /** All rows, trailing blanks cut. */
  get screen(): string {
    const { active } = this.#term.buffer;
    return Array.from({ length: this.#term.rows }, (_, y) =>
      (active.getLine(active.baseY + y)?.translateToString(true) ?? '').trimEnd(),
    ).join('\n');
  }

  get isAlternate(): boolean {
    return this.#term.buffer.active.type === 'alternate';
  }

  /** What the terminal tells of the mouse; `vt200`: presses and wheel. */
  get mouseMode(): string {
    return this.#term.modes.mouseTrackingMode;
  }

  /** Whether any cell of the screen has a colour. */
  get hasColor(): boolean {
    const { active } = this.#term.buffer;
    for (let y = 0; y < this.#term.rows; y++) {
      const line = active.getLine(active.baseY + y);
      for (let x = 0; x < this.#term.cols; x++) {
        const cell = line?.getCell(x);
        if (cell && (!cell.isFgDefault() || !cell.isBgDefault())) return true;
      }
    }
    return false;
  }

  /** As one read of the terminal. */
  readonly type = (keys: string): void => {
    this.#keys.push(keys);
    this.stdin.emit('readable');
  };

  readonly resize = (columns: number, rows: number): void => {
    this.#term.resize(columns, rows);
    this.stdout.emit('resize');
  };

  /** Resolves with the screen once it has all these texts; rejects with the screen when it never has. */
  readonly shows = (...texts: readonly string[]): Promise<string> =>
    this.#until(
      (screen) => texts.every((text) => screen.includes(text)),
      `never showed ${JSON.stringify(texts)}`,
    );

  /** Resolves once a text is gone. */
  readonly hides = (text: string): Promise<string> =>
    this.#until((screen) => !screen.includes(text), `went on showing ${JSON.stringify(text)}`);

  async #until(isReached: (screen: string) => boolean, otherwise: string): Promise<string> {
    const deadline = performance.now() + 30_000;
    for (;;) {
      await this.#written;
      const { screen } = this;
      if (isReached(screen)) return screen;
      if (performance.now() > deadline) throw new Error(`the screen ${otherwise}:\n${screen}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      setTimeout(resolve, 10);
      await promise;
    }
  }

  #createOutput(): NodeJS.WriteStream {
    const term = this.#term;
    const emitter = new EventEmitter();
    const write = (data: string | Uint8Array, encoding?: unknown, callback?: unknown): boolean => {
      const done = typeof encoding === 'function' ? encoding : callback;
      const text = (typeof data === 'string' ? data : Buffer.from(data).toString()).replaceAll(
        /\r?\n/g,
        '\r\n',
      );
      const { promise, resolve } = Promise.withResolvers<void>();
      term.write(text, resolve);
      this.#written = promise;
      if (typeof done === 'function') queueMicrotask(() => void done());
      return true;
    };
    const facts = {
      isTTY: true,
      write,
      getColorDepth: () => 24,
      hasColors: () => true,
    };
    const stream: unknown = Object.defineProperties(Object.assign(emitter, facts), {
      columns: { get: () => term.cols },
      rows: { get: () => term.rows },
    });
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all of a WriteStream that Ink and panes use
    return stream as NodeJS.WriteStream;
  }

  #createInput(): NodeJS.ReadStream {
    const nothing = (): void => {};
    const emitter = new EventEmitter();
    const stream: unknown = Object.assign(emitter, {
      isTTY: true,
      setEncoding: nothing,
      setRawMode: () => emitter,
      ref: nothing,
      unref: nothing,
      resume: nothing,
      pause: nothing,
      read: () => this.#keys.shift() ?? null,
    });
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all of a ReadStream that Ink uses
    return stream as NodeJS.ReadStream;
  }
}
