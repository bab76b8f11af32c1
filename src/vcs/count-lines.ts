/** Of a diff that lines are counted in. */
export const MAX_DIFF_BYTES = 64 * 1024 * 1024;

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
  let left: Left = { old: 0, new: 0 };
  let start = 0;
  while (start < text.length) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    const line = text.slice(start, end);
    if (open && (left.old > 0 || left.new > 0)) left = readLine(open, line, left);
    else {
      const path = pathOf(line);
      if (path !== undefined) {
        if (open) sections.push({ ...open, end: start });
        open = { path, start, added: 0, deleted: 0, is_binary: false };
      } else if (open) left = readHead(open, line);
    }
    start = end + 1;
  }
  if (open) sections.push({ ...open, end: text.length });
  return sections;
}

/** Lines of a hunk that are still to come, on each side. */
interface Left {
  readonly old: number;
  readonly new: number;
}

function readLine(open: Open, line: string, left: Left): Left {
  switch (line.charAt(0)) {
    case '+':
      open.added += 1;
      return { ...left, new: left.new - 1 };
    case '-':
      open.deleted += 1;
      return { ...left, old: left.old - 1 };
    case '\\':
      return left;
    default:
      return { old: left.old - 1, new: left.new - 1 };
  }
}

/** Lengths of a hunk that begins in this line. */
function readHead(open: Open, line: string): Left {
  if (BINARY.test(line)) open.is_binary = true;
  const hunk = HUNK.exec(line);
  return hunk ? { old: Number(hunk[1] ?? 1), new: Number(hunk[2] ?? 1) } : { old: 0, new: 0 };
}

/** Only the files of a path: one file, or all in a folder. */
export function textOf(text: string, sections: readonly DiffSection[], path: string): string {
  return sections
    .filter((section) => section.path === path || section.path.startsWith(`${path}/`))
    .map((section) => text.slice(section.start, section.end))
    .join('');
}
