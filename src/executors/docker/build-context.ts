import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Pack, pack } from 'tar-stream';
import type { Result } from '../../core/failure.ts';
import { type IgnoreRules, parseIgnoreFile } from './ignore-file.ts';

/** One file, folder or link of a build context. */
interface ContextEntry {
  /** Relative, with `/`. */
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'symlink';
  readonly mode: number;
  readonly size: number;
  readonly modifiedAt: Date;
  readonly target?: string;
}

/** The rules of `<dockerfile>.dockerignore`, else of `.dockerignore`. The engine needs the Dockerfile in any case. */
export async function readIgnoreRules(folder: string, dockerfile: string): Promise<Result<IgnoreRules>> {
  for (const name of [`${dockerfile}.dockerignore`, '.dockerignore']) {
    const text = await readFile(path.join(folder, name), 'utf8').catch(() => undefined);
    if (text !== undefined) return parseIgnoreFile(text);
  }
  return parseIgnoreFile('');
}

/** What the build sees, in a fixed order; sockets and devices are left out. */
export async function* contextEntries(
  folder: string,
  rules: IgnoreRules,
  { always, never }: { readonly always: readonly string[]; readonly never: readonly string[] },
): AsyncIterable<ContextEntry> {
  const needed = new Set(always.flatMap((file) => parents(path.posix.normalize(file))));
  const hidden = new Set(never.map((file) => path.resolve(file)));
  yield* entriesBelow('');

  async function* entriesBelow(at: string): AsyncIterable<ContextEntry> {
    const names = (await readdir(path.join(folder, at))).toSorted();
    for (const name of names.map((one) => (at === '' ? one : `${at}/${one}`))) {
      if (hidden.has(path.resolve(folder, name))) continue;
      const entry = await entryOf(folder, name);
      if (!entry) continue;
      const isLeftOut = rules.excludes(name) && !needed.has(name);
      if (!isLeftOut) yield entry;
      if (entry.kind === 'directory' && (needed.has(name) || !rules.canSkipFolder(name))) {
        yield* entriesBelow(name);
      }
    }
  }
}

function parents(file: string): readonly string[] {
  const parts = file.split('/');
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

async function entryOf(folder: string, name: string): Promise<ContextEntry | undefined> {
  const file = path.join(folder, name);
  const facts = await lstat(file);
  const common = { name, mode: facts.mode & 0o7777, modifiedAt: facts.mtime };
  if (facts.isFile()) return { ...common, kind: 'file', size: facts.size };
  if (facts.isDirectory()) return { ...common, kind: 'directory', size: 0 };
  if (facts.isSymbolicLink()) {
    return { ...common, kind: 'symlink', size: 0, target: await readlink(file) };
  }
  return undefined;
}

/** A hash over `facts`, names, modes, links and contents; times and owners do not count, as for the engine's cache. */
export async function hashContext(
  folder: string,
  entries: AsyncIterable<ContextEntry>,
  facts: object,
): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(facts));
  for await (const { name, kind, mode, size, target } of entries) {
    hash.update(JSON.stringify([name, kind, mode, size, target ?? '']));
    if (kind !== 'file' || size === 0) continue;
    for await (const chunk of bytesOf(path.join(folder, name), size)) hash.update(chunk);
  }
  return hash.digest('hex');
}

function bytesOf(file: string, size: number): NodeJS.ReadableStream {
  return createReadStream(file, { end: size - 1, highWaterMark: 1 << 18 });
}

/** The context as a tar stream, made as it is read: memory does not grow with it. Owners are root, as docker does it. */
export function contextTar(folder: string, entries: AsyncIterable<ContextEntry>): Readable {
  const tar = pack();
  fill(tar, folder, entries).then(
    () => tar.finalize(),
    (error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  return Readable.from(tar);
}

async function fill(tar: Pack, folder: string, entries: AsyncIterable<ContextEntry>): Promise<void> {
  for await (const entry of entries) {
    const { name, kind, mode, size, modifiedAt, target } = entry;
    const header = { name, mode, mtime: modifiedAt, uid: 0, gid: 0, type: kind, size };
    if (kind === 'file' && size > 0) {
      await pipeline(bytesOf(path.join(folder, name), size), tar.entry(header));
    } else {
      await new Promise<void>((resolve, reject) => {
        const full = { ...header, ...(target !== undefined && { linkname: target }) };
        const written = (error?: Error | null): void => (error ? reject(error) : resolve());
        if (kind === 'file') tar.entry(full, '', written);
        else tar.entry(full, written);
      });
    }
  }
}
