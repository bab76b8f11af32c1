/** One place of a unified diff; lines count from 1. */
export interface Hunk {
  readonly oldLine: number;
  readonly line: number;
  /** Each row begins with a space, `+` or `-`. */
  readonly rows: readonly string[];
}

/** Hunks by path. A header's name is matched to the paths that are known to have changed, so no name is invented. */
export function parseDiff(text: string, paths: readonly string[]): ReadonlyMap<string, readonly Hunk[]> {
  const found = new Map<string, Hunk[]>();
  const lines = text.split('\n');
  let oldName = '';
  let path: string | undefined;
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    if (line.startsWith('--- ')) oldName = nameIn(line);
    else if (line.startsWith('+++ ')) {
      const name = nameIn(line);
      path = knownPath(name === '/dev/null' ? oldName : name, paths);
    } else {
      const read = hunkAt(lines, at);
      if (!read) continue;
      if (path !== undefined) found.set(path, [...(found.get(path) ?? []), read.hunk]);
      at = read.last;
    }
  }
  return found;
}

/** The hunk whose header stands in a line, and its last line: its counts say how long it is, whatever its rows look like. */
function hunkAt(
  lines: readonly string[],
  header: number,
): { readonly hunk: Hunk; readonly last: number } | undefined {
  const match = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(lines[header] ?? '');
  if (!match) return undefined;
  const [, oldLine, oldCount = '1', line, newCount = '1'] = match;
  const { rows, last } = rowsAfter(lines, header, { old: Number(oldCount), now: Number(newCount) });
  return { hunk: { oldLine: firstLine(oldLine, oldCount), line: firstLine(line, newCount), rows }, last };
}

/** A side without lines names the line before it. */
function firstLine(written: string | undefined, count: string): number {
  return Number(written) + (count === '0' ? 1 : 0);
}

function rowsAfter(
  lines: readonly string[],
  header: number,
  left: { old: number; now: number },
): { readonly rows: readonly string[]; readonly last: number } {
  const rows: string[] = [];
  let last = header;
  while ((left.old > 0 || left.now > 0) && last + 1 < lines.length) {
    last += 1;
    const row = lines[last] ?? '';
    // "\ No newline at end of file"
    if (row.startsWith('\\')) continue;
    rows.push(row === '' ? ' ' : row);
    if (!row.startsWith('+')) left.old -= 1;
    if (!row.startsWith('-')) left.now -= 1;
  }
  return { rows, last };
}

/** `+++ b/src/a.ts<tab>(revision 3)`, quoted as in C where git thinks it must be. */
function nameIn(header: string): string {
  const written = header.slice(4).split('\t')[0] ?? '';
  const name = written.startsWith('"') ? unquoted(written) : written;
  return name.replace(/^[ab]\//, '');
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\u0007',
  b: '\b',
  f: '\f',
  v: '\v',
};

function unquoted(written: string): string {
  const bytes: number[] = [];
  for (const [part, octal, letter] of written.slice(1, -1).matchAll(/\\([0-7]{3})|\\(.)|[^\\]/gsu)) {
    if (octal !== undefined) bytes.push(Number.parseInt(octal, 8));
    else bytes.push(...Buffer.from(letter === undefined ? part : (ESCAPES[letter] ?? letter)));
  }
  return Buffer.from(bytes).toString('utf8');
}

/** Subversion may name a file from further up. */
function knownPath(name: string, paths: readonly string[]): string | undefined {
  return paths.find((path) => path === name) ?? paths.find((path) => name.endsWith(`/${path}`));
}

/** The text before the change; undefined where the diff does not fit it. */
export function textBefore(text: string, hunks: readonly Hunk[]): string | undefined {
  const lines = text.split('\n');
  const old: string[] = [];
  let next = 0;
  for (const { line, rows } of hunks) {
    const start = line - 1;
    if (start < next || start > lines.length) return undefined;
    old.push(...lines.slice(next, start));
    next = start;
    for (const row of rows) {
      if (!row.startsWith('-')) {
        if (!isSame(lines[next], row.slice(1))) return undefined;
        next += 1;
      }
      if (!row.startsWith('+')) old.push(row.slice(1));
    }
  }
  old.push(...lines.slice(next));
  return old.join('\n');
}

function isSame(line: string | undefined, row: string): boolean {
  return line !== undefined && line.replace(/\r$/, '') === row.replace(/\r$/, '');
}

/** The new text of a file that a diff shows as added. */
export function addedText(hunks: readonly Hunk[]): string {
  return hunks
    .flatMap(({ rows }) => rows.flatMap((row) => (row.startsWith('-') ? [] : [`${row.slice(1)}\n`])))
    .join('');
}

/** First line and how many, as changed lines alone. */
export function summaryOf({ line, rows }: Hunk): {
  readonly line: number;
  readonly lines: number;
  readonly deleted: number;
} {
  const first = rows.findIndex((row) => !row.startsWith(' '));
  return {
    line: line + Math.max(first, 0),
    lines: rows.filter((row) => row.startsWith('+')).length,
    deleted: rows.filter((row) => row.startsWith('-')).length,
  };
}
