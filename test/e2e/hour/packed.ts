import { mkdirSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { formatBytes } from '../../../src/core/quantities.ts';
import { onPty, type PtyProgram } from '../../support/pty.ts';
import { completionCall, hasShell, SHELLS } from '../../support/shells.ts';
import { expectThat, type Hour, type Ran, sh, write } from './hour.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');

/** The installed program, run by one of the Nodes that it supports. */
export interface Program {
  readonly run: (args: readonly string[], cwd: string, codes?: readonly number[]) => Promise<Ran>;
  /** The last run of the project, as `show --json` tells it. */
  readonly lastRun: (cwd: string) => Promise<RunFacts>;
  /** On a terminal of 80 columns and 24 rows. */
  readonly onTerminal: (args: readonly string[], cwd: string) => PtyProgram;
  /** PATH with the program and its Node first. */
  readonly path: string;
}

export interface RunFacts {
  readonly status: string;
  readonly commits: readonly string[];
  readonly stages: readonly { readonly name: string; readonly status: string }[];
  /** Of the analysis of changes. */
  readonly changes: {
    readonly files_count: number;
    readonly categories: Readonly<Record<string, readonly string[]>>;
  } | null;
}

/** What a package may hold; a file of another kind is a leak. */
const ALLOWED = [
  /^package\.json$/,
  /^(?:README|README\.ko|CHANGELOG)\.md$/,
  /^LICENSE$/,
  /^bin\/pipewright\.js$/,
  /^dist\/[\w@.-]+\.c?js$/,
  /^pipelines\/[\w-]+\.yaml$/,
  /^docs\/[\w/.-]+\.(?:md|svg)$/,
];

/** Packs this checkout, looks at what is in it, installs it in an empty folder, and starts it with Node 22 and 24. */
export async function installPacked(hour: Hour): Promise<Program> {
  const shop = path.join(hour.folder, 'pack');
  mkdirSync(shop);
  const packed = await hour.step(
    'npm pack',
    () => pack(shop),
    ({ size, files }) => `${formatBytes(size)}, ${files.length} files`,
  );
  const prefix = path.join(hour.folder, 'global');
  await hour.step(
    'npm install --global, in an empty folder',
    async () => {
      mkdirSync(prefix);
      const options = ['--global', '--prefix', prefix, '--no-audit', '--no-fund'];
      await sh('npm', ['install', ...options, packed.tarball], { cwd: prefix });
    },
    () => `${formatBytes(sizeOf(prefix))} installed`,
  );
  const programs = [];
  for (const version of ['22', '24']) {
    const node = await hour.step(`node@${version} from npm`, () => fetchNode(hour.folder, version));
    const program = programOf(prefix, node);
    await hour.step(
      `works on Node ${version}`,
      () => tryOut(program, path.join(hour.folder, `try-${version}`)),
      (said) => said,
    );
    programs.push(program);
  }
  const newest = programs.at(-1);
  if (!newest) throw new Error('there is no Node to try');
  await hour.step(
    'completion',
    () => complete(newest, path.join(hour.folder, 'try-24')),
    (shells) => shells.join(', '),
  );
  return newest;
}

/** In each shell that is installed: the script that the program prints offers its commands and pipelines. */
async function complete(program: Program, cwd: string): Promise<readonly string[]> {
  const shells = SHELLS.filter(hasShell);
  for (const shell of shells) {
    const script = path.join(cwd, `completion.${shell}`);
    write(script, (await program.run(['completion', shell], cwd)).stdout);
    const offers = async (words: readonly string[]): Promise<readonly string[]> => {
      const [asked, ...args] = completionCall(shell, words, script);
      const { stdout } = await sh(asked, args, { cwd, env: { PATH: program.path } });
      return stdout.trim().split('\n');
    };
    for (const [words, wanted] of [
      [['ru'], 'runs'],
      [['run', 'hel'], 'hello'],
    ] as const) {
      const said = await offers(words);
      expectThat(said.includes(wanted), `${shell} does not offer ${wanted} but ${said.join(' ')}`);
    }
  }
  return shells;
}

interface Packed {
  readonly tarball: string;
  readonly size: number;
  readonly files: readonly string[];
}

async function pack(shop: string): Promise<Packed> {
  const { stdout } = await sh('npm', ['pack', '--json', '--pack-destination', shop], { cwd: ROOT });
  // Without a terminal the build says `[log] …` before it.
  const [found]: { filename: string; size: number; files: { path: string }[] }[] = JSON.parse(
    stdout.slice(stdout.search(/^\[$/m)),
  );
  if (!found) throw new Error(`npm pack made nothing:\n${stdout}`);
  const files = found.files.map((file) => file.path);
  const strange = files.filter((file) => !ALLOWED.some((pattern) => pattern.test(file)));
  expectThat(strange.length === 0, `these do not belong into the package:\n${strange.join('\n')}`);
  for (const needed of [
    'bin/pipewright.js',
    'dist/main.cjs',
    'dist/start.cjs',
    'dist/api.js',
    'README.md',
    'LICENSE',
    'docs/README.md',
  ]) {
    expectThat(files.includes(needed), `the package lacks ${needed}`);
  }
  return { tarball: path.join(shop, found.filename), size: found.size, files };
}

/** The folder of a Node that npm brings: the package `node` holds the program itself. */
async function fetchNode(folder: string, version: string): Promise<string> {
  const place = path.join(folder, `node-${version}`);
  write(path.join(place, 'package.json'), '{"private": true}\n');
  await sh('npm', ['install', '--no-audit', '--no-fund', `node@${version}`], { cwd: place });
  return path.join(place, 'node_modules/node/bin');
}

function programOf(prefix: string, node: string): Program {
  const paths = [node, path.join(prefix, 'bin'), process.env['PATH'] ?? ''].join(path.delimiter);
  const command = path.join(prefix, 'bin/pipewright');
  const run: Program['run'] = (args, cwd, codes = [0]) =>
    sh(command, args, { cwd, codes, env: { PATH: paths, NO_COLOR: '1' } });
  return {
    path: paths,
    run,
    lastRun: async (cwd) => JSON.parse((await run(['show', 'last', '--json'], cwd)).stdout),
    onTerminal: (args, cwd) =>
      onPty(args, { cwd, program: [command], env: { PATH: paths, XDG_CONFIG_HOME: prefix }, waitMs: 60_000 }),
  };
}

/** Init, validate, plan, run, why, show, audit a shipped pipeline, and the screen, in a project of its own. */
async function tryOut(program: Program, cwd: string): Promise<string> {
  mkdirSync(cwd);
  await sh('git', ['init', '--quiet'], { cwd });
  const version = (await program.run(['--version'], cwd)).stdout.trim();
  await program.run(['init'], cwd);
  await program.run(['validate'], cwd);
  await program.run(['plan', 'hello', '--who', 'you'], cwd);
  const { stdout } = await program.run(['run', 'hello', '--who', "it's you; rm -rf /"], cwd);
  expectThat(stdout.includes("hello it's you; rm -rf /"), `the greeting is missing:\n${stdout}`);
  await program.run(['why', 'last'], cwd);
  await program.run(['show', 'last', '--json'], cwd);
  await program.run(['audit', 'verify', 'last'], cwd);
  write(path.join(cwd, 'data/a.txt'), 'a\n');
  await program.run(['run', 'compress-files', '--source', 'data', '--archive', 'data.tar.gz'], cwd);
  await sh('gunzip', ['-t', 'data.tar.gz'], { cwd });
  await using app = program.onTerminal([], cwd);
  await app.shows('Recent runs', 'compress-files', '? help');
  app.type('q');
  expectThat((await app.ended) === 0, 'the screen did not end well');
  const node = (await sh('node', ['--version'], { cwd, env: { PATH: program.path } })).stdout.trim();
  return `pipewright ${version} on ${node}`;
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(path.join(folder, name), { throwIfNoEntry: false }))
    .reduce((sum, facts) => sum + (facts?.isFile() ? facts.size : 0), 0);
}
