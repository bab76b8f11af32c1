import { existsSync, globSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type Figure, isMet, table } from './figure.ts';
import { delivery } from './delivery.ts';
import { flood } from './flood.ts';
import { history } from './history.ts';
import { parallel } from './parallel.ts';
import { removeAll } from './project.ts';
import { queue } from './queue.ts';
import { repository } from './repository.ts';
import { rollback } from './rollback.ts';
import { ssh } from './ssh.ts';
import { startup } from './startup.ts';
import { steps } from './steps.ts';
import { streams } from './streams.ts';

/**
 * `npm run bench [-- name…] [--rounds 11] [--json] [--strict]`: every figure against a public tool in the
 * same run. `streams:tees` is a part of one. With `--strict` a missed target ends it with 1.
 */
const BENCHES: Readonly<Record<string, (rounds: number, part?: string) => Promise<readonly Figure[]>>> = {
  startup,
  steps,
  history,
  parallel: (rounds) => parallel(Math.min(rounds, 5)),
  repository: (rounds) => repository(Math.min(rounds, 7)),
  flood: () => flood(),
  streams,
  ssh: (rounds) => ssh(Math.min(rounds, 5)),
  delivery: (rounds) => delivery(Math.min(rounds, 5)),
  rollback: (rounds) => rollback(rounds),
  queue,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '11' },
    json: { type: 'boolean', default: false },
    strict: { type: 'boolean', default: false },
  },
});

function warnIfStale(): void {
  const root = path.resolve(import.meta.dirname, '../..');
  const built = path.join(root, 'dist', 'main.cjs');
  const newest = Math.max(
    ...globSync('src/**/*.ts', { cwd: root }).map((file) => statSync(path.join(root, file)).mtimeMs),
  );
  if (!existsSync(built) || statSync(built).mtimeMs < newest) {
    process.stderr.write('bench: dist/ is older than src/: run `npm run build` first\n');
  }
}

async function main(): Promise<void> {
  const unknown = positionals.filter((name) => !Object.hasOwn(BENCHES, name.split(':')[0] ?? ''));
  if (unknown.length > 0) {
    process.stderr.write(
      `bench: no such bench: ${unknown.join(', ')}; there are ${Object.keys(BENCHES).join(', ')}\n`,
    );
    process.exitCode = 2;
    return;
  }
  warnIfStale();
  const figures: Figure[] = [];
  try {
    for (const name of positionals.length > 0 ? positionals : Object.keys(BENCHES)) {
      const [bench = '', part] = name.split(':');
      figures.push(...((await BENCHES[bench]?.(Number(values.rounds), part)) ?? []));
    }
  } finally {
    removeAll();
  }
  const machine = { cpus: os.availableParallelism(), load: os.loadavg()[0], node: process.versions.node };
  process.stdout.write(
    values.json
      ? `${JSON.stringify({ machine, figures: figures.map((figure) => ({ ...figure, met: isMet(figure) })) }, undefined, 2)}\n`
      : `${table(figures).join('\n')}\n\n${machine.cpus} cores, load ${machine.load?.toFixed(1)}, node ${machine.node}; ratios are per round, then their median\n`,
  );
  if (values.strict && !figures.every(isMet)) process.exitCode = 1;
}

await main();
