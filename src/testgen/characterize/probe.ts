import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { failed, type Failure, ok, type Result } from '../../core/failure.ts';
import { isObject } from '../../core/json.ts';
import type { RunProgram } from '../program.ts';
import { PROBE_JS } from './probe-js.ts';
import { PROBE_PYTHON } from './probe-python.ts';
import type { Parameter } from './signature.ts';
import { isValue, type Language, type Outcome, readOutcome, type Value } from './value.ts';

/** One module of one tree, looked at from a process of its own. */
export interface ProbedModule {
  readonly language: Language;
  /** The tree's folder, absolute. */
  readonly root: string;
  /** Relative to it. */
  readonly file: string;
  /** For requests and answers; the only one that the process may write to. */
  readonly scratch: string;
  readonly run: RunProgram;
  readonly timeoutMs: number;
}

export interface Exported {
  readonly name: string;
  /** How a test reaches it: by its name, as the default, or as a member of the default. */
  readonly via: 'named' | 'default' | 'member';
  /** What the function calls itself. */
  readonly called: string;
  readonly isClass: boolean;
  readonly source: string;
  /** Where the language tells them itself. */
  readonly parameters?: readonly Parameter[];
}

export interface Call {
  readonly id: number;
  readonly name: string;
  readonly args: readonly Value[];
}

export interface Recorded {
  readonly outcome: Outcome;
  /** What else it read or tried: the clock, chance, the network. */
  readonly touched: readonly string[];
}

/** Two passes under different conditions: what differs between them is no behaviour that a test can hold. */
const PASSES = {
  first: { now: Date.UTC(2024, 1, 29, 12, 30), seed: 1, zone: 'UTC' },
  second: { now: Date.UTC(2031, 10, 3, 23, 59, 58), seed: 99, zone: 'Pacific/Auckland' },
} as const;
export type Pass = keyof typeof PASSES;

/** Processes started anew after a call that did not come back. */
const MOST_RESTARTS = 4;

/** What the module exports; a `reported` failure when it cannot be loaded. */
export async function describeModule(module: ProbedModule): Promise<Result<readonly Exported[]>> {
  const records = await start(module, { mode: 'describe', calls: [] }, 'first');
  if (!records.ok) return records;
  const problem = records.value.find(({ type }) => type === 'load-failed');
  if (problem) return failed(said(String(problem['reason'])));
  if (!records.value.some(({ type }) => type === 'done')) return failed(said('loading it does not end'));
  return ok(records.value.flatMap((record) => exportedOf(record) ?? []));
}

/** Calls in this order, outcomes by id. A call that hangs or ends the process is unusable, and so are the later ones of its function. */
export async function callModule(
  module: ProbedModule,
  calls: readonly Call[],
  pass: Pass,
): Promise<Result<ReadonlyMap<number, Recorded>>> {
  const found = new Map<number, Recorded>();
  let open = pass === 'first' ? [...calls] : calls.toReversed();
  for (let round = 0; open.length > 0 && round <= MOST_RESTARTS; round++) {
    const records = await start(module, { mode: 'call', calls: open }, pass);
    if (!records.ok) return records;
    const began = takeOutcomes(records.value, found);
    const culprit = open.find(({ id }) => id === began);
    const lost: Recorded = {
      outcome: { kind: 'unusable', reason: 'a call does not come back, or ends its process' },
      touched: [],
    };
    for (const { id, name } of open) if (name === culprit?.name && !found.has(id)) found.set(id, lost);
    open = culprit ? open.filter(({ id }) => !found.has(id)) : [];
  }
  return ok(found);
}

/** Adds what the records tell; the call that has begun and not ended, if one has. */
function takeOutcomes(records: readonly ProbeRecord[], found: Map<number, Recorded>): number | undefined {
  let began: number | undefined;
  for (const { type, id, outcome: told, touched } of records) {
    if (type === 'began' && typeof id === 'number') began = id;
    const outcome = type === 'ended' ? readOutcome(told) : undefined;
    if (!outcome || began === undefined) continue;
    found.set(began, { outcome, touched: texts(touched) });
    began = undefined;
  }
  return began;
}

type ProbeRecord = Readonly<Record<string, unknown>>;

async function start(
  module: ProbedModule,
  request: { readonly mode: 'describe' | 'call'; readonly calls: readonly Call[] },
  pass: Pass,
): Promise<Result<readonly ProbeRecord[]>> {
  const { scratch, root, file, language, run, timeoutMs } = module;
  mkdirSync(scratch, { recursive: true });
  const [asked, out] = [path.join(scratch, 'request.json'), path.join(scratch, 'answers.ndjson')];
  rmSync(out, { force: true });
  const { now, seed, zone } = PASSES[pass];
  const place =
    language === 'python' ? pythonModule(root, file) : { module: path.join(root, file), path: [] };
  writeFileSync(asked, JSON.stringify({ ...request, ...place, root, out, now, seed }));
  const isPython = language === 'python';
  const program = path.join(scratch, isPython ? 'probe.py' : 'probe.mjs');
  writeFileSync(program, isPython ? PROBE_PYTHON : PROBE_JS);
  const ended = await run({
    args: isPython
      ? ['python3', '-B', program, asked]
      : [
          process.execPath,
          '--permission',
          '--allow-fs-read=*',
          `--allow-fs-write=${scratch}`,
          '--no-warnings',
          ...(language === 'typescript' ? ['--experimental-transform-types'] : []),
          program,
          asked,
        ],
    cwd: root,
    env: { TZ: zone, LC_ALL: 'C.UTF-8', PYTHONHASHSEED: String(seed) },
    timeoutMs,
  });
  if (!ended.ok) return ended;
  const text = existsSync(out) ? readFileSync(out, 'utf8') : '';
  if (text === '' && ended.value.exit_code !== 0 && !ended.value.timed_out) {
    return failed(said(`it cannot be loaded: ${ended.value.stderr.trim().slice(-300)}`));
  }
  return ok(text.split('\n').flatMap((line) => parsed(line)));
}

/** By its dotted name from the folder above its outermost package. */
function pythonModule(
  root: string,
  file: string,
): { readonly module: string; readonly path: readonly string[] } {
  let top = path.dirname(path.join(root, file));
  while (top !== root && existsSync(path.join(top, '__init__.py'))) top = path.dirname(top);
  const dotted = path.relative(top, path.join(root, file)).replace(/\.py$/, '').split(path.sep).join('.');
  return { module: dotted.replace(/\.__init__$/, ''), path: [top, root] };
}

function parsed(line: string): readonly ProbeRecord[] {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? [value] : [];
  } catch {
    // The last line of a process that was ended.
    return [];
  }
}

function exportedOf(record: ProbeRecord): Exported | undefined {
  const { type, name, via, called, source, parameters } = record;
  if (type !== 'export' || typeof name !== 'string' || typeof source !== 'string') return undefined;
  return {
    name,
    source,
    via: via === 'default' || via === 'member' ? via : 'named',
    called: typeof called === 'string' ? called : name,
    isClass: record['is_class'] === true,
    ...(Array.isArray(parameters) && { parameters: parameters.flatMap(parameterOf) }),
  };
}

function parameterOf(given: unknown): readonly Parameter[] {
  if (!isObject(given) || typeof given['name'] !== 'string') return [];
  const { name, type, kind, default: initial } = given;
  if (kind === 'var_positional' || kind === 'var_keyword' || kind === 'keyword_only') return [];
  return [
    {
      name,
      ...(typeof type === 'string' && { type }),
      ...(isValue(initial) && { default: initial }),
      isOptional: given['optional'] === true,
    },
  ];
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function said(message: string): Failure {
  return { reason: 'reported', message, retryable: false };
}
