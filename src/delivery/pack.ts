import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, mkdir, readdir, readlink, rename } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface Packed {
  /** `sha256:…` of the archive: the same files give the same digest. */
  readonly digest: string;
  readonly size_bytes: number;
  readonly files_count: number;
}

const BLOCK = 512;

/** Never part of a release: version control, and what Pipewright itself keeps. */
const LEFT_OUT: ReadonlySet<string> = new Set(['.git', '.hg', '.svn', '.pipewright']);

/**
 * Packs the files below `folder` into a .tar.gz, sorted by name and without times and owners, so that equal
 * trees give equal archives. `leaveOut`: absolute paths that are no part of it. Throws what the file system throws.
 */
export async function packFolder(
  folder: string,
  archive: string,
  { leaveOut = [] }: { readonly leaveOut?: readonly string[] } = {},
): Promise<Packed> {
  const { createGzip } = await import('node:zlib');
  const hash = createHash('sha256');
  let size = 0;
  let count = 0;
  await mkdir(path.dirname(archive), { recursive: true, mode: 0o700 });
  await pipeline(
    Readable.from(entries(folder, new Set(leaveOut), () => (count += 1))),
    createGzip({ level: 6 }),
    async function* measured(chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        size += chunk.length;
        yield chunk;
      }
    },
    createWriteStream(`${archive}.part`, { mode: 0o600 }),
  );
  await rename(`${archive}.part`, archive);
  return { digest: `sha256:${hash.digest('hex')}`, size_bytes: size, files_count: count };
}

async function* entries(
  folder: string,
  leaveOut: ReadonlySet<string>,
  onFile: () => void,
): AsyncGenerator<Buffer> {
  yield* inFolder(folder, '', { leaveOut, onFile });
  yield Buffer.alloc(2 * BLOCK);
}

interface Walk {
  readonly leaveOut: ReadonlySet<string>;
  readonly onFile: () => void;
}

async function* inFolder(root: string, inside: string, walk: Walk): AsyncGenerator<Buffer> {
  const names = (await readdir(path.join(root, inside))).toSorted();
  for (const name of names) {
    const relative = inside === '' ? name : `${inside}/${name}`;
    const file = path.join(root, relative);
    if (LEFT_OUT.has(name) || walk.leaveOut.has(file)) continue;
    const facts = await lstat(file);
    if (facts.isDirectory()) {
      yield header({ name: `${relative}/`, mode: 0o755, size: 0, type: '5' });
      yield* inFolder(root, relative, walk);
    } else if (facts.isSymbolicLink()) {
      walk.onFile();
      yield header({ name: relative, mode: 0o777, size: 0, type: '2', link: await readlink(file) });
    } else if (facts.isFile()) {
      walk.onFile();
      yield header({
        name: relative,
        mode: (facts.mode & 0o111) === 0 ? 0o644 : 0o755,
        size: facts.size,
        type: '0',
      });
      yield* contentOf(file, facts.size);
    }
  }
}

/** Exactly as long as its header says, also where the file changes meanwhile. */
async function* contentOf(file: string, size: number): AsyncGenerator<Buffer> {
  if (size === 0) return;
  let done = 0;
  for await (const chunk of createReadStream(file, { end: size - 1 }) as AsyncIterable<Buffer>) {
    done += chunk.length;
    yield chunk;
  }
  if (done !== size) throw new Error(`${file} changed while it was packed`);
  const rest = size % BLOCK;
  if (rest > 0) yield Buffer.alloc(BLOCK - rest);
}

interface Entry {
  readonly name: string;
  readonly mode: number;
  readonly size: number;
  readonly type: '0' | '2' | '5' | 'x';
  readonly link?: string;
}

/** ustar; what does not fit into it (long names, large files) goes into a pax record before it. */
function header(entry: Entry): Buffer {
  const long: (readonly [string, string])[] = [];
  if (Buffer.byteLength(entry.name) > 100) long.push(['path', entry.name]);
  if (entry.link !== undefined && Buffer.byteLength(entry.link) > 100) long.push(['linkpath', entry.link]);
  if (entry.size > 0o77777777777) long.push(['size', String(entry.size)]);
  if (long.length === 0) return block(entry);
  const body = Buffer.concat(long.map(([key, value]) => paxRecord(key, value)));
  const padded = Buffer.alloc(Math.ceil(body.length / BLOCK) * BLOCK);
  body.copy(padded);
  const before = block({ name: 'PaxHeader', mode: 0o644, size: body.length, type: 'x' });
  return Buffer.concat([before, padded, block(entry)]);
}

/** `length key=value\n`, where length counts itself. */
function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.from(` ${key}=${value}\n`);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function block({ name, mode, size, type, link = '' }: Entry): Buffer {
  const bytes = Buffer.alloc(BLOCK);
  bytes.write(cut(name), 0);
  bytes.write(octal(mode, 7), 100);
  bytes.write(octal(0, 7), 108);
  bytes.write(octal(0, 7), 116);
  bytes.write(octal(Math.min(size, 0o77777777777), 11), 124);
  bytes.write(octal(0, 11), 136);
  bytes.write('        ', 148);
  bytes.write(type, 156);
  bytes.write(cut(link), 157);
  bytes.write('ustar\u000000', 257);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${octal(sum, 6)}\u0000 `, 148);
  return bytes;
}

/** At most 100 bytes, never half a character: the whole name stands in the pax record. */
function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= 100) return text;
  return bytes
    .subarray(0, 97)
    .toString('utf8')
    .replace(/\uFFFD+$/, '');
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}
