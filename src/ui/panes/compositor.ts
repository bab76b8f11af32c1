import type { PaneSet } from './contract.ts';
import { isSamePlaces, type PanePlace, Screen } from './compose.ts';
import { type Cursor, InkReader, type InkWrite } from './ink-frame.ts';
import { Motion, SPINNER_MS } from './motion.ts';
import { standIn } from './stand-in.ts';
import { type FrameWriter, openTtyWriter, streamWriter } from './tty-writer.ts';

export interface CompositorOptions {
  /** Whose rows are laid over the frames of Ink. */
  readonly panes: PaneSet;
  /** Frames a second that growing logs may cause, default 30. Keys and Ink are not held back by it. */
  readonly fps?: number;
  /** Unix epoch, milliseconds; for clocks. */
  readonly nowMs?: () => number;
}

export interface CompositorStats {
  readonly frames: number;
  readonly bytes: number;
  /** Frames that were never written, because a newer one came while the terminal was busy. */
  readonly dropped: number;
  /** Milliseconds since the terminal last took a whole frame, 0 when none is on its way. */
  readonly stalledMs: number;
  /** It did not take what leaving needs: whoever writes to it now waits until it reads, maybe for good. */
  readonly isStuck: boolean;
}

export interface Compositor {
  /** For Ink's `render({ stdout, alternateScreen: true, incrementalRendering: false })`. */
  readonly stdout: NodeJS.WriteStream;
  /** Where panes are. Ink leaves these cells blank; a row in which it does not keeps what Ink drew. */
  readonly setPanes: (places: readonly PanePlace[]) => void;
  /** Cells that count the time since then by themselves. */
  readonly clock: (sinceMs: number) => string;
  /** Something may have changed: a frame soon. */
  readonly invalidate: () => void;
  /** What the terminal shows is not known any more: everything is written again. */
  readonly redraw: () => void;
  /** For the terminal as it is, in order with the frames: modes, bell, clipboard. */
  readonly send: (sequence: string) => void;
  /** Sequences that hold while the screen is up: `on` when it comes, `off` when it goes, for whatever reason. */
  readonly setModes: (modes: TerminalModes) => void;
  readonly stats: () => CompositorStats;
  /** Leaves the alternate screen if Ink did not, puts wrapping and cursor back, writes straight through from now on. */
  readonly close: () => void;
}

export interface TerminalModes {
  readonly on: string;
  readonly off: string;
}

const DEFAULT_FPS = 30;
/** How long leaving waits for a terminal that does not read. */
const LEAVE_TIMEOUT_MS = 1000;
const BEGIN = '\x1b[?2026h';
const END = '\x1b[?2026l';
const ENTER_SCREEN = '\x1b[?1049h';
const LEAVE_SCREEN = '\x1b[?1049l';
const WRAP_OFF = '\x1b[?7l';
const WRAP_ON = '\x1b[?7h';

/**
 * Stands between Ink and the terminal. Keeps only Ink's newest frame, lays the rows of the panes over
 * it, and writes what differs from what the terminal shows: one write at a time, none of them waited
 * for. A terminal that does not read gets fewer frames; the newest one when it reads again.
 */
export function createCompositor(stdout: NodeJS.WriteStream, options: CompositorOptions): Compositor {
  return new FrameCompositor(stdout, options);
}

class FrameCompositor implements Compositor {
  readonly stdout: NodeJS.WriteStream;
  readonly clock: Compositor['clock'];
  readonly #motion: Motion;
  readonly #real: NodeJS.WriteStream;
  readonly #panes: PaneSet;
  readonly #gapMs: number;
  #writer: FrameWriter | undefined;
  readonly #screen = new Screen();
  readonly #ink = new InkReader();
  readonly #unsubscribe: () => void;
  #base: readonly string[] = [];
  #places: readonly PanePlace[] = [];
  #cursor: Cursor | undefined;
  #shownCursor: Cursor | undefined;
  /** Goes out in front of the next frame. */
  #passed = '';
  #modes: TerminalModes = { on: '', off: '' };
  #isActive = false;
  #isClosed = false;
  /** The terminal did not even take what leaving needs: whatever waits for it would wait for good. */
  #isStuck = false;
  #isDirty = false;
  #soon: NodeJS.Immediate | undefined;
  #later: NodeJS.Timeout | undefined;
  #turn: NodeJS.Timeout | undefined;
  #startedAtMs = 0;
  #frames = 0;
  #bytes = 0;
  #dropped = 0;

  constructor(stdout: NodeJS.WriteStream, { panes, fps = DEFAULT_FPS, nowMs = Date.now }: CompositorOptions) {
    this.#motion = new Motion(nowMs);
    this.clock = this.#motion.clock;
    this.#real = stdout;
    this.#panes = panes;
    this.#gapMs = 1000 / fps;
    this.stdout = standIn(stdout, (data, done) => this.#take(data, done));
    stdout.on('resize', this.redraw);
    this.#unsubscribe = panes.onChange(({ cause }) => {
      if (cause === 'input') this.#drawSoon();
      else this.invalidate();
    });
  }

  readonly setPanes = (places: readonly PanePlace[]): void => {
    if (isSamePlaces(places, this.#places)) return;
    this.#places = places;
    this.#screen.arrange(places);
    this.#drawSoon();
  };

  readonly invalidate = (): void => {
    if (!this.#isActive || this.#soon || this.#later) return;
    const waitMs = this.#startedAtMs + this.#gapMs - performance.now();
    if (waitMs <= 0) this.#drawSoon();
    else
      this.#later = setTimeout(() => {
        this.#later = undefined;
        this.#draw();
      }, waitMs).unref();
  };

  readonly redraw = (): void => {
    this.#screen.forget();
    if (!this.#isActive) return;
    this.#passed += '\x1b[0m\x1b[2J';
    this.#shownCursor = undefined;
    this.#drawSoon();
  };

  readonly send = (sequence: string): void => {
    if (!this.#isActive) {
      this.#real.write(sequence);
      return;
    }
    this.#passed += sequence;
    this.#drawSoon();
  };

  readonly setModes = (modes: TerminalModes): void => {
    const before = this.#modes;
    this.#modes = modes;
    if (this.#isActive && modes.on !== before.on) this.send(before.off + modes.on);
  };

  readonly stats = (): CompositorStats => ({
    frames: this.#frames,
    bytes: this.#bytes,
    dropped: this.#dropped,
    stalledMs: this.#writer?.isBusy ? performance.now() - this.#startedAtMs : 0,
    isStuck: this.#isStuck,
  });

  readonly close = (): void => {
    if (this.#isClosed) return;
    if (this.#isActive) this.#leave();
    this.#isClosed = true;
    this.#unsubscribe();
    this.#real.off('resize', this.redraw);
  };

  #take(data: string, done: () => void): void {
    const write = this.#ink.read(data);
    if (write.enters && !this.#isClosed) this.#enter();
    if (this.#isClosed || (!this.#isActive && !write.rows)) {
      // Before the first frame and after the last one: as it is, in order.
      if (this.#isStuck) done();
      else this.#real.write(data, done);
      return;
    }
    if (!this.#isActive) this.#enter();
    this.#keep(write);
    if (write.leaves) this.#leave();
    else this.#drawSoon();
    done();
  }

  #keep({ rows, passed, cursor }: InkWrite): void {
    this.#passed += passed;
    if (rows) this.#base = rows;
    if (cursor) this.#cursor = cursor;
  }

  #enter(): void {
    this.#writer ??= openWriter(this.#real);
    this.#isActive = true;
    this.#screen.forget();
    this.#base = [];
    this.#shownCursor = undefined;
    this.#passed += `${ENTER_SCREEN}${WRAP_OFF}${this.#modes.on}`;
  }

  #leave(): void {
    this.#isActive = false;
    clearImmediate(this.#soon);
    clearTimeout(this.#later);
    clearTimeout(this.#turn);
    this.#soon = undefined;
    this.#later = undefined;
    this.#turn = undefined;
    const data = Buffer.from(
      `${this.#passed}${this.#modes.off}${END}\x1b[0m${WRAP_ON}${LEAVE_SCREEN}\x1b[?25h`,
    );
    this.#passed = '';
    this.#isStuck = this.#writer?.finish(data, LEAVE_TIMEOUT_MS) === false;
    this.#writer?.close();
    this.#writer = undefined;
  }

  /** As soon as what happens now has happened: several reasons make one frame. */
  #drawSoon(): void {
    if (!this.#isActive) return;
    clearTimeout(this.#later);
    this.#later = undefined;
    this.#soon ??= setImmediate(() => {
      this.#soon = undefined;
      this.#draw();
    });
  }

  #draw(): void {
    const writer = this.#writer;
    if (!this.#isActive || !writer) return;
    if (writer.isBusy) {
      if (this.#isDirty) this.#dropped += 1;
      this.#isDirty = true;
      return;
    }
    this.#isDirty = false;
    const data = this.#nextBytes();
    if (data === '') return;
    const buffer = Buffer.from(data);
    this.#startedAtMs = performance.now();
    this.#frames += 1;
    this.#bytes += buffer.length;
    writer.write(buffer, () => {
      if (this.#isDirty) this.#drawSoon();
    });
  }

  #nextBytes(): string {
    const rows = this.#places.map((place) => ({
      place,
      rows: this.#panes.rows(place.paneId, place.width, place.height),
    }));
    const body = this.#screen.update(this.#moved(), rows, this.#real.rows);
    const cursor = this.#cursorBytes(body !== '');
    const passed = this.#passed;
    this.#passed = '';
    return body === '' && cursor === '' ? passed : `${passed}${BEGIN}${body}${cursor}${END}`;
  }

  /** Hidden while a frame is written, where Ink wants it afterwards. */
  #cursorBytes(hasMoved: boolean): string {
    const cursor = this.#cursor;
    const isSame = cursor === this.#shownCursor && !(hasMoved && cursor?.visible);
    if (!cursor || isSame) return '';
    this.#shownCursor = cursor;
    return cursor.visible ? `\x1b[${cursor.row + 1};${cursor.column + 1}H\x1b[?25h` : '\x1b[?25l';
  }

  #moved(): readonly string[] {
    const turn = Math.floor(performance.now() / SPINNER_MS);
    const rows = this.#motion.fill(this.#base, turn);
    if (!rows) return this.#base;
    this.#turn ??= setTimeout(
      () => {
        this.#turn = undefined;
        this.#draw();
      },
      // Filling the rows may have taken longer than the rest of this turn.
      Math.max(1, (turn + 1) * SPINNER_MS - performance.now()),
    ).unref();
    return rows;
  }
}

function openWriter(stdout: NodeJS.WriteStream): FrameWriter {
  const fd: unknown = Reflect.get(stdout, 'fd');
  return (typeof fd === 'number' ? openTtyWriter(fd) : undefined) ?? streamWriter(stdout);
}
