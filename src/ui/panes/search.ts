import type { MatchStatus, SearchStatus } from './contract.ts';
import { findRanges, foldAscii, type Range } from './fit.ts';
import type { Lines } from './lines.ts';
import type { LogFile } from './log-file.ts';
import { isFolded, lineMatcher, type Matcher } from './matcher.ts';
import { MatchScan } from './match-scan.ts';
import { nearMatch } from './near-match.ts';

export interface SearchSource {
  readonly file: LogFile;
  readonly all: Lines;
}

type Direction = 'nearest' | 'next' | 'previous';

/** Which line a search is at, and where it goes next. Whole file, found in steps; a jump waits for its step. */
export class Search {
  readonly text: string;
  readonly #scan: MatchScan;
  readonly #source: SearchSource;
  readonly #matcher: Matcher;
  #current: number | undefined;
  #pending: { readonly direction: Direction; readonly from: number } | undefined;

  constructor(source: SearchSource, text: string, matcher: Matcher) {
    this.text = text;
    this.#source = source;
    this.#matcher = matcher;
    this.#scan = new MatchScan(source, matcher);
  }

  get scan(): MatchScan {
    return this.#scan;
  }

  /** Start of the current line. */
  get current(): number | undefined {
    return this.#current;
  }

  /** The line to show, when it is known already; else `step` will tell. `top` counts while there is no current line. */
  jump(direction: Direction, top: number): number | undefined {
    const from =
      direction === 'next' && this.#current !== undefined ? this.#current + 1 : (this.#current ?? top);
    this.#pending = { direction, from };
    return this.#resolve() ?? this.#lookAround(direction, from);
  }

  /** One piece of the scan. */
  step(): { readonly more: boolean; readonly jumpTo: number | undefined } {
    const more = this.#scan.step();
    return { more, jumpTo: this.#resolve() };
  }

  ranges(text: string): Range[] {
    const foldCase = this.#matcher.foldCase;
    return findRanges(text, foldCase ? foldAscii(this.text) : this.text, foldCase);
  }

  status(): SearchStatus {
    return {
      ...matchStatus(this.text, this.#scan),
      current: this.#current === undefined ? 0 : this.#scan.ordinal(this.#current),
      pending: this.#pending !== undefined,
    };
  }

  #resolve(): number | undefined {
    if (!this.#pending) return undefined;
    const { direction, from } = this.#pending;
    const isPast = this.#scan.isComplete || this.#scan.scannedBytes >= from;
    if (direction === 'previous') {
      if (!isPast) return undefined;
      const before = this.#first(this.#scan.backward(from, 1)) ?? this.#whenComplete(() => this.#last());
      return this.#found(before);
    }
    const after = this.#first(this.#scan.forward(from, 1));
    if (after !== undefined || direction === 'next') {
      return this.#found(after ?? this.#whenComplete(() => this.#first(this.#scan.forward(0, 1))));
    }
    return this.#found(this.#whenComplete(() => this.#last()));
  }

  /** The scan may have gigabytes to go: what is close by needs no scan. */
  #lookAround(direction: Direction, from: number): number | undefined {
    if (this.#scan.isComplete) return undefined;
    const { file } = this.#source;
    const after =
      direction === 'previous' ? undefined : nearMatch(file, this.#matcher, { from, forward: true });
    const near =
      after ?? (direction === 'next' ? undefined : nearMatch(file, this.#matcher, { from, forward: false }));
    return this.#found(near);
  }

  #found(start: number | undefined): number | undefined {
    if (start === undefined) {
      if (this.#scan.isComplete) this.#pending = undefined;
      return undefined;
    }
    this.#pending = undefined;
    this.#current = start;
    return start;
  }

  #whenComplete(find: () => number | undefined): number | undefined {
    return this.#scan.isComplete ? find() : undefined;
  }

  #first(lines: readonly { readonly start: number }[]): number | undefined {
    return lines[0]?.start;
  }

  #last(): number | undefined {
    return this.#first(this.#scan.backward(this.#source.file.sizeBytes, 1));
  }
}

/** Smart case, and in a filtered pane only the lines that pass. */
export function searchMatcher(text: string, filter: string | undefined): Matcher {
  if (filter === undefined) return lineMatcher([text]);
  // Case is told apart only when both ask for it: bytes are folded for both or for none.
  const foldCase = isFolded(text) || isFolded(filter);
  return lineMatcher(foldCase ? [foldAscii(text), foldAscii(filter)] : [text, filter]);
}

/** How far counting has come. */
export function matchStatus(text: string, scan: MatchScan): MatchStatus {
  return { text, total: scan.total, complete: scan.isComplete };
}
