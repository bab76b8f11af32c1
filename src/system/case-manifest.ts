import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

const MOST_BYTES = 16 * 1024 * 1024;
/** As sha256sum prints it: a backslash first where the name is escaped. */
const LINE = /^(\\?)([0-9a-fA-F]{64}) [ *](.+)$/;

/** Why the files that the manifest lists are not all there with their checksums; undefined: they are. */
export async function checkManifest(file: string): Promise<string | undefined> {
  const name = path.basename(file);
  const stat = await fs.promises.lstat(file).catch(() => undefined);
  if (stat?.isFile() !== true) return `${name} is not there yet`;
  if (stat.size > MOST_BYTES) return `${name} is larger than 16 MiB`;
  const lines = (await fs.promises.readFile(file, 'utf8')).split('\n').filter((line) => line.trim() !== '');
  if (lines.length === 0) return `${name} lists no file`;
  for (const line of lines) {
    const problem = await checkLine(line.replace(/\r$/, ''), path.dirname(file));
    if (problem !== undefined) return problem;
  }
  return undefined;
}

async function checkLine(line: string, folder: string): Promise<string | undefined> {
  const [, escaped, sum, written] = LINE.exec(line) ?? [];
  if (sum === undefined || written === undefined)
    return `its manifest has a line that is no checksum: ${line}`;
  const name = escaped === '' ? written : unescape(written);
  if (path.isAbsolute(name) || name.split('/').includes('..'))
    return `its manifest names ${name}, outside of it`;
  const target = path.join(folder, name);
  const stat = await fs.promises.lstat(target).catch(() => undefined);
  if (stat === undefined) return `${name} of its manifest is not there yet`;
  if (!stat.isFile() || !(await liesBelow(target, folder)))
    return `${name} of its manifest is no plain file in it`;
  const hash = createHash('sha256');
  try {
    await pipeline(fs.createReadStream(target, { highWaterMark: 1024 * 1024 }), hash);
  } catch {
    return `${name} of its manifest cannot be read`;
  }
  return hash.digest('hex') === sum.toLowerCase()
    ? undefined
    : `${name} has another checksum than its manifest says`;
}

/** No folder on the way is a link to somewhere else. */
async function liesBelow(target: string, folder: string): Promise<boolean> {
  const [real, root] = await Promise.all([fs.promises.realpath(target), fs.promises.realpath(folder)]);
  return real.startsWith(`${root}${path.sep}`);
}

function unescape(name: string): string {
  return name.replaceAll(/\\([\\nr])/g, (_, letter: string) => ({ n: '\n', r: '\r' })[letter] ?? '\\');
}
