/** Finds a thing in the folded bytes of a log. */
export interface Matcher {
  /** Folded to lower case, ASCII alone. */
  readonly foldCase: boolean;
  /** Bytes that may be needed from both sides of a cut to see a match. */
  readonly overlapBytes: number;
  /** Gives a function that finds the first match at or after a place; -1 when there is none. */
  readonly prepare: (bytes: Buffer) => (from: number) => number;
}

/** Smart case: a text without capitals (A to Z) is found in both cases. */
export function isFolded(text: string): boolean {
  return !/[A-Z]/.test(text);
}

/** Lines that have all of the texts. */
export function lineMatcher(texts: readonly string[]): Matcher {
  const [needle = Buffer.alloc(0), ...others] = texts.map((text) => Buffer.from(text));
  return {
    foldCase: texts.every(isFolded),
    overlapBytes: Math.max(0, needle.length - 1),
    prepare: (bytes) => (from) => {
      let at = from;
      while (at < bytes.length) {
        const found = bytes.indexOf(needle, at);
        if (found < 0) return -1;
        const feed = bytes.indexOf(0x0a, found);
        const end = feed < 0 ? bytes.length : feed;
        const line = bytes.subarray(found === 0 ? 0 : bytes.lastIndexOf(0x0a, found - 1) + 1, end);
        if (others.every((other) => line.includes(other))) return found;
        at = end + 1;
      }
      return -1;
    },
  };
}

const ERROR_WORD = /error|fail|fatal|panic|exception/g;
/** Says that there was none of it. */
const NO_ERROR =
  /\b(?:0|no|zero|without)[ \t]+(?:errors?|fail(?:ures?|ed|ing|s)?|exceptions?)\b|\b(?:errors?|fail(?:ures?|ed|s)?|exceptions?)[ \t]*[:=][ \t]*0\b/g;

/**
 * A line with `error`, `fail`, `fatal`, `panic` or `exception` in either case, also within words (`NullPointerException`,
 * `failed`). What counts none is not one: `0 errors`, `no failures`, `failed: 0`.
 */
export const errorMatcher: Matcher = {
  foldCase: true,
  overlapBytes: 64,
  prepare: (bytes) => {
    const text = bytes.toString('latin1');
    return (from) => {
      ERROR_WORD.lastIndex = from;
      for (let match = ERROR_WORD.exec(text); match; match = ERROR_WORD.exec(text)) {
        const start = text.lastIndexOf('\n', match.index) + 1;
        const feed = text.indexOf('\n', match.index);
        const end = feed < 0 ? text.length : feed;
        if (hasError(text.slice(start, end))) return match.index;
        ERROR_WORD.lastIndex = end;
      }
      return -1;
    };
  },
};

function hasError(line: string): boolean {
  return line.replaceAll(NO_ERROR, '').search(ERROR_WORD) >= 0;
}
