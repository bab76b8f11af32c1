import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { AREAS, type Area } from './areas.ts';
import { sample, seeded } from '../chaos/random.ts';
import { scores, survivors } from './scores.ts';

/**
 * `npm run mutation [-- area…] [--concurrency 2] [--force] [--files …] [--survivors 100] [--table]`: changes src at one place at a
 * time and asks whether a test notices. Prints the scores; `.stryker/<area>.html` shows what survived, in the source.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    concurrency: { type: 'string', default: '2' },
    /** Also what an earlier run knows and nothing has touched since. */
    force: { type: 'boolean', default: false },
    /** Of the area only these, by commas: `src/core/engine/plan.ts,src/core/engine/retry.ts`. */
    files: { type: 'string' },
    /** Instead: so many of those that survived meet the slow tests of their area. */
    survivors: { type: 'string' },
    /** Only the table, of the runs that there were. */
    table: { type: 'boolean', default: false },
  },
});

const root = path.resolve(import.meta.dirname, '../..');
const out = path.join(root, '.stryker');
const stryker = path.join(import.meta.dirname, 'node_modules/@stryker-mutator/core/bin/stryker.js');

/** Stryker has a lock file of its own: `npm ci` of the project stays without its 177 packages. */
function install(): void {
  if (existsSync(stryker)) return;
  const options = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  spawnSync('npm', options, { cwd: import.meta.dirname, stdio: 'inherit' });
}

function configOf(name: string, { mutate, tests }: Area): object {
  return {
    mutate,
    testFiles: tests,
    testRunner: 'vitest',
    vitest: { configFile: 'test/mutation/vitest.config.ts', related: false, pool: 'threads' },
    plugins: ['@stryker-mutator/vitest-runner'],
    coverageAnalysis: 'perTest',
    // What runs while a module is loaded would need a fresh process for every mutant.
    ignoreStatic: true,
    concurrency: Number(values.concurrency),
    timeoutMS: 5000,
    timeoutFactor: 3,
    incremental: true,
    force: values.force,
    incrementalFile: `.stryker/${name}.incremental.json`,
    tempDirName: `.stryker/tmp-${name}`,
    reporters: ['clear-text', 'progress-append-only', 'json', 'html'],
    jsonReporter: { fileName: `.stryker/${name}.json` },
    htmlReporter: { fileName: `.stryker/${name}.html` },
    clearTextReporter: { reportTests: false, allowColor: false },
    allowConsoleColors: false,
    packageManager: 'npm',
    // TypeScript 7 has no API to rewrite it with; nothing here reads it.
    tsconfigFile: 'none',
    disableTypeChecks: false,
    ignorePatterns: ['/dist', '/docs', '/state', '/coverage', '/.stryker', '/.git'],
  };
}

function mutateArea(name: string, area: Area): boolean {
  return stryke(name, configOf(name, area), { MUTATION_TEST_TIMEOUT_MS: String(area.testTimeoutMs ?? 4000) });
}

/** Some of what the area's own tests let pass, at random but the same each time, meets its slow tests. */
function mutateSurvivors(name: string, { slow }: Area, count: number): boolean {
  if (!slow) return true;
  const places = sample(seeded(1), survivors(path.join(out, `${name}.json`)), count);
  const config = configOf(`${name}-slow`, { mutate: places, tests: slow.tests });
  return stryke(`${name}-slow`, { ...config, force: true }, slow.env);
}

function stryke(name: string, config: object, env: Readonly<Record<string, string>>): boolean {
  const file = path.join(out, `${name}.config.json`);
  writeFileSync(file, JSON.stringify(config));
  const { status } = spawnSync(process.execPath, [stryker, 'run', file], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  return status === 0;
}

function run(name: string): boolean {
  const whole = AREAS[name];
  if (!whole) return false;
  const area = { ...whole, mutate: values.files?.split(',') ?? whole.mutate };
  return values.survivors === undefined
    ? mutateArea(name, area)
    : mutateSurvivors(name, area, Number(values.survivors));
}

function main(): void {
  const names = positionals.length > 0 ? positionals : Object.keys(AREAS);
  const unknown = names.filter((name) => !Object.hasOwn(AREAS, name));
  if (unknown.length > 0) {
    process.stderr.write(
      `mutation: no such area: ${unknown.join(', ')}; there are ${Object.keys(AREAS).join(', ')}\n`,
    );
    process.exitCode = 2;
    return;
  }
  mkdirSync(out, { recursive: true });
  if (!values.table) install();
  for (const name of names) if (!values.table && !run(name)) process.exitCode = 1;
  process.stdout.write(
    `${scores(
      out,
      names.flatMap((name) => [name, `${name}-slow`]),
    )}\n`,
  );
}

main();
