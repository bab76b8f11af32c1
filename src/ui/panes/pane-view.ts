import { columnAt, type Range } from './fit.ts';
import { gutterCells } from './gutter.ts';
import { type CachedLine, LineCache } from './line-cache.ts';
import type { LineRef } from './lines.ts';
import type { LogModel } from './log-model.ts';
import {
  drawFrame,
  EMPTY_FRAME,
  type Frame,
  gutterOf,
  type Selection,
  type ViewOptions,
} from './pane-frame.ts';
import { readLine } from './read-line.ts';
import { isBefore, lastTop, moveDown, moveUp, type Scrolled, type TopRow } from './scroll.ts';

/** Where a pane is in its log, and what it looks like there. */
export class PaneView {
  readonly #model: LogModel;
  readonly #cache: LineCache;
  #keepColor: boolean;
  #options: ViewOptions = { wrap: false, lineNumbers: false, times: false, column: 0 };
  #width = 80;
  #height = 24;
  #top: TopRow = { start: 0, row: 0 };
  #follow: boolean;
  #selection: Selection | undefined;
  #frame: Frame | undefined;

  constructor(model: LogModel, options: { readonly keepColor: boolean; readonly follow: boolean }) {
    this.#model = model;
    this.#cache = new LineCache(model.file);
    this.#keepColor = options.keepColor;
    this.#follow = options.follow;
  }

  set keepColor(isKept: boolean) {
    this.#keepColor = isKept;
    this.touch();
  }

  get options(): ViewOptions {
    return this.#options;
  }

  get follow(): boolean {
    return this.#follow;
  }

  get selection(): Selection | undefined {
    return this.#selection;
  }

  get height(): number {
    return this.#height;
  }

  /** The frame of the last `draw`, or one made now. */
  get frame(): Frame {
    return this.#frame ?? this.draw(this.#width, this.#height);
  }

  /** Never behind where the last page starts; a filter may still have to find lines behind. */
  get top(): TopRow {
    const last = lastTop(this.#scrolled(), this.#height);
    if (this.#follow) this.#top = last;
    return isBefore(last, this.#top) ? last : this.#top;
  }

  get isAtEnd(): boolean {
    return this.#follow || !isBefore(this.#top, lastTop(this.#scrolled(), this.#height));
  }

  draw(width: number, height: number): Frame {
    if (width !== this.#width || height !== this.#height) this.touch();
    this.#width = width;
    this.#height = height;
    this.#frame ??= width > 0 && height > 0 ? this.#newFrame() : EMPTY_FRAME;
    return this.#frame;
  }

  /** Something changed: the next `draw` draws anew. */
  touch(): void {
    this.#frame = undefined;
  }

  /** The bytes are others now. */
  reset(): void {
    this.#cache.clear();
    this.#top = { start: 0, row: 0 };
    this.#selection = undefined;
    this.touch();
  }

  setOptions(change: Partial<ViewOptions>): void {
    const { top } = this;
    this.#options = { ...this.#options, ...change };
    // Rows of a line mean nothing to another layout.
    if (change.wrap !== undefined) this.#top = { start: top.start, row: 0 };
    this.touch();
  }

  setFollow(isOn: boolean): void {
    // What is at the bottom stays there.
    if (!isOn) this.#top = this.top;
    this.#follow = isOn;
    this.touch();
  }

  /** Positive towards the end. Reaching the end follows when `resumes`. */
  scroll(rows: number, resumes: boolean): void {
    const { top } = this;
    const scrolled = this.#scrolled();
    if (rows < 0) {
      this.#follow = false;
      this.#top = moveUp(scrolled, top, -rows);
    } else {
      const last = lastTop(scrolled, this.#height);
      const moved = moveDown(scrolled, top, rows);
      const isLast = !isBefore(moved, last);
      this.#top = isLast ? last : moved;
      this.#follow ||= isLast && resumes;
    }
    this.touch();
  }

  /** Puts the line that starts here at the top; the first one behind it when a filter hides it. */
  goTo(start: number): void {
    this.#follow = false;
    this.#top = { start, row: 0 };
    this.touch();
  }

  /** Brings a line into sight with a third of the pane above it, and its first range, too. */
  reveal(start: number, ranges: (text: string) => readonly Range[]): void {
    const [ref] = this.#model.lines.forward(start, 1);
    if (!ref) return;
    const match = this.#revealColumn(ref, ranges);
    const isSeen = this.frame.refs.some((shown) => shown.start === ref.start);
    this.setFollow(false);
    if (isSeen && match === 0) return;
    const target = { start: ref.start, row: match };
    this.#top = moveUp(this.#scrolled(), target, Math.floor(this.#height / 3));
  }

  select(selection: Selection | undefined): void {
    if (selection) this.setFollow(false);
    this.#selection = selection;
    this.touch();
  }

  /** Moves the active end of the selection; one line is selected first. */
  moveSelection(lines: number): void {
    const shown = this.frame.refs;
    const first = shown[0];
    const edge = lines < 0 ? shown.at(-1) : first;
    if (!first || !edge) return;
    this.setFollow(false);
    if (!this.#selection) {
      this.select({ anchor: edge.start, active: edge.start });
      return;
    }
    const { anchor, active } = this.#selection;
    const moved =
      lines < 0
        ? this.#model.lines.backward(active, -lines)[0]
        : this.#model.lines.forward(active, lines + 1).at(-1);
    if (!moved) return;
    this.select({ anchor, active: moved.start });
    if (moved.start < first.start) this.#top = { start: moved.start, row: 0 };
    else if (!shown.some(({ start }) => start === moved.start)) {
      this.#top = moveUp(this.#scrolled(), { start: moved.start, row: 0 }, this.#height - 1);
    }
  }

  /** Which of its rows holds the match; scrolls sideways to it when not wrapped. */
  #revealColumn(ref: LineRef, ranges: (text: string) => readonly Range[]): number {
    const { line } = readLine(this.#model.file, ref, { cells: Infinity, keepColor: false });
    const [range] = ranges(line.text);
    if (!range) return 0;
    if (this.#options.wrap) {
      const at = this.#cached(ref).places.findLastIndex((place) => place.at <= range[0]);
      return Math.max(0, at);
    }
    const from = columnAt(line, range[0]);
    const to = columnAt(line, range[1]);
    const { column } = this.#options;
    const width = this.#textCells();
    if (from < column || to > column + width) {
      this.setOptions({ column: to <= width ? 0 : Math.max(0, from - Math.floor(width / 3)) });
    }
    return 0;
  }

  #scrolled(): Scrolled {
    return {
      lines: this.#model.lines,
      endOffset: this.#model.file.sizeBytes,
      rowCount: (ref) => (this.#options.wrap ? this.#cached(ref).places.length : 1),
    };
  }

  #cached(ref: LineRef): CachedLine {
    const { wrap, column } = this.#options;
    this.#cache.configure({ keepColor: this.#keepColor, wrap, column, width: this.#textCells() });
    return this.#cache.get(ref);
  }

  #textCells(): number {
    const gutter = gutterOf({ model: this.#model, options: this.#options, width: this.#width });
    return Math.max(1, this.#width - gutterCells(gutter));
  }

  #newFrame(): Frame {
    return drawFrame({
      model: this.#model,
      options: this.#options,
      selection: this.#selection,
      top: this.top,
      width: this.#width,
      height: this.#height,
      line: (ref) => this.#cached(ref),
    });
  }
}
