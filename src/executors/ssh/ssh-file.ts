import { createHash } from 'node:crypto';
import type { HostCommand, HostOutcome } from '../../core/hosts.ts';
import type { Result } from '../../core/failure.ts';
import { sanitizeText } from '../../core/terminal-text.ts';
import { changed } from '../copy/local-file.ts';
import { BLOCK_BYTES, CopyObstacle, refuse, type SinkFile, type SourceFile } from '../copy/ends.ts';
import type { Link } from './link.ts';
import { SftpLanes } from './sftp-lanes.ts';

/** What a file on the other side needs of its host. */
export interface RemotePlace {
  readonly link: Link;
  readonly run: (command: HostCommand) => Promise<Result<HostOutcome>>;
}

/** Below this a second session costs more than it brings. */
const STRIPED_BYTES = 2 * BLOCK_BYTES;
const IS_FOLDER = 71;
const NO_TOOL = 69;
const WRONG_SIZE = 74;
const WRONG_HASH = 75;

/** `h` prints the SHA-256 of its input, with whichever tool is there; exit code 69 where there is none. */
const HASH = `if command -v sha256sum >/dev/null 2>&1; then h() { sha256sum; }
elif command -v shasum >/dev/null 2>&1; then h() { shasum -a 256; }
elif command -v openssl >/dev/null 2>&1; then h() { openssl dgst -sha256; }
else h() { exit ${NO_TOOL}; }
fi`;

/** The blocks of file $1 up to byte $2. */
const BLOCKS = `blocks() { i=0; while [ $((i * ${BLOCK_BYTES})) -lt "$2" ]; do dd if="$1" bs=${BLOCK_BYTES} skip=$i count=1 2>/dev/null | h; i=$((i + 1)); done; }`;

/** Read over SFTP. Throws `CopyObstacle` for what is not a file. */
export async function openRemoteSource(place: RemotePlace, file: string): Promise<SourceFile> {
  const lanes = new SftpLanes(place.link, file, { flags: 'r', most: place.link.sftpSessions });
  const label = `${place.link.target.name}:${file}`;
  try {
    const { size, mode, isFile } = await lanes.facts();
    if (!isFile) throw refuse(`${label} is not a file`);
    return {
      label,
      size,
      mode,
      lanes: size < STRIPED_BYTES ? 1 : place.link.sftpSessions,
      read: (offset, length) => lanes.read(offset, length),
      sha256: async () => {
        const said = await ask(place, label, { script: `${HASH}\nh <"$P"`, env: { P: file } });
        return said.exit_code === NO_TOOL ? readBack(lanes, size) : (hashesIn(said.stdout)[0] ?? '');
      },
      blockHashes: async (count) => {
        const env = { P: file, N: String(Math.min(size, count * BLOCK_BYTES)) };
        const said = await ask(place, label, { script: `${HASH}\n${BLOCKS}\nblocks "$P" "$N"`, env });
        return hashesIn(said.stdout);
      },
      close: () => lanes.close(),
    };
  } catch (error) {
    await lanes.close();
    throw error;
  }
}

const BEGIN = `${HASH}
${BLOCKS}
case $P in */*) d=\${P%/*}; mkdir -p -- "\${d:-/}" || exit 1 ;; esac
[ -d "$P" ] && exit ${IS_FOLDER}
if [ -f "$P" ] && [ "$(($(wc -c <"$P")))" -eq "$N" ]; then echo whole; (h <"$P"); fi
if [ -L "$P.part" ]; then echo "$P.part is a link" >&2; exit 1; fi
if [ -f "$P.part" ]; then
  s=$(($(wc -c <"$P.part"))); [ "$s" -le "$N" ] || s=$N
  echo blocks; blocks "$P.part" "$s"
else (umask 077; : >"$P.part") || exit 1; fi`;

const CHECK = `[ "$(($(wc -c <"$P.part")))" -eq "$N" ] || exit ${WRONG_SIZE}
g=$(h <"$P.part") || exit $?
case $g in *"$W"*) ;; *) exit ${WRONG_HASH} ;; esac`;

const RENAME = 'chmod -- "$M" "$P.part" && mv -f -- "$P.part" "$P"';

/** Written over SFTP to `<file>.part`, large ones by several sessions at once. `size` in bytes. */
export function openRemoteSink(place: RemotePlace, file: string, size: number): SinkFile {
  const most = place.link.sftpSessions;
  const lanes = new SftpLanes(place.link, `${file}.part`, { flags: 'r+', most });
  const label = `${place.link.target.name}:${file}`;
  return {
    label,
    lanes: size < STRIPED_BYTES ? 1 : most,
    begin: async () => {
      const said = await ask(place, label, { script: BEGIN, env: { P: file, N: String(size) } });
      if (said.exit_code === IS_FOLDER) throw refuse(`${label} is a folder`);
      const [first = '', rest = ''] = said.stdout.split('blocks\n');
      return { whole: hashesIn(first)[0], blocks: hashesIn(rest) };
    },
    write: (offset, bytes, onBytes) => lanes.write(offset, bytes, onBytes),
    discard: async () => void (await ask(place, label, { script: 'rm -f -- "$P.part"', env: { P: file } })),
    finish: async ({ mode, sha256 }) => {
      await lanes.truncate(size);
      const env = { P: file, N: String(size), W: sha256, M: mode.toString(8) };
      const said = await ask(place, label, { script: `${HASH}\n${CHECK}\n${RENAME}`, env });
      if (said.exit_code === WRONG_SIZE || said.exit_code === WRONG_HASH) throw changed(label);
      if (said.exit_code !== NO_TOOL) return;
      if ((await readBack(lanes, size)) !== sha256) throw changed(label);
      await ask(place, label, { script: RENAME, env });
    },
    close: () => lanes.close(),
  };
}

const OUR_CODES = new Set([0, IS_FOLDER, NO_TOOL, WRONG_SIZE, WRONG_HASH]);

/** Any other exit code is an obstacle, in the words of the tool there. */
async function ask(place: RemotePlace, label: string, command: HostCommand): Promise<HostOutcome> {
  // 65 bytes a block: enough for 60 TB.
  const said = await place.run({ ...command, maxBytes: 1024 * 1024 * 1024 });
  if (!said.ok) throw new CopyObstacle(said.failure);
  if (OUR_CODES.has(said.value.exit_code)) return said.value;
  const words = sanitizeText(said.value.stderr.trim().split('\n').at(-1) ?? '');
  throw refuse(`${label}: ${words || `a command there ended with ${said.value.exit_code}`}`, true);
}

function hashesIn(text: string): readonly string[] {
  return text.match(/\b[0-9a-f]{64}\b/g) ?? [];
}

/** Where no tool computes checksums everything travels back. */
async function readBack(lanes: SftpLanes, size: number): Promise<string> {
  const hash = createHash('sha256');
  for (let at = 0; at < size; at += BLOCK_BYTES) {
    hash.update(await lanes.read(at, Math.min(BLOCK_BYTES, size - at)));
  }
  return hash.digest('hex');
}
