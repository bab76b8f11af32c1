import { isAscii } from 'node:buffer';
import { type FoldOptions, fold } from './fold.ts';

/** Finds lines in the folded bytes of a log. */
export interface Matcher extends FoldOptions {
  /** Bytes that may be needed from both sides of a cut to see a match. */
  readonly overlapBytes: number;
  /** A function that gives the first place to look at, from a place on; -1 when there is none. */
  readonly candidates: (text: string) => (from: number) => number;
  /** Whether the line with a candidate matches; all do when absent. */
  readonly accepts?: (line: string) => boolean;
}

/** Starts of the lines in `bytes` that match; the last one need not have its line feed. */
export function findLines(bytes: Buffer, matcher: Matcher): number[] {
  const starts: number[] = [];
  if (bytes.length === 0) return starts;
  const { text, originalStart } = fold(bytes, matcher);
  const next = matcher.candidates(text);
  for (let at = next(0); at >= 0;) {
    const feed = text.indexOf('\n', at);
    const end = feed < 0 ? text.length : feed;
    const start = at === 0 ? 0 : text.lastIndexOf('\n', at - 1) + 1;
    if (!matcher.accepts || matcher.accepts(text.slice(start, end))) starts.push(originalStart(start));
    at = end < text.length ? next(end + 1) : -1;
  }
  return starts;
}

/** Smart case: a text without capitals (A to Z) is found in both cases. */
export function isFolded(text: string): boolean {
  return !/[A-Z]/.test(text);
}

/** Lines that have all of the texts. */
export function lineMatcher(texts: readonly string[]): Matcher {
  const [needle = '', ...others] = texts.map((text) => Buffer.from(text).toString('latin1'));
  return {
    foldCase: texts.every(isFolded),
    isAsciiOnly: texts.every((text) => isAscii(Buffer.from(text))),
    overlapBytes: Math.max(0, needle.length - 1),
    candidates: (text) => (from) => text.indexOf(needle, from),
    ...(others.length > 0 && { accepts: (line) => others.every((other) => line.includes(other)) }),
  };
}

const ERROR_WORDS = ['error', 'fail', 'fatal', 'panic', 'exception'];
const ERROR_WORD = /error|fail|fatal|panic|exception/;
/** Says that there was none of it. */
const NO_ERROR =
  /\b(?:0|no|zero|without)[ \t]+(?:errors?|fail(?:ures?|ed|ing|s)?|exceptions?)\b|\b(?:errors?|fail(?:ures?|ed|s)?|exceptions?)[ \t]*[:=][ \t]*0\b/g;

/**
 * A line with `error`, `fail`, `fatal`, `panic` or `exception` in either case, also within words (`NullPointerException`,
 * `failed`). What counts none is not one: `0 errors`, `no failures`, `failed: 0`.
 */
export const errorMatcher: Matcher = {
  foldCase: true,
  isAsciiOnly: true,
  overlapBytes: 64,
  candidates: (text) => {
    /** Where each word is next; -1: nowhere behind. */
    const places = ERROR_WORDS.map((word) => text.indexOf(word));
    return (from) => {
      let first = -1;
      for (const [index, word] of ERROR_WORDS.entries()) {
        let place = places[index] ?? -1;
        if (place >= 0 && place < from) {
          place = text.indexOf(word, from);
          places[index] = place;
        }
        if (place >= 0 && (first < 0 || place < first)) first = place;
      }
      return first;
    };
  },
  accepts: (line) => ERROR_WORD.test(line.replaceAll(NO_ERROR, '')),
};
