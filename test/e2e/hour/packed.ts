import { mkdirSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { formatBytes } from '../../../src/core/quantities.ts';
import { expectThat, type Hour, type Ran, sh, write } from './hour.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');

/** The installed program, run by one of the Nodes that it supports. */
export interface Program {
  readonly run: (args: readonly string[], cwd: string, codes?: readonly number[]) => Ran;
  /** PATH with the program and its Node first. */
  readonly path: string;
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
    () => {
      mkdirSync(prefix);
      sh('npm', ['install', '--global', '--prefix', prefix, '--no-audit', '--no-fund', packed.tarball], {
        cwd: prefix,
      });
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
  return newest;
}

function pack(shop: string): {
  readonly tarball: string;
  readonly size: number;
  readonly files: readonly string[];
} {
  const { stdout } = sh('npm', ['pack', '--json', '--pack-destination', shop], { cwd: ROOT });
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
    'dist/main.js',
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
function fetchNode(folder: string, version: string): string {
  const place = path.join(folder, `node-${version}`);
  write(path.join(place, 'package.json'), '{"private": true}\n');
  sh('npm', ['install', '--no-audit', '--no-fund', `node@${version}`], { cwd: place });
  return path.join(place, 'node_modules/node/bin');
}

function programOf(prefix: string, node: string): Program {
  const paths = [node, path.join(prefix, 'bin'), process.env['PATH'] ?? ''].join(path.delimiter);
  return {
    path: paths,
    run: (args, cwd, codes = [0]) =>
      sh(path.join(prefix, 'bin/pipewright'), args, { cwd, codes, env: { PATH: paths, NO_COLOR: '1' } }),
  };
}

/** Init, validate, plan, run, why, show, audit and a shipped pipeline, in a project of its own. */
function tryOut(program: Program, cwd: string): string {
  mkdirSync(cwd);
  sh('git', ['init', '--quiet'], { cwd });
  const version = program.run(['--version'], cwd).stdout.trim();
  program.run(['init'], cwd);
  program.run(['validate'], cwd);
  program.run(['plan', 'hello', '--who', 'you'], cwd);
  const { stdout } = program.run(['run', 'hello', '--who', "it's you; rm -rf /"], cwd);
  expectThat(stdout.includes("hello it's you; rm -rf /"), `the greeting is missing:\n${stdout}`);
  program.run(['why', 'last'], cwd);
  program.run(['show', 'last', '--json'], cwd);
  program.run(['audit', 'verify', 'last'], cwd);
  write(path.join(cwd, 'data/a.txt'), 'a\n');
  program.run(['run', 'compress-files', '--source', 'data', '--archive', 'data.tar.gz'], cwd);
  sh('gunzip', ['-t', 'data.tar.gz'], { cwd });
  const node = sh('node', ['--version'], { cwd, env: { PATH: program.path } }).stdout.trim();
  return `pipewright ${version} on ${node}`;
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(path.join(folder, name), { throwIfNoEntry: false }))
    .reduce((sum, facts) => sum + (facts?.isFile() ? facts.size : 0), 0);
}
