/** Alternatives that one pattern may unfold to; beyond that it is taken as it stands. */
const MAX_ALTERNATIVES = 64;

/** Whether a path relative to the project, with `/`, matches. */
export type Matcher = (path: string) => boolean;

/**
 * `*` and `?` inside a name, `**` for any folders, `{a,b}` for one of several; nothing else is special.
 * Without a `/` the last name of a path is matched, wherever it lies. With one, the whole path is, from any
 * folder on; a leading `/` begins at the project. A trailing `/` means everything in such a folder.
 * Takes time in proportion to path times pattern, whatever both are.
 */
export function compileGlob(pattern: string): Matcher {
  const matchers = alternatives(pattern).map(compileOne);
  return (path) => matchers.some((matches) => matches(path));
}

function compileOne(pattern: string): Matcher {
  const isAnchored = /^(\/|\.\.?\/)/.test(pattern);
  const written = pattern.replace(/^\.?\//, '');
  const whole = written.endsWith('/') ? `${written}**` : written;
  if (!isAnchored && !whole.includes('/'))
    return (path) => matchesName(whole, path.slice(path.lastIndexOf('/') + 1));
  const wanted = whole.split('/');
  const parts = isAnchored || wanted[0] === '**' ? wanted : ['**', ...wanted];
  return (path) => matchesPath(parts, path.split('/'));
}

/** `**` takes as few names as possible first and more when the rest does not fit; never looks further back than the last one. */
function matchesPath(parts: readonly string[], names: readonly string[]): boolean {
  return greedy(parts.length, names.length, {
    isAny: (part) => parts[part] === '**',
    fits: (part, name) => matchesName(parts[part] ?? '', names[name] ?? ''),
  });
}

function matchesName(pattern: string, name: string): boolean {
  return greedy(pattern.length, name.length, {
    isAny: (at) => pattern[at] === '*',
    fits: (at, index) => pattern[at] === '?' || pattern[at] === name[index],
  });
}

/** Wildcard matching with one place to go back to. */
function greedy(
  patternLength: number,
  textLength: number,
  {
    isAny,
    fits,
  }: {
    readonly isAny: (pattern: number) => boolean;
    readonly fits: (pattern: number, text: number) => boolean;
  },
): boolean {
  let pattern = 0;
  let text = 0;
  let back: { readonly pattern: number; text: number } | undefined;
  while (text < textLength) {
    if (pattern < patternLength && isAny(pattern)) {
      pattern += 1;
      back = { pattern, text };
    } else if (pattern < patternLength && fits(pattern, text)) {
      pattern += 1;
      text += 1;
    } else if (back) {
      back.text += 1;
      pattern = back.pattern;
      text = back.text;
    } else return false;
  }
  while (pattern < patternLength && isAny(pattern)) pattern += 1;
  return pattern === patternLength;
}

/** `a.{ts,js}` unfolded; braces do not nest. */
function alternatives(pattern: string): readonly string[] {
  let unfolded = [pattern];
  for (;;) {
    const next = unfolded.flatMap((text) => {
      const found = /^([^{]*)\{([^{}]*,[^{}]*)\}(.*)$/s.exec(text);
      if (!found) return [text];
      const [, before = '', inside = '', after = ''] = found;
      return inside.split(',').map((choice) => before + choice + after);
    });
    if (next.length === unfolded.length) return next;
    if (next.length > MAX_ALTERNATIVES) return [pattern];
    unfolded = next;
  }
}

/** The same as a glob of test runners and shells, from the project on. */
export function portableGlob(pattern: string): string {
  const isAnchored = /^(\/|\.\.?\/|\*\*\/)/.test(pattern);
  const written = pattern.replace(/^\.?\//, '');
  const whole = written.endsWith('/') ? `${written}**` : written;
  return isAnchored ? whole : `**/${whole}`;
}
