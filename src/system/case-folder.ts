import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { CaseFolder, CaseInspection, RefusedName, SeenCase } from '../core/cases/case.ts';
import { namePattern } from '../core/cases/name-pattern.ts';
import { errorCode, hasCode } from '../core/error-code.ts';
import { ok, reported } from '../core/failure.ts';
import type { CaseSettings } from '../core/settings/cases.ts';
import { checkManifest } from './case-manifest.ts';

/** Entries of one case that are looked at; more is refused, so that a scan stays short. */
const MOST_ENTRIES = 200_000;
/** Names that programs give to what they have not finished writing. */
const UNFINISHED = /^\.|~$|\.(?:tmp|temp|part|partial|filepart|crdownload|swp)$/i;
const MOST_PRIORITY_BYTES = 64;

type Options = Pick<CaseSettings, 'pattern' | 'marker' | 'manifest' | 'priority'> & {
  /** Absolute. */
  readonly folder: string;
};

/** The folder as this machine sees it. Links are never followed: a case is a file or a folder that lies in it. */
export function createCaseFolder(options: Options): CaseFolder {
  const verified = new Map<string, { readonly tree: string; readonly missing: string | undefined }>();
  return {
    scan: async () => {
      try {
        return ok(await scan(options));
      } catch (error) {
        const code = errorCode(error);
        if (code === undefined) throw error;
        return reported(`the folder ${options.folder} cannot be read (${code})`);
      }
    },
    inspect: async (seen) => {
      const tree = await treeOf(seen.path);
      if (tree === undefined) return undefined;
      const before = verified.get(seen.name);
      // Checksums of the same bytes need not be computed at every look.
      const stamp = tree + seen.stamp;
      const missing = before?.tree === stamp ? before.missing : await missingOf(options, seen);
      verified.set(seen.name, { tree: stamp, missing });
      const inspection: CaseInspection = { tree, priority: await priorityOf(options, seen) };
      return missing === undefined ? inspection : { ...inspection, missing };
    },
    removeMarker: (name, stamp) => removeMarker(options, name, stamp),
    onChange: (wake) => watchFolder(options.folder, wake),
  };
}

async function scan(options: Options): Promise<{
  readonly cases: readonly SeenCase[];
  readonly refused: readonly RefusedName[];
}> {
  const matches = namePattern(options.pattern);
  const refused: RefusedName[] = [];
  const cases: SeenCase[] = [];
  for (const raw of await fs.promises.readdir(options.folder, { encoding: 'buffer' })) {
    const name = raw.toString('utf8');
    if (name.startsWith('.') || UNFINISHED.test(name) || !matches(name) || isCompanion(options, name))
      continue;
    if (!Buffer.from(name, 'utf8').equals(raw)) {
      refused.push({ name, reason: 'its name is not valid UTF-8' });
      continue;
    }
    const found = await look(options, name);
    if (found === undefined) continue;
    if ('reason' in found) refused.push(found);
    else cases.push(found);
  }
  return { cases, refused };
}

/** A file that tells something about a case beside it is none itself. */
function isCompanion({ marker, manifest, priority }: Options, name: string): boolean {
  return [marker, manifest, priority].some((template) => {
    if (template === undefined || template.includes('/')) return false;
    const [before = '', after = ''] = template.split('{case}');
    return name.length > before.length + after.length && name.startsWith(before) && name.endsWith(after);
  });
}

async function look(options: Options, name: string): Promise<SeenCase | RefusedName | undefined> {
  const file = path.join(options.folder, name);
  const stat = await statOf(file);
  if (stat === undefined) return undefined;
  if (stat.isSymbolicLink()) return { name, reason: 'it is a symbolic link, which is not followed' };
  if (!stat.isFile() && !stat.isDirectory()) return { name, reason: 'it is neither a file nor a folder' };
  const identity = `${stat.ino}:${stat.birthtimeMs}`;
  return {
    name,
    path: file,
    identity,
    stamp: `${identity}:${stat.isFile() ? stat.size : 'folder'}:${stat.mtimeMs}${await besideOf(options, name)}`,
    modified_at_ms: stat.mtimeMs,
  };
}

/** The part of a stamp that its marker, or its manifest, has. */
async function besideOf(options: Options, name: string): Promise<string> {
  const companion = options.marker ?? options.manifest;
  const stat = companion === undefined ? undefined : await statOf(pathOf(options, companion, name));
  return stat ? `;${stat.ino}:${stat.mtimeMs}` : '';
}

async function removeMarker(options: Options, name: string, stamp: string): Promise<void> {
  const companion = options.marker ?? options.manifest;
  if (companion === undefined || companion.includes('/')) return;
  const beside = await besideOf(options, name);
  if (beside === '' || !stamp.endsWith(beside)) return;
  await fs.promises.rm(pathOf(options, companion, name), { force: true });
}

/** A hash over every name, size and time in it; undefined when it has gone. Change times cannot be set by who copies. */
async function treeOf(root: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  const open = [root];
  let count = 0;
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    const stat = await statOf(file);
    if (stat === undefined && file === root) return undefined;
    hash.update(`${file}\0${stat?.size}\0${stat?.mtimeMs}\0${stat?.ctimeMs}\0`);
    count += 1;
    if (stat?.isDirectory() !== true) continue;
    if (count > MOST_ENTRIES) break;
    for (const name of (await namesIn(file)).toSorted()) open.push(path.join(file, name));
  }
  return hash.digest('hex');
}

async function missingOf(options: Options, seen: SeenCase): Promise<string | undefined> {
  const { marker, manifest } = options;
  if (marker !== undefined) {
    const file = pathOf(options, marker, seen.name);
    const stat = await statOf(file);
    if (stat?.isFile() !== true) return `${marker.replaceAll('{case}', seen.name)} is not there yet`;
  }
  return manifest === undefined ? undefined : checkManifest(pathOf(options, manifest, seen.name));
}

async function priorityOf(options: Options, { name }: SeenCase): Promise<number> {
  if (options.priority === undefined) return 0;
  const file = pathOf(options, options.priority, name);
  const stat = await statOf(file);
  if (stat?.isFile() !== true || stat.size > MOST_PRIORITY_BYTES) return 0;
  const text = await fs.promises.readFile(file, 'utf8').catch(() => '');
  return /^\s*[+-]?\d{1,9}\s*$/.test(text) ? Number(text) : 0;
}

function pathOf({ folder }: Options, template: string, name: string): string {
  return path.join(
    folder,
    template.replaceAll('{case}', () => name),
  );
}

async function statOf(file: string): Promise<fs.Stats | undefined> {
  try {
    return await fs.promises.lstat(file);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await fs.promises.readdir(folder);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}

/** Only wakes up: network folders tell nothing, so the folder is polled as well. */
function watchFolder(folder: string, wake: () => void): () => void {
  try {
    const watcher = fs.watch(folder, { persistent: false }, wake);
    watcher.on('error', () => watcher.close());
    return () => watcher.close();
  } catch {
    return () => undefined;
  }
}
