/**
 * Loads a module of a project and calls what it exports, in a process of its own: time and chance are fixed, the network,
 * other programs and writing are refused. Plain text, because it is run by Node without us; one result a line in a file.
 * Its argument: the file of the request, a `ProbeRequest`.
 */
export const PROBE_JS = String.raw`
import fs from 'node:fs';
import { createRequire, registerHooks, syncBuiltinESMExports } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

const request = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const out = fs.openSync(request.out, 'a');
const write = fs.writeSync;
const end = process.reallyExit.bind(process);
const tell = (record) => write(out, JSON.stringify(record) + '\n');
const RealDate = Date;
const later = setTimeout;
const touched = new Set();
const touch = (what) => { touched.add(what); };
const refuse = (what) => function refused() {
  touch(what);
  throw Object.assign(new Error('refused while the behaviour is recorded: ' + what), { code: 'ERR_REFUSED' });
};

const require = createRequire(import.meta.url);
const NOW = request.now;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) => {
    if (args.length === 0) touch('the clock');
    return Reflect.construct(target, args.length === 0 ? [NOW] : args, newTarget);
  },
  apply: () => { touch('the clock'); return new RealDate(NOW).toString(); },
  get: (target, key) => key === 'now' ? () => { touch('the clock'); return NOW; } : Reflect.get(target, key),
});
RealDate.prototype.constructor = globalThis.Date;
let seed = request.seed;
Math.random = () => {
  touch('chance');
  seed = (seed * 1664525 + 1013904223) % 4294967296;
  return seed / 4294967296;
};
const replace = (object, names, make) => {
  for (const name of names) {
    if (typeof object[name] !== 'function') continue;
    try { Object.defineProperty(object, name, { value: make(object[name]), configurable: true, writable: true }); } catch {}
  }
};
const noted = (what) => (real) => function (...args) { touch(what); return Reflect.apply(real, this, args); };
const refused = (what) => () => refuse(what);
replace(globalThis.performance, ['now'], noted('the clock'));
replace(process, ['hrtime', 'uptime', 'cpuUsage', 'memoryUsage'], noted('the clock'));
const crypto = require('node:crypto');
const CHANCE = ['randomBytes', 'randomUUID', 'randomInt', 'randomFillSync', 'randomFill', 'getRandomValues', 'generateKeyPairSync'];
replace(crypto, CHANCE, noted('chance'));
replace(globalThis.crypto, ['getRandomValues', 'randomUUID'], noted('chance'));
replace(globalThis, ['fetch', 'WebSocket', 'EventSource'], refused('the network'));
replace(require('node:net'), ['connect', 'createConnection', 'createServer'], refused('the network'));
replace(require('node:net').Socket.prototype, ['connect'], refused('the network'));
replace(require('node:dgram'), ['createSocket'], refused('the network'));
replace(require('node:dns'), ['lookup', 'resolve', 'resolve4', 'resolve6'], refused('the network'));
for (const name of ['node:http', 'node:https']) replace(require(name), ['request', 'get', 'createServer'], refused('the network'));
replace(require('node:child_process'), ['spawn', 'spawnSync', 'exec', 'execSync', 'execFile', 'execFileSync', 'fork'], refused('other programs'));
const WRITES = ['writeFile', 'appendFile', 'mkdir', 'mkdtemp', 'rm', 'rmdir', 'unlink', 'rename', 'copyFile', 'cp', 'symlink', 'link', 'truncate', 'chmod', 'chown', 'utimes'];
replace(fs, [...WRITES, ...WRITES.map((name) => name + 'Sync'), 'createWriteStream'], refused('writing files'));
replace(fs.promises, WRITES, refused('writing files'));
replace(process, ['exit', 'reallyExit', 'abort', 'kill', 'chdir'], refused('ending or moving the process'));
syncBuiltinESMExports();
for (const event of ['unhandledRejection', 'uncaughtException']) process.on(event, () => {});

// TypeScript is often written for a bundler: without endings, or with those of what it becomes.
const ENDINGS = ['.ts', '.tsx', '.mts', '.js', '.mjs', '.cjs', '.json', '/index.ts', '/index.js'];
registerHooks({
  resolve(specifier, context, next) {
    try { return next(specifier, context); } catch (error) {
      if (!/^\.{1,2}\//.test(specifier) || !context.parentURL) throw error;
      const base = specifier.replace(/\.(?:js|mjs|jsx)$/, '');
      for (const ending of ENDINGS) {
        const url = new URL(base + ending, context.parentURL);
        if (fs.existsSync(fileURLToPath(url))) return next(url.href, context);
      }
      throw error;
    }
  },
});

class Unusable extends Error {}
const LIMIT = 400;
function encode(value, state = { count: 0, seen: new Set() }) {
  if (++state.count > LIMIT) throw new Unusable('its result is too large to pin');
  if (value === null || typeof value === 'boolean') return value;
  if (value === undefined) return ['undefined'];
  if (typeof value === 'string') {
    if (value.length > 2000) throw new Unusable('its result is too large to pin');
    if (request.root !== undefined && value.includes(request.root)) throw new Unusable('its result names the folder that it runs in');
    return value;
  }
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0) ? value : ['number', Object.is(value, -0) ? '-0' : String(value)];
  if (typeof value === 'bigint') return ['bigint', String(value)];
  if (typeof value !== 'object') throw new Unusable('it gives a ' + typeof value);
  if (state.seen.has(value)) throw new Unusable('its result refers to itself');
  state.seen.add(value);
  try { return encodeObject(value, state); } finally { state.seen.delete(value); }
}
function encodeObject(value, state) {
  const inner = (one) => encode(one, state);
  if (Array.isArray(value)) return ['list', Array.from(value, inner)];
  const prototype = Object.getPrototypeOf(value);
  if (prototype === RealDate.prototype) {
    if (Number.isNaN(value.getTime())) throw new Unusable('it gives an invalid date');
    return ['date', value.toISOString()];
  }
  if (prototype === Map.prototype) return ['map', [...value].map(([key, one]) => [inner(key), inner(one)])];
  if (prototype === Set.prototype) return ['set', [...value].map(inner)];
  if (prototype !== Object.prototype) throw new Unusable('it gives a ' + (value.constructor?.name || 'object without prototype'));
  if (Object.getOwnPropertySymbols(value).length > 0) throw new Unusable('its result has symbols as keys');
  return ['object', Object.keys(value).map((key) => [key, inner(value[key])])];
}
function decode(value) {
  if (!Array.isArray(value)) return value;
  const [kind, content] = value;
  switch (kind) {
    case 'undefined': return undefined;
    case 'number': return Number(content);
    case 'bigint': return BigInt(content);
    case 'date': return new RealDate(content);
    case 'set': return new Set(content.map(decode));
    case 'map': return new Map(content.map(([key, one]) => [decode(key), decode(one)]));
    case 'object': return Object.fromEntries(content.map(([key, one]) => [key, decode(one)]));
    default: return content.map(decode);
  }
}

function exportsOf(space) {
  const found = new Map();
  const bare = space.default;
  for (const [name, value] of Object.entries(space)) {
    if (name !== 'default' && name !== 'module.exports' && typeof value === 'function') found.set(name, { via: 'named', value });
  }
  if (typeof bare === 'function') found.set('default', { via: 'default', value: bare });
  else if (bare && typeof bare === 'object') {
    for (const [name, value] of Object.entries(bare)) {
      if (typeof value === 'function' && !found.has(name)) found.set(name, { via: 'member', value });
    }
  }
  return found;
}
const isClass = (value) => /^class[\s{]/.test(Function.prototype.toString.call(value));

const say = (error) => {
  try { return [String(error?.name ?? 'Error'), String(error?.message ?? error)]; } catch { return ['Error', 'it cannot be read']; }
};
/** The engine's own complaint of a value that does not fit; the module's text does not hold it. */
function isMisuse(error, source) {
  const isNative = Object.getPrototypeOf(error ?? null) === TypeError.prototype || Object.getPrototypeOf(error ?? null) === ReferenceError.prototype;
  return isNative && !/new (?:TypeError|ReferenceError)\b/.test(source);
}
const settled = async (promise) => {
  let timer;
  const late = new Promise((_, reject) => { timer = later(() => reject(new Unusable('its promise is not settled after 2 s')), 2000); });
  try { return await Promise.race([promise, late]); } finally { clearTimeout(timer); }
};

async function call({ value }, args) {
  touched.clear();
  let isAsync = false;
  try {
    let result = Reflect.apply(value, undefined, args.map(decode));
    if (result !== null && typeof result === 'object' && typeof result.then === 'function') {
      isAsync = true;
      result = await settled(result);
    }
    return { kind: 'returned', value: encode(result), is_async: isAsync };
  } catch (error) {
    if (error instanceof Unusable) return { kind: 'unusable', reason: error.message };
    const [name, message] = say(error);
    if (error?.code === 'ERR_ACCESS_DENIED') return { kind: 'unusable', reason: 'it does what is refused here: ' + message };
    if (!(error instanceof Error)) return { kind: 'unusable', reason: 'it throws something that is no error' };
    if (message.length > 500) return { kind: 'unusable', reason: 'its error is too long to pin' };
    return { kind: 'threw', name, message, is_async: isAsync, is_misuse: isMisuse(error, Function.prototype.toString.call(value)) };
  }
}

let space;
try {
  space = await import(pathToFileURL(request.module).href);
} catch (error) {
  tell({ type: 'load-failed', reason: say(error).join(': ').slice(0, 500) });
}
if (space) {
  const found = exportsOf(space);
  if (request.mode === 'describe') {
    for (const [name, { via, value }] of found) {
      const source = Function.prototype.toString.call(value);
      tell({ type: 'export', name, via, called: value.name, is_class: isClass(value), source: source.slice(0, 20000) });
    }
  } else {
    for (const { id, name, args } of request.calls) {
      const entry = found.get(name);
      tell({ type: 'began', id });
      const outcome = entry && !isClass(entry.value) ? await call(entry, args) : { kind: 'unusable', reason: 'it is not exported there' };
      tell({ type: 'ended', id, outcome, touched: [...touched] });
    }
  }
  tell({ type: 'done' });
}
// A timer or a handle of the module must not keep us.
end(0);
`;
