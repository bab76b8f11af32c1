import { fileURLToPath } from 'node:url';
import { shellQuote } from '../../core/shell-quote.ts';
import { hasPackage, hasProgram } from './script.ts';
import type { Manifest } from './manifest.ts';

export type Runner = 'vitest' | 'jest' | 'mocha' | 'node' | 'other';

/** The reporter that is given to runners: beside this module, built or as source. */
export const liveReporter = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? '../../delivery/reports/live-reporter.ts' : './live-reporter.cjs',
    import.meta.url,
  ),
);

/** How the last command of a script may begin before its runner. */
const BEFORE = String.raw`(?:^|&&|;)\s*(?:[A-Za-z_]\w*=\S*\s+|cross-env\s+|npx\s+(?:--no-install\s+)?|c8\s+|nyc\s+)*`;
/** Up to the end nothing that would give the words added to it to another command. */
const AFTER = String.raw`\b[^|&;<>()\x60$#\n]*$`;

const IN_SCRIPT: readonly (readonly [Exclude<Runner, 'other'>, RegExp])[] = [
  ['vitest', new RegExp(`${BEFORE}vitest${AFTER}`)],
  ['jest', new RegExp(`${BEFORE}jest${AFTER}`)],
  ['mocha', new RegExp(`${BEFORE}mocha${AFTER}`)],
  // Its options travel in NODE_OPTIONS, so what follows does not matter.
  ['node', /\bnode\s(?:[^|&;]*\s)?--test\b/],
];

/** What npm writes when there are no tests. */
const NO_TESTS = /no test specified/;

/** How the tests of a project are started, and whose report is read. */
export interface Detected {
  readonly runner: Runner;
  /** Without what makes it report. */
  readonly command: string;
  /** `command` hands on what stands behind it; npm wants `--` before that. */
  readonly takes: 'arguments' | 'npm-arguments' | 'nothing';
  /** Of `npm test`: what it runs. */
  readonly script?: string;
}

/** The project's own `test` script where it has one, otherwise a runner that it depends on; undefined without tests. */
export function detectRunner(manifest: Manifest): Detected | undefined {
  const script = manifest.scripts['test'];
  if (script !== undefined && !NO_TESTS.test(script)) {
    return named(manifest, script) ?? { runner: 'other', command: 'npm test', takes: 'nothing' };
  }
  const known = (['vitest', 'jest', 'mocha'] as const).find((name) => manifest.dependencies.has(name));
  return known && commandOf(known);
}

/** The runner that a `test` script names, also where it only names another script. */
function named(manifest: Manifest, script: string): Detected | undefined {
  const runner = runnerIn(script);
  if (runner === 'node') return { runner, command: 'npm test', takes: 'nothing', script };
  if (runner) return { runner, command: 'npm test', takes: 'npm-arguments' };
  const { scripts } = manifest;
  const [, other = ''] = /^\s*npm run(?:-script)? ([\w:.-]+)\s*$/.exec(script) ?? [];
  const inner = scripts[other];
  // What stands around `test` would be left out when the other script is run in its place.
  if (inner === undefined || 'pretest' in scripts || 'posttest' in scripts) return undefined;
  const found = runnerIn(inner);
  if (found === undefined || found === 'node') {
    return found && { runner: found, command: 'npm test', takes: 'nothing', script: inner };
  }
  return { runner: found, command: `npm run ${other}`, takes: 'npm-arguments' };
}

function runnerIn(script: string): Exclude<Runner, 'other'> | undefined {
  return IN_SCRIPT.find(([, pattern]) => pattern.test(script))?.[0];
}

/** How a runner is started on its own. */
export function commandOf(runner: Exclude<Runner, 'other'>): Detected {
  const command = { vitest: 'vitest run', jest: 'jest', mocha: 'mocha', node: 'node --test' }[runner];
  return { runner, command, takes: runner === 'node' ? 'nothing' : 'arguments' };
}

/** Whose report a command of the user's gives: that of the runner it begins with. It is not changed otherwise. */
export function ownCommand(command: string, manifest: Manifest | undefined): Detected {
  const runner = runnerIn(command);
  if (runner) return { runner, command, takes: runner === 'node' ? 'nothing' : 'arguments' };
  const [, name = 'test'] = /^\s*npm\s+(?:test|t|run(?:-script)?\s+([\w:.-]+))\s*$/.exec(command) ?? [
    undefined,
    '',
  ];
  const script = name === '' ? undefined : manifest?.scripts[name];
  const inner = script === undefined ? undefined : runnerIn(script);
  if (inner === undefined) return { runner: 'other', command, takes: 'nothing' };
  return { runner: inner, command, takes: inner === 'node' ? 'nothing' : 'npm-arguments' };
}

/** What a runner needs to be there; undefined when it is. */
export function missingProgram(runner: Runner, folder: string): string | undefined {
  if (runner === 'node' || runner === 'other' || hasProgram(folder, runner)) return undefined;
  return `${runner} is not installed in this project: run npm ci before the tests`;
}

/** The line that is run, and the variables that it needs. */
export interface RunnerCall {
  readonly line: string;
  readonly variables: Readonly<Record<string, string>>;
  /** Globs of tests that this runner cannot leave out. */
  readonly keptIn: readonly string[];
}

export interface CallOptions {
  readonly folder: string;
  /** Where the live report goes. */
  readonly live: string;
  readonly leaveOut: readonly string[];
  /** Folder for a coverage report; absent when none is asked for. */
  readonly coverage?: string;
}

/** Node itself, where its tests are run. */
const NODE_TEST = /\bnode(?=\s(?:[^|&;]*\s)?--test\b)/;
/** Not one of the options that NODE_OPTIONS may hold. */
const MEASURED = '--experimental-test-coverage';

/** Adds to a command what makes its runner report. */
export function callOf({ runner, command, takes, script }: Detected, options: CallOptions): RunnerCall {
  const { live, leaveOut, coverage } = options;
  if (runner === 'node') {
    const line =
      coverage === undefined ? command : (script ?? command).replace(NODE_TEST, `node ${MEASURED}`);
    return { line, variables: { NODE_OPTIONS: nodeOptions(options) }, keptIn: leaveOut };
  }
  if (runner === 'other' || takes === 'nothing') return { line: command, variables: {}, keptIn: leaveOut };
  const words = ARGUMENTS[runner](options).map(shellQuote).join(' ');
  const line = `${command}${takes === 'npm-arguments' ? ' --' : ''} ${words}`;
  return { line, variables: { PIPEWRIGHT_LIVE: live }, keptIn: [] };
}

const ARGUMENTS: Readonly<Record<'vitest' | 'jest' | 'mocha', (options: CallOptions) => string[]>> = {
  vitest: ({ folder, leaveOut, coverage }) => [
    '--reporter=default',
    `--reporter=${liveReporter}`,
    ...leaveOut.map((glob) => `--exclude=${glob}`),
    ...(coverage === undefined || !hasVitestCoverage(folder)
      ? []
      : [
          '--coverage.enabled=true',
          '--coverage.reporter=json-summary',
          `--coverage.reportsDirectory=${coverage}`,
        ]),
  ],
  jest: ({ leaveOut, coverage }) => [
    '--ci',
    '--reporters=default',
    `--reporters=${liveReporter}`,
    // Given one, it forgets its own.
    ...(leaveOut.length > 0 ? ['--testPathIgnorePatterns=/node_modules/'] : []),
    ...leaveOut.map((glob) => `--testPathIgnorePatterns=${globPattern(glob)}`),
    ...(coverage === undefined
      ? []
      : ['--coverage', '--coverageReporters=json-summary', `--coverageDirectory=${coverage}`]),
  ],
  mocha: ({ leaveOut }) => ['--reporter', liveReporter, ...leaveOut.flatMap((glob) => ['--ignore', glob])],
};

/** Without its provider vitest would ask whether to install one. */
function hasVitestCoverage(folder: string): boolean {
  return hasPackage(folder, '@vitest/coverage-v8') || hasPackage(folder, '@vitest/coverage-istanbul');
}

function inQuotes(file: string): string {
  return `"${file.replaceAll(/[\\"]/g, String.raw`\$&`)}"`;
}

/** Both reports at once: TAP for us, the usual one for the log. A file name may hold blanks, so it stands in quotes. */
function nodeOptions({ live, coverage }: CallOptions): string {
  const options = [
    '--test-reporter=spec --test-reporter-destination=stdout',
    `--test-reporter=tap --test-reporter-destination=${inQuotes(live)}`,
  ];
  if (coverage !== undefined) {
    options.push(`--test-reporter=lcov --test-reporter-destination=${inQuotes(`${coverage}/lcov.info`)}`);
  }
  return options.join(' ');
}

/** A glob as the regular expression that jest wants. */
function globPattern(glob: string): string {
  const pattern = glob.replaceAll(/\*\*\/?|[*?]|[.+^${}()|[\]\\]/g, (piece) => {
    if (piece.startsWith('**')) return '.*';
    if (piece === '*') return '[^/]*';
    return piece === '?' ? '[^/]' : `\\${piece}`;
  });
  return `(^|/)${pattern}${glob.endsWith('/') ? '' : '($|/)'}`;
}
