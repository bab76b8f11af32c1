/** What a unified diff says of one file. */
export interface DiffSection {
  readonly path: string;
  /** Where it stands in the text: characters. */
  readonly start: number;
  readonly end: number;
  readonly added: number;
  readonly deleted: number;
  readonly is_binary: boolean;
}

interface Open {
  path: string;
  readonly start: number;
  added: number;
  deleted: number;
  is_binary: boolean;
}

const HUNK = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/;
const BINARY = /^(GIT binary patch|Binary file |Binary files |Cannot display: file marked as a binary type)/;

/**
 * The files of a unified diff. `pathOf` knows the line that begins a file; lines of hunks are counted by the
 * lengths in their heads, so that no content can look like such a line.
 */
export function sectionsOf(
  text: string,
  pathOf: (line: string) => string | undefined,
): readonly DiffSection[] {
  const sections: DiffSection[] = [];
  let open: Open | undefined;
  let [oldLeft, newLeft] = [0, 0];
  let start = 0;
  while (start < text.length) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    const line = text.slice(start, end);
    if (open && (oldLeft > 0 || newLeft > 0)) {
      const mark = line.charAt(0);
      if (mark !== '+' && mark !== '\\') oldLeft -= 1;
      if (mark !== '-' && mark !== '\\') newLeft -= 1;
      if (mark === '+') open.added += 1;
      if (mark === '-') open.deleted += 1;
    } else {
      const path = pathOf(line);
      if (path !== undefined) {
        if (open) sections.push({ ...open, end: start });
        open = { path, start, added: 0, deleted: 0, is_binary: false };
      } else if (open) [oldLeft, newLeft] = readHead(open, line);
    }
    start = end + 1;
  }
  if (open) sections.push({ ...open, end: text.length });
  return sections;
}

/** Lengths of a hunk that begins in this line. */
function readHead(open: Open, line: string): [number, number] {
  if (BINARY.test(line)) open.is_binary = true;
  const hunk = HUNK.exec(line);
  return hunk ? [Number(hunk[1] ?? 1), Number(hunk[2] ?? 1)] : [0, 0];
}

/** Only the files of a path: one file, or all in a folder. */
export function textOf(text: string, sections: readonly DiffSection[], path: string): string {
  return sections
    .filter((section) => section.path === path || section.path.startsWith(`${path}/`))
    .map((section) => text.slice(section.start, section.end))
    .join('');
}
