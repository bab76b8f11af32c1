import { isAscii } from 'node:buffer';
import fs, { constants } from 'node:fs';
import { createRequire, enableCompileCache, isBuiltin } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import vm from 'node:vm';

// The launcher loads this file, and this file the rest: what V8 has compiled in one process is kept for the next one with
// the same command. Node's own cache keeps what is compiled when a module is loaded; most functions are compiled when
// they are first called, and for a command that takes a tenth of a second that is a fifth of its time.

const HERE = import.meta.dirname;
const MAIN = 'main.cjs';
const HEADER_BYTES = 4;
/** Written by others too: not writable by them, and ours. */
const OTHERS_MAY_WRITE = 0o022;

interface Chunk {
  readonly exports: object;
}

const ours = createRequire(path.join(HERE, MAIN));
const chunks = new Map<string, Chunk>();
const scripts = new Map<string, vm.Script>();
let isIncomplete = false;

// Of zod: writing and compiling a parser for each schema takes longer than what this program has to parse.
Object.assign(globalThis, { __zod_globalConfig: { jitless: true } });

const file = process.env['NODE_DISABLE_COMPILE_CACHE'] === undefined ? fileOf(process.argv[2]) : undefined;
// Before anything of it is read: at our exit another build may lie there, and V8 would run our code as its.
const build = file === undefined ? '' : buildId();
const known = file === undefined ? new Map<string, Buffer>() : readCode(file);
requireOurs(`./${MAIN}`);
if (file !== undefined) process.once('exit', () => keepCode(file));

/** One file for each command, because each calls other functions; not one for each word that somebody types. */
function fileOf(word = ''): string {
  const node = `${process.version}-${process.arch}`;
  const place = HERE.replaceAll(/[^\w.-]/g, '-').slice(-120);
  const command = /^[a-z]{2,12}$/.test(word) ? word : 'other';
  const folder =
    process.env['NODE_COMPILE_CACHE'] ?? path.join(os.tmpdir(), `pipewright-${process.getuid?.() ?? 'code'}`);
  return path.join(folder, `${node}${place}-${command}.code`);
}

function requireOurs(id: string): unknown {
  if (id.startsWith('./')) return load(id.slice(2)).exports;
  // A package that is no part of the build: large enough for Node's own cache.
  if (!isBuiltin(id)) enableCompileCache();
  return ours(id);
}

function load(name: string): Chunk {
  const loaded = chunks.get(name);
  if (loaded) return loaded;
  const filename = path.join(HERE, name);
  const cachedData = known.get(name);
  const script = new vm.Script(read(filename), {
    filename,
    ...(cachedData && { cachedData }),
  });
  if (!cachedData || script.cachedDataRejected === true) isIncomplete = true;
  scripts.set(name, script);
  const chunk: Chunk = { exports: {} };
  chunks.set(name, chunk);
  const run: unknown = script.runInThisContext();
  if (typeof run === 'function') run(chunk.exports, requireOurs, chunk, filename, HERE, importModule);
  return chunk;
}

/** For what is no part of the build: a script of its own kind cannot. */
function importModule(url: string): Promise<unknown> {
  return import(url);
}

function read(filename: string): string {
  const bytes = fs.readFileSync(filename);
  // Half the memory, and nothing to decode.
  return bytes.toString(isAscii(bytes) ? 'latin1' : 'utf8');
}

/** Of this very build: V8 itself looks at its own version and flags, and of a script at nothing but its length. */
function buildId(): string {
  const { size, mtimeMs } = fs.statSync(path.join(HERE, MAIN));
  return `${size}-${mtimeMs}`;
}

/** Nothing where there is none. What is in it will run: a file that is not ours alone is none. */
function readCode(from: string): ReadonlyMap<string, Buffer> {
  let fd: number | undefined;
  try {
    fd = fs.openSync(from, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const { mode, uid } = fs.fstatSync(fd);
    const isOurs =
      process.getuid === undefined || (uid === process.getuid() && (mode & OTHERS_MAY_WRITE) === 0);
    return isOurs ? parseCode(fs.readFileSync(fd)) : new Map();
  } catch {
    return new Map();
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}

function parseCode(bytes: Buffer): ReadonlyMap<string, Buffer> {
  const start = HEADER_BYTES + bytes.readUInt32LE(0);
  const [id, ...entries] = bytes.toString('latin1', HEADER_BYTES, start).split('\n');
  const code = new Map<string, Buffer>();
  if (id !== build) return code;
  let position = start;
  for (const entry of entries) {
    const [name = '', size] = entry.split(' ');
    code.set(name, bytes.subarray(position, (position += Number(size))));
  }
  return code;
}

/** Only when something was compiled that the file does not have; what went wrong costs the next one its time. */
function keepCode(to: string): void {
  if (!isIncomplete) return;
  const temporary = `${to}.${process.pid}`;
  try {
    const code = [...known].filter(([name]) => !scripts.has(name));
    for (const [name, script] of scripts) code.push([name, script.createCachedData()]);
    const header = [build, ...code.map(([name, { length }]) => `${name} ${length}`)].join('\n');
    const size = Buffer.alloc(HEADER_BYTES);
    size.writeUInt32LE(header.length);
    const bytes = Buffer.concat([size, Buffer.from(header, 'latin1'), ...code.map(([, data]) => data)]);
    fs.mkdirSync(path.dirname(to), { recursive: true, mode: 0o700 });
    // Flushed: V8 believes what it reads, and a power cut leaves holes.
    fs.writeFileSync(temporary, bytes, { flag: 'wx', mode: 0o600, flush: true });
    fs.renameSync(temporary, to);
  } catch {
    fs.rmSync(temporary, { force: true });
  }
}
