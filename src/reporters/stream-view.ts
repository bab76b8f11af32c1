import { readFileSync, statSync } from 'node:fs';
import type { StreamProgress } from '../core/stream-report.ts';
import { streamLine, streamTree } from '../core/stream-text.ts';

/** On a terminal the tree is drawn again so often, elsewhere a line is printed so often. */
const REDRAW_MS = 200;
const LINE_MS = 5000;
/** Longer lines would wrap, and the block could not be drawn over itself. */
const COLUMNS = 78;

/** The progress of one running stage, as lines. */
export class StreamView {
  readonly #file: string;
  readonly #canRedraw: boolean;
  #nextMs = 0;
  #isFirst = true;
  #shown: number | undefined;
  /** What an earlier attempt left is not shown. */
  readonly #before: number | undefined;

  /** `file` is the `progress.json` that the stage keeps. */
  constructor(file: string, canRedraw: boolean) {
    this.#file = file;
    this.#canRedraw = canRedraw;
    this.#before = writtenAt(file);
  }

  /** What to show now: a block to draw over on a terminal, lines to add elsewhere; undefined when nothing is due. */
  look(nowMs: number): readonly string[] | undefined {
    if (nowMs < this.#nextMs) return undefined;
    this.#nextMs = nowMs + REDRAW_MS;
    const at = writtenAt(this.#file);
    const progress = at === undefined || at === this.#before ? undefined : readProgress(this.#file);
    if (!progress) return undefined;
    if (at === this.#shown && !this.#isDrawnAgain(progress)) return undefined;
    this.#shown = at;
    this.#nextMs = nowMs + (this.#canRedraw ? REDRAW_MS : LINE_MS);
    if (this.#canRedraw || this.#isFirst) {
      this.#isFirst = false;
      const lines = streamTree(progress);
      return this.#canRedraw ? lines.map(cut) : lines;
    }
    const line = streamLine(progress);
    return line === undefined ? undefined : [line];
  }

  /** The next line draws over it, so that it is drawn below that again; what has ended is not. */
  #isDrawnAgain({ steps }: StreamProgress): boolean {
    return this.#canRedraw && steps.some(({ status }) => status === 'running');
  }
}

function writtenAt(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
}

function readProgress(file: string): StreamProgress | undefined {
  try {
    const progress: StreamProgress = JSON.parse(readFileSync(file, 'utf8'));
    return Array.isArray(progress.steps) ? progress : undefined;
  } catch {
    // Not begun yet; the file is replaced as a whole.
    return undefined;
  }
}

function cut(line: string): string {
  return line.length > COLUMNS ? `${line.slice(0, COLUMNS - 1)}…` : line;
}
