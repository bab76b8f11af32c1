import { type Failure, failed, ok, type Result } from '../failure.ts';
import type { Host, HostOutcome } from '../hosts.ts';
import { sanitizeText } from '../terminal-text.ts';

/** What lies at a path. */
export type Listing =
  | { readonly type: 'none' }
  | { readonly type: 'file' }
  | {
      readonly type: 'folder';
      /** All paths are relative to it; folders before what they contain. */
      readonly folders: readonly string[];
      readonly files: readonly string[];
      readonly links: readonly { readonly path: string; readonly target: string }[];
      /** Pipes, sockets, devices. */
      readonly others: readonly string[];
      /** Of all files; undefined where no tool there tells sizes. */
      readonly bytes: number | undefined;
    };

/** A hundred thousand names of a kilobyte. */
const MAX_LIST_BYTES = 128 * 1024 * 1024;
const NONE = 44;
const UNREADABLE = 45;

/** Makes `~` and `~/…` in `$P` the login folder, as a shell does with what is typed. */
export const EXPAND_HOME = `case $P in '~') P=\${HOME:-.} ;; '~/'*) P=\${HOME:-.}/\${P#'~/'} ;; esac`;

// No path that find prints under `.` is `//`.
const LIST = `${EXPAND_HOME}
[ -e "$P" ] || [ -L "$P" ] || exit ${NONE}
if [ ! -d "$P" ]; then echo file; exit 0; fi
[ -n "$DEEP" ] || { echo folder; exit 0; }
CDPATH= cd -- "$P" || exit ${UNREADABLE}
printf 'folder\\n'
find . -type d -print0 || exit ${UNREADABLE}; printf '//\\0'
find . -type f -print0; printf '//\\0'
find . -type l -exec sh -c 'for f; do printf "%s\\0%s\\0" "$f" "$(readlink -- "$f" && printf .)"; done' sh {} +; printf '//\\0'
find . ! -type d ! -type f ! -type l -print0; printf '//\\0'
{ find . -type f -exec stat -c %s {} + 2>/dev/null || find . -type f -exec stat -f %z {} + 2>/dev/null; } | awk '{ s += $1 } END { printf "%.0f", s }'`;

/** Looks at a path; with `isDeep` at all that lies below it. Links are not followed, but `path` itself may be one. */
export async function listPlace(
  host: Host,
  path: string,
  { isDeep, signal }: { readonly isDeep: boolean; readonly signal: AbortSignal },
): Promise<Result<Listing>> {
  const said = await host.exec(
    { script: LIST, env: { P: path, DEEP: isDeep ? '1' : '' }, maxBytes: MAX_LIST_BYTES },
    signal,
  );
  if (!said.ok) return said;
  const { exit_code: code, stdout } = said.value;
  if (code === NONE) return ok({ type: 'none' });
  if (code !== 0) return failed(refusal(host, path, said.value));
  if (stdout === 'file\n') return ok({ type: 'file' });
  return foldersIn(host, stdout.slice('folder\n'.length), isDeep);
}

/** What `LIST` prints of a folder. */
function foldersIn(host: Host, text: string, isDeep: boolean): Result<Listing> {
  const [folders = [], files = [], links = [], others = [], sum, ...more] = sections(text);
  if (isDeep && (sum === undefined || more.length > 0)) return failed(tooMany(host));
  const bad = [...folders, ...files, ...links, ...others].filter((name) => name.includes('\uFFFD'));
  if (bad.length > 0) return failed(notText(host, bad));
  const bytes = sum?.[0];
  return ok({
    type: 'folder',
    folders: folders.flatMap((name) => (name === '.' ? [] : [name.slice(2)])),
    files: files.map((name) => name.slice(2)),
    links: pairs(links),
    others: others.map((name) => name.slice(2)),
    bytes: bytes === undefined ? undefined : Number(bytes),
  });
}

function sections(text: string): readonly (readonly string[])[] {
  return text.split('//\0').map((section) => section.split('\0').filter((name) => name !== ''));
}

function pairs(words: readonly string[]): { readonly path: string; readonly target: string }[] {
  return words.flatMap((word, at) =>
    // `readlink` ends with a line feed, and the dot behind it keeps those that belong to the target.
    at % 2 === 0 ? [{ path: word.slice(2), target: (words[at + 1] ?? '').replace(/\n?\.$/, '') }] : [],
  );
}

function refusal(host: Host, path: string, { stderr, exit_code: code }: HostOutcome): Failure {
  const words = sanitizeText(stderr.trim().split('\n').at(-1) ?? '') || `a command ended with ${code}`;
  return { reason: 'reported', message: `${host.name}:${path} cannot be listed: ${words}`, retryable: false };
}

function tooMany(host: Host): Failure {
  const message = `there are more names on ${host.name} than can be listed at once: copy its folders one by one`;
  return { reason: 'reported', message, retryable: false };
}

function notText(host: Host, names: readonly string[]): Failure {
  const shown = names
    .slice(0, 3)
    .map((name) => sanitizeText(name))
    .join(', ');
  const message = `${names.length} name(s) on ${host.name} are not UTF-8 and cannot be copied: ${shown}`;
  return { reason: 'reported', message, retryable: false };
}
