import { Checkpoints } from './checkpoints.ts';
import type { MatchStatus, SearchStatus } from './contract.ts';
import { type FileChange, LogFile } from './log-file.ts';
import { LineIndex } from './line-index.ts';
import { AllLines, type Lines } from './lines.ts';
import { errorMatcher, lineMatcher } from './matcher.ts';
import { MatchScan } from './match-scan.ts';
import { matchStatus, Search, searchMatcher } from './search.ts';

/** What one step of work found out. */
export interface Progress {
  readonly more: boolean;
  /** Somebody waits for this work, it is no mere counting. */
  readonly isAwaited: boolean;
  /** A line that a search or the first error had to be looked for. */
  readonly jumpTo?: number;
}

const TIME_GAP_BYTES = 16 * 1024;

/** A log with what is known about it: its lines, what matches, when it grew. All in steps, all bounded. */
export class LogModel {
  readonly file: LogFile;
  #index: LineIndex;
  #all: AllLines;
  #times = new Checkpoints({ gapBytes: TIME_GAP_BYTES });
  #filter: { readonly text: string; readonly scan: MatchScan } | undefined;
  #search: Search | undefined;
  #errors: MatchScan | undefined;
  #wantsError = false;
  readonly #now: () => number;

  constructor(path: string, now: () => number) {
    this.#now = now;
    this.file = new LogFile(path);
    this.#index = new LineIndex(this.file);
    this.#all = new AllLines(this.file, this.#index);
  }

  get index(): LineIndex {
    return this.#index;
  }

  /** The lines to show. */
  get lines(): Lines {
    return this.#filter?.scan ?? this.#all;
  }

  get search(): Search | undefined {
    return this.#search;
  }

  get hasFilter(): boolean {
    return this.#filter !== undefined;
  }

  get searchStatus(): SearchStatus | undefined {
    return this.#search?.status();
  }

  get filterStatus(): MatchStatus | undefined {
    return this.#filter && matchStatus(this.#filter.text, this.#filter.scan);
  }

  get firstError(): 'searching' | 'none' | 'found' | undefined {
    if (!this.#errors) return undefined;
    return this.#errors.total > 0 ? 'found' : this.#errors.isComplete ? 'none' : 'searching';
  }

  look(): FileChange {
    const before = this.file.sizeBytes;
    const change = this.file.look();
    if (change === 'grown') this.#times.push(before, this.#now());
    if (change === 'reset') this.#reset();
    return change;
  }

  /** When this byte came, milliseconds since 1970; nothing for what was there before we looked. */
  timeAt(offset: number): number | undefined {
    return this.#times.at(this.#times.indexAtOffset(offset))?.count;
  }

  /** The same text again keeps what was found. */
  setSearch(text: string): void {
    if (text !== '' && text === this.#search?.text) return;
    this.#restartSearch(text);
  }

  #restartSearch(text: string): void {
    this.#search =
      text === '' ? undefined : new Search(this.#source(), text, searchMatcher(text, this.#filter?.text));
  }

  setFilter(text: string): void {
    this.#filter =
      text === '' ? undefined : { text, scan: new MatchScan(this.#source(), lineMatcher([text])) };
    // What it finds depends on what is shown.
    if (this.#search) this.#restartSearch(this.#search.text);
  }

  /** Start of the first error, when it was read already; else a step will tell. */
  jumpToFirstError(): number | undefined {
    this.#errors ??= new MatchScan(this.#source(), errorMatcher);
    this.#wantsError = true;
    return this.#foundError();
  }

  /** Lines that match: those of the filter, else those of the search. */
  get matches(): Lines | undefined {
    return this.#filter?.scan ?? this.#search?.scan;
  }

  step(): Progress {
    const search = this.#search?.step();
    const filtering = this.#filter?.scan.step() ?? false;
    const error = this.#stepErrors();
    const indexing = this.#index.step();
    const jumpTo = search?.jumpTo ?? error.jumpTo;
    const isAwaited = (search?.more ?? false) || filtering || error.more;
    return { more: isAwaited || indexing, isAwaited, ...(jumpTo !== undefined && { jumpTo }) };
  }

  #stepErrors(): { readonly more: boolean; readonly jumpTo: number | undefined } {
    if (!this.#errors || !this.#wantsError) return { more: false, jumpTo: undefined };
    const more = this.#errors.step();
    const jumpTo = this.#foundError();
    if (!more) this.#wantsError = false;
    return { more: more && this.#wantsError, jumpTo };
  }

  #foundError(): number | undefined {
    const start = this.#errors?.forward(0, 1)[0]?.start;
    if (start !== undefined) this.#wantsError = false;
    return start;
  }

  #source(): { readonly file: LogFile; readonly all: Lines } {
    return { file: this.file, all: this.#all };
  }

  /** Another content: everything starts anew, with the same questions. */
  #reset(): void {
    this.#index = new LineIndex(this.file);
    this.#all = new AllLines(this.file, this.#index);
    this.#times = new Checkpoints({ gapBytes: TIME_GAP_BYTES });
    this.#times.push(0, this.#now());
    this.#errors = undefined;
    this.#wantsError = false;
    this.setFilter(this.#filter?.text ?? '');
  }
}
