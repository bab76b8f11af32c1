import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { mustEnd, LAUNCHER, PINNED_NODE, type TemporaryProject, temporaryProject } from '../support/cli.ts';
import { hasRedis, type RedisServer, startRedis } from '../support/redis.ts';

const SECRET = 'the secret that all of them share';
const WITHIN = { timeout: 40_000, interval: 50 };

const SETTINGS = `
queue: {secret: "env:PWQ_SECRET", tree: here, lock_duration: 1s, stalled_interval: 500ms, lease: 8s, backoff: 100ms}
`;

/** A worker as a process of its own. */
interface Worker {
  readonly child: ChildProcess;
  /** All that it has said. */
  readonly said: () => string;
}

describe.skipIf(!hasRedis())('steps that workers carry out', () => {
  let redis: RedisServer;
  const workers: Worker[] = [];
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => end(worker, 'SIGTERM')));
    redis.cli('flushall');
  });
  afterAll(async () => {
    await redis[Symbol.asyncDispose]();
  });

  const envOf = (more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
    ...redis.env,
    PWQ_SECRET: SECRET,
    ...more,
  });

  const startWorker = async (project: TemporaryProject, ...args: readonly string[]): Promise<Worker> => {
    const kept = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' };
    const child = spawn(PINNED_NODE, [LAUNCHER, 'worker', '--json', '--here', '--every', '1', ...args], {
      cwd: project.root,
      env: { ...kept, ...envOf() },
    });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const worker = { child, said: () => said };
    workers.push(worker);
    await expect.poll(() => said, WITHIN).toContain('worker.started');
    return worker;
  };

  const runQueue = (
    project: TemporaryProject,
    ...args: readonly string[]
  ): ReturnType<TemporaryProject['run']> => project.run([...args, '--output', 'plain'], { env: envOf() });

  test('output arrives byte for byte, secrets masked, exit codes and values with it', async () => {
    using project = temporaryProject({
      'pipewright.yaml': SETTINGS,
      'bytes.bin': 'a\u0000b\n',
      'pipelines/p.yaml': `name: p
secrets: {TOKEN: "env:MY_TOKEN"}
stages:
  - name: build
    secrets: [TOKEN]
    steps:
      - {name: bytes, command: "cat bytes.bin; printf '\\\\377\\\\0end'; echo err >&2"}
      - {name: token, command: 'echo "token $TOKEN"; echo "of the worker: $PWQ_SECRET$REDIS_PASSWORD"'}
      - {name: value, command: 'echo 4711', output: 'variable:number'}
      - {name: use, command: 'echo "it is {{.number}}"; test -n "$PIPEWRIGHT_PROJECT"; exit 3'}
`,
    });
    await startWorker(project, '--concurrency', '1');
    const done = await project.run(['run', 'p', '--executor', 'queue', '--output', 'plain'], {
      env: envOf({ MY_TOKEN: 'hunter2-hunter2' }),
    });
    mustEnd(done, 1);
    const log = (step: string): string => readFileSync(logOf(project, `build.${step}`), 'latin1');
    expect(log('bytes')).toBe('a\0b\n\xff\0enderr\n');
    expect(log('token')).toBe('token ***\nof the worker: \n');
    expect(log('use')).toBe('it is 4711\n');
    expect(done.stdout).toContain('exited with code 3');
    const shown = JSON.stringify(await project.json(['show', 'last']));
    expect(shown).toContain('"context":"queue"');
    const progress: unknown = JSON.parse(redis.cli('get', `progress:${runIdOf(project)}`));
    expect(progress).toMatchObject({ sent: 4, ended: 4, failed: 1 });

    const keys = redis.cli('keys', '*');
    expect(keys).toContain('bull:test-execution:');
    const dump = redis.cli(
      '--no-raw',
      'hgetall',
      `bull:test-execution:${runIdOf(project)}~build.token@1-1~1`,
    );
    expect(dump).toContain('sealed');
    expect(dump).not.toContain('echo');
    const stats = await project.run(['queue', 'stats', '--json'], { env: envOf() });
    const document: unknown = JSON.parse(stats.stdout);
    expect(document).toMatchObject({
      queues: [{ queue: 'test-execution', completed: 4, waiting: 0 }, { queue: 'cleanup' }],
      workers: [{ passed: 3, failed: 1, concurrency: 1 }],
    });
  });

  test('a worker that is killed loses its step to another one within seconds, and the step runs once more as its stage says', async () => {
    using project = temporaryProject({
      'pipewright.yaml': SETTINGS,
      'pipelines/p.yaml': `name: p
stages:
  - name: build
    on_interrupt: retry
    steps:
      - 'echo try >>tries; [ "$(wc -l <tries)" -gt 1 ] || sleep 300'
`,
    });
    const [first, second] = [await startWorker(project), await startWorker(project)];
    const running = runQueue(project, 'run', 'p', '--executor', 'queue');
    await expect.poll(() => existsSync(path.join(project.root, 'tries')), WITHIN).toBe(true);
    const holder = await busyOne([first, second]);
    const killedAtMs = performance.now();
    await end(holder, 'SIGKILL');
    const done = await running;
    mustEnd(done);
    expect(readFileSync(path.join(project.root, 'tries'), 'utf8')).toBe('try\ntry\n');
    expect(performance.now() - killedAtMs).toBeLessThan(40_000);
    const failed = await project.run(['queue', 'failed', '--json'], { env: envOf() });
    expect(failed.stdout).toContain('"queue": "test-execution"');
    const again = await project.run(['queue', 'retry', '--all', '--json'], { env: envOf() });
    expect(again.stdout).toContain('its run has moved on');
  });

  test('a producer that is killed finds its step again: continue adopts it, and it ran once', async () => {
    using project = temporaryProject({
      'pipewright.yaml': SETTINGS,
      'pipelines/p.yaml': `name: p
stages:
  - name: build
    steps: ['echo once >>ran; echo before; until [ -e go ]; do sleep 0.05; done; echo after']
`,
    });
    await startWorker(project);
    const child = spawn(PINNED_NODE, [LAUNCHER, 'run', 'p', '--executor', 'queue', '--output', 'json'], {
      cwd: project.root,
      env: { PATH: process.env['PATH'] ?? '', ...envOf() },
      stdio: 'ignore',
    });
    await expect.poll(() => existsSync(path.join(project.root, 'ran')), WITHIN).toBe(true);
    await end({ child }, 'SIGKILL');
    const continued = runQueue(project, 'continue');
    writeFileSync(path.join(project.root, 'go'), '');
    const done = await continued;
    mustEnd(done);
    expect(readFileSync(path.join(project.root, 'ran'), 'utf8')).toBe('once\n');
    expect(readFileSync(logOf(project, 'build.step-1'), 'utf8')).toBe('before\nafter\n');
  });

  test('an outage of Redis is waited for, said once, and nothing runs twice', async () => {
    using project = temporaryProject({
      'pipewright.yaml': SETTINGS,
      'pipelines/p.yaml': `name: p
stages:
  - name: build
    steps: ['echo once >>ran; until [ -e go ]; do sleep 0.05; done', 'echo second >>ran']
`,
    });
    await startWorker(project);
    const running = runQueue(project, 'run', 'p', '--executor', 'queue');
    await expect.poll(() => existsSync(path.join(project.root, 'ran')), WITHIN).toBe(true);
    await redis.kill();
    writeFileSync(path.join(project.root, 'go'), '');
    await new Promise((resolve) => {
      setTimeout(resolve, 1500);
    });
    await redis.start();
    const done = await running;
    mustEnd(done);
    expect(done.stderr.match(/does not answer: waiting for it/g)).toHaveLength(1);
    expect(readFileSync(path.join(project.root, 'ran'), 'utf8')).toBe('once\nsecond\n');
  });

  test('a worker whose Redis is away can be stopped', async () => {
    using project = temporaryProject({ 'pipewright.yaml': SETTINGS });
    const worker = await startWorker(project);
    await redis.kill();
    try {
      await expect.poll(worker.said, WITHIN).toContain('does not answer; waiting for it');
      await end(worker, 'SIGTERM');
      expect(worker.said()).toContain('worker.stopped');
      expect(worker.child.exitCode).toBe(0);
    } finally {
      await redis.start();
    }
  });

  test('cancel reaches the worker and its processes; SIGTERM lets a worker finish', async () => {
    using project = temporaryProject({
      'pipewright.yaml': SETTINGS,
      'pipelines/p.yaml': `name: p
stages:
  - name: build
    steps: ['trap "echo cleaned >>ended; exit 1" TERM; echo $$ >pid; while :; do sleep 0.05; done']
`,
      'pipelines/short.yaml': `name: short
stages:
  - name: build
    steps: ['touch began; until [ -e go ]; do sleep 0.05; done; echo done']
`,
    });
    const worker = await startWorker(project, '--queues', 'test-execution');
    const running = runQueue(project, 'run', 'p', '--executor', 'queue');
    await expect.poll(() => existsSync(path.join(project.root, 'pid')), WITHIN).toBe(true);
    const cancelled = await project.run(['cancel', 'last'], { env: envOf() });
    mustEnd(cancelled);
    expect((await running).code).toBe(130);
    expect(readFileSync(path.join(project.root, 'ended'), 'utf8')).toBe('cleaned\n');

    const short = runQueue(project, 'run', 'short', '--executor', 'queue');
    await expect.poll(() => existsSync(path.join(project.root, 'began')), WITHIN).toBe(true);
    worker.child.kill('SIGTERM');
    await expect.poll(worker.said, WITHIN).toContain('worker.stopping');
    writeFileSync(path.join(project.root, 'go'), '');
    expect((await short).code).toBe(0);
    // Not told again: a signal in its last moment, when nobody listens any more, would be its end.
    await expect.poll(() => worker.child.exitCode, WITHIN).toBe(0);
    expect(worker.said()).toContain('worker.stopped');
  });

  test('a worker with a clone of its own prepares the commit, fetched where it lacks it', async () => {
    using origin = temporaryProject({
      'pipewright.yaml': SETTINGS.replace('tree: here, ', ''),
      '.gitignore': 'state/\n',
      'file.txt': 'one',
      'pipelines/p.yaml': `name: p
stages:
  - name: build
    steps: ['cat file.txt; pwd']
`,
    });
    using elsewhere = temporaryProject();
    const git = (folder: string, ...args: readonly string[]): void =>
      void execFileSync('git', ['-C', folder, ...args]);
    git(origin.root, 'init', '-q');
    const commit = (): void => {
      git(origin.root, 'add', '-A');
      git(origin.root, '-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '-qm', 'x');
    };
    commit();
    const clone = path.join(elsewhere.root, 'clone');
    git(elsewhere.root, 'clone', '-q', origin.root, clone);
    origin.write('file.txt', 'two');
    commit();
    await startWorker(elsewhere, '--project', clone);
    const done = await runQueue(origin, 'run', 'p', '--executor', 'queue');
    mustEnd(done);
    const log = readFileSync(logOf(origin, 'build.step-1'), 'utf8');
    expect(log.startsWith(`two${path.join(clone, 'state/worker/trees/')}`)).toBe(true);

    origin.write('file.txt', 'three');
    const refused = await runQueue(origin, 'run', 'p', '--executor', 'queue');
    expect(refused.code).toBe(2);
    expect(refused.stdout + refused.stderr).toContain(
      'file.txt differ from the commit, and workers prepare the commit',
    );
  });

  test('without a shared secret, without Redis or with one that throws jobs away, a worker says so and exits', async () => {
    using project = temporaryProject({ 'pipewright.yaml': SETTINGS });
    const start = (env: Record<string, string>): ReturnType<TemporaryProject['run']> =>
      project.run(['worker'], { env });
    expect((await start({ ...redis.env, PWQ_SECRET: 'short' })).stderr).toContain('fewer than 16 characters');
    expect((await start({})).stderr).toContain('neither queue.redis in pipewright.yaml nor REDIS_HOST');
    redis.cli('config', 'set', 'maxmemory-policy', 'volatile-lru');
    const refused = await start(envOf());
    redis.cli('config', 'set', 'maxmemory-policy', 'noeviction');
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('CONFIG SET maxmemory-policy noeviction'),
    });
  });
});

async function end({ child }: Pick<Worker, 'child'>, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => {
    child.once('exit', resolve);
  });
  child.kill(signal);
  await gone;
}

/** Which of the workers says that it has a step. */
async function busyOne(workers: readonly Worker[]): Promise<Worker> {
  const isBusy = ({ said }: Worker): boolean =>
    /"active":1[^]*\n$/.test(said().split('"worker.metrics"').at(-1) ?? '');
  await expect.poll(() => workers.some(isBusy), WITHIN).toBe(true);
  const busy = workers.find(isBusy);
  if (!busy) throw new Error('no worker is busy');
  return busy;
}

/** The newest one. */
function runIdOf(project: TemporaryProject): string {
  return readdirSync(path.join(project.root, 'state/runs')).toSorted().at(-1) ?? '';
}

function logOf(project: TemporaryProject, name: string): string {
  return path.join(project.root, 'state/runs', runIdOf(project), 'logs', `${name}.log`);
}
