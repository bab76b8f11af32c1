import { ok, type Result } from '../../core/failure.ts';
import type { StagedFile } from '../../core/staged.ts';
import { records } from '../records.ts';
import { answered } from './problem.ts';
import type { Git } from './run-git.ts';
import type { Trees } from './trees.ts';

/** A larger file is not read. */
const MAX_FILE_BYTES = 8 * 1024 * 1024;
/** So much is held at a time. */
const BATCH_BYTES = 32 * 1024 * 1024;
/** Of what the index does not have on that side. */
const NOTHING = /^0+$/;
const FILE_MODES = new Set(['100644', '100755']);

interface Entry {
  readonly path: string;
  readonly id: string;
  readonly before: string;
  readonly sizeBytes: number;
}

/** Every file that the next commit adds or changes, with its content in the index; a few at a time. */
export async function* stagedFiles(git: Git, trees: Trees): AsyncGenerator<Result<StagedFile>> {
  const entries = await stagedEntries(git, trees);
  if (!entries.ok) {
    yield entries;
    return;
  }
  for (const batch of batchesOf(entries.value)) {
    const wanted = batch.flatMap(({ id, before, sizeBytes }) =>
      sizeBytes > MAX_FILE_BYTES ? [] : [id, ...(NOTHING.test(before) ? [] : [before])],
    );
    const blobs = await readBlobs(git, [...new Set(wanted)]);
    if (!blobs.ok) {
      yield blobs;
      return;
    }
    for (const { path, id, before, sizeBytes } of batch) {
      yield ok({ path, sizeBytes, text: blobs.value.get(id), before: blobs.value.get(before) });
    }
  }
}

/** `:100644 100644 <old> <new> M NUL path NUL …` */
async function stagedEntries(git: Git, trees: Trees): Promise<Result<readonly Entry[]>> {
  const read = answered(
    await git(
      [...trees.command, '-z', '--raw', '--no-abbrev', '--no-renames', '--diff-filter=d', ...trees.args],
      {
        config: trees.config,
      },
    ),
    'what is staged',
  );
  if (!read.ok) return read;
  const parts = records(read.value.stdout);
  const files = parts.flatMap((part, index) => {
    const [, mode = '', before = '', id = ''] =
      part.startsWith(':') && index % 2 === 0 ? part.split(' ') : [];
    return FILE_MODES.has(mode) ? [{ path: parts[index + 1] ?? '', id, before }] : [];
  });
  const sizes = await sizesOf(
    git,
    files.map(({ id }) => id),
  );
  return sizes.ok ? ok(files.map((file) => ({ ...file, sizeBytes: sizes.value.get(file.id) ?? 0 }))) : sizes;
}

async function sizesOf(git: Git, ids: readonly string[]): Promise<Result<ReadonlyMap<string, number>>> {
  if (ids.length === 0) return ok(new Map());
  const read = answered(
    await git(['cat-file', '--batch-check=%(objectname) %(objectsize)'], { input: `${ids.join('\n')}\n` }),
    'what is staged',
  );
  if (!read.ok) return read;
  const lines = read.value.stdout.toString('latin1').split('\n');
  return ok(new Map(lines.map((line) => line.split(' ')).map(([id = '', size = '']) => [id, Number(size)])));
}

function* batchesOf(entries: readonly Entry[]): Generator<readonly Entry[]> {
  let batch: Entry[] = [];
  let sizeBytes = 0;
  for (const entry of entries) {
    const size = entry.sizeBytes > MAX_FILE_BYTES ? 0 : entry.sizeBytes;
    if (sizeBytes + size > BATCH_BYTES) {
      yield batch;
      batch = [];
      sizeBytes = 0;
    }
    batch.push(entry);
    sizeBytes += size;
  }
  yield batch;
}

/** `<id> blob <size> LF <content> LF …`; what it does not have is `<id> missing LF`. */
async function readBlobs(git: Git, ids: readonly string[]): Promise<Result<ReadonlyMap<string, Buffer>>> {
  const blobs = new Map<string, Buffer>();
  if (ids.length === 0) return ok(blobs);
  const read = answered(
    await git(['cat-file', '--batch'], { input: `${ids.join('\n')}\n` }),
    'what is staged',
  );
  if (!read.ok) return read;
  const { stdout } = read.value;
  for (let at = 0; at < stdout.length;) {
    const end = stdout.indexOf(0x0a, at);
    const [id = '', , size] = stdout.toString('latin1', at, end).split(' ');
    at = end + 1;
    if (size === undefined) continue;
    blobs.set(id, stdout.subarray(at, at + Number(size)));
    at += Number(size) + 1;
  }
  return ok(blobs);
}
