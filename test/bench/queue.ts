import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startRedis } from '../support/redis.ts';
import { type Figure, ratioFigure } from './figure.ts';
import { baseEnvironment, interleaved, spread } from './measure.ts';
import { BIN, makeFolder, pipewright } from './project.ts';

const STEPS = 200;
const CONCURRENCY = 4;
const SECRET = 'the secret of a benchmark';

/** 200 short steps here, through the queue in the process and through Redis; and how long a killed worker is missed. */
export async function queue(rounds: number): Promise<readonly Figure[]> {
  await using redis = await startRedis();
  const env = { ...redis.env, PWQ_SECRET: SECRET };
  const list = Array.from(
    { length: STEPS },
    (_, index) => `      - {name: s${index}, command: 'true'}\n`,
  ).join('');
  const files = {
    'pipewright.yaml': `queue: {secret: "env:PWQ_SECRET", tree: here, concurrency: ${CONCURRENCY}}\n`,
    'pipelines/it.yaml': `name: it\nmax_workers: ${CONCURRENCY}\nstages:\n  - name: all\n    parallel: true\n    max_workers: ${CONCURRENCY}\n    steps:\n${list}`,
    'pipelines/long.yaml':
      'name: long\nstages:\n  - {name: a, on_interrupt: retry, steps: [\'echo x >>tries; [ "$(wc -l <tries)" -gt 1 ] || exec sleep 300\']}\n',
  };
  const [here, embedded, shared] = [makeFolder(files), makeFolder(files), makeFolder(files)];
  const worker = await startWorker(shared, env);
  const through = ['run', 'it', '--executor', 'queue'];
  const times = await interleaved(
    [
      pipewright('local', here, ['run', 'it']),
      pipewright('embedded', embedded, through),
      // Its worker keeps its files there.
      { ...pipewright('redis', shared, through, { keepState: true }), env },
    ],
    Math.min(rounds, 5),
  );
  await end(worker, 'SIGTERM');
  const recoveries: number[] = [];
  for (let round = 0; round < 3; round += 1) recoveries.push(await recovery(shared, env));
  return [
    ratioFigure(`${STEPS} steps through the queue of the process: against local`, times, {
      subject: 'embedded',
      against: 'local',
    }),
    ratioFigure(`${STEPS} steps through Redis: against local`, times, { subject: 'redis', against: 'local' }),
    { name: 'worker killed until its step runs elsewhere', unit: 'ms', value: spread(recoveries) },
  ];
}

/** From the kill of the worker that has a step until another one begins it anew, milliseconds. */
async function recovery(cwd: string, env: Readonly<Record<string, string>>): Promise<number> {
  const tries = path.join(cwd, 'tries');
  rmSync(tries, { force: true });
  const first = await startWorker(cwd, env);
  const run = spawn(process.execPath, [BIN, 'run', 'long', '--executor', 'queue'], {
    cwd,
    env: { ...baseEnvironment(), ...env },
    stdio: 'ignore',
  });
  await until(() => linesOf(tries) === 1);
  const second = await startWorker(cwd, env);
  const began = performance.now();
  await end(first, 'SIGKILL');
  await until(() => linesOf(tries) === 2);
  const took = performance.now() - began;
  if (run.exitCode === null) await once(run, 'exit');
  await end(second, 'SIGTERM');
  return took;
}

async function startWorker(cwd: string, env: Readonly<Record<string, string>>): Promise<ChildProcess> {
  const worker = spawn(process.execPath, [BIN, 'worker', '--here', '--json'], {
    cwd,
    env: { ...baseEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(worker.stdout, 'data');
  return worker;
}

async function end(worker: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const gone = once(worker, 'exit');
  worker.kill(signal);
  await gone;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await delay(20);
}

function linesOf(file: string): number {
  try {
    return readFileSync(file, 'utf8').split('\n').length - 1;
  } catch {
    return 0;
  }
}
