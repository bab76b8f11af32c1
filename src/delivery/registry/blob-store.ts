import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Compressed layers on disk, by digest; a file under a digest's name always has that digest. */
export interface BlobStore {
  /** Bytes; undefined when it is not there. */
  readonly size: (digest: string) => Promise<number | undefined>;
  readonly read: (digest: string, range: { readonly start: number; readonly end: number }) => Readable;
  readonly begin: () => Upload;
  /** Removes the least recently used beyond `maxBytes`, and what other runs left unfinished. */
  readonly trim: (maxBytes: number) => Promise<void>;
}

export interface Upload {
  readonly id: string;
  /** So far. */
  readonly bytes: () => number;
  readonly append: (chunks: AsyncIterable<Uint8Array>) => Promise<void>;
  /** False when the bytes have another digest: then nothing is kept. */
  readonly finish: (digest: string) => Promise<boolean>;
  readonly abandon: () => Promise<void>;
}

/** The form of every digest that we take: the name of a file is made of it. */
export const DIGEST = /^sha256:[0-9a-f]{64}$/;
const UNFINISHED = /^upload-/;
const FORGOTTEN_MS = 24 * 3_600_000;

/** Layers and configurations in files of one folder, named by their SHA-256. One that is asked for counts as used. */
export function createBlobStore(folder: string): BlobStore {
  const fileOf = (digest: string): string => path.join(folder, digest.replace('sha256:', ''));
  return {
    size: async (digest) => {
      const facts = await stat(fileOf(digest)).catch(() => undefined);
      if (!facts) return undefined;
      const now = new Date();
      await utimes(fileOf(digest), now, now).catch(() => undefined);
      return facts.size;
    },
    read: (digest, { start, end }) =>
      createReadStream(fileOf(digest), { start, end, highWaterMark: 1 << 18 }),
    begin: () => {
      const id = randomUUID();
      const file = path.join(folder, `upload-${id}`);
      const hash = createHash('sha256');
      let bytes = 0;
      return {
        id,
        bytes: () => bytes,
        append: async (chunks) => {
          await mkdir(folder, { recursive: true, mode: 0o700 });
          const measured = async function* measured(): AsyncIterable<Uint8Array> {
            for await (const chunk of chunks) {
              hash.update(chunk);
              bytes += chunk.length;
              yield chunk;
            }
          };
          await pipeline(measured, createWriteStream(file, { flags: 'a', mode: 0o600 }));
        },
        finish: async (digest) => {
          if (`sha256:${hash.digest('hex')}` !== digest) {
            await rm(file, { force: true });
            return false;
          }
          await rename(file, fileOf(digest));
          return true;
        },
        abandon: () => rm(file, { force: true }),
      };
    },
    trim: (maxBytes) => trim(folder, maxBytes),
  };
}

async function trim(folder: string, maxBytes: number): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  const files = await Promise.all(
    names.map(async (name) => ({ name, facts: await stat(path.join(folder, name)).catch(() => undefined) })),
  );
  const newestFirst = files
    .flatMap(({ name, facts }) => (facts ? [{ name, size: facts.size, usedAtMs: facts.mtimeMs }] : []))
    .toSorted((a, b) => b.usedAtMs - a.usedAtMs);
  let kept = 0;
  for (const { name, size, usedAtMs } of newestFirst) {
    const isForgotten = UNFINISHED.test(name) && Date.now() - usedAtMs > FORGOTTEN_MS;
    if (kept + size > maxBytes || isForgotten) await rm(path.join(folder, name), { force: true });
    else kept += size;
  }
}
