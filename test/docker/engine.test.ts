import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { failureOf, valueOf } from '../support/results.ts';
import { probeDocker } from '../../src/cli/commands/doctor-docker.ts';
import { BUSYBOX, collect, engineAt, writeContext } from '../support/docker-rig.ts';
import { noDockerd, startDockerd, type TestDockerd } from '../support/dockerd.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'pipewright-engine-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(noDockerd() !== undefined)('a Docker engine', () => {
  let dockerd: TestDockerd;
  let engine: Awaited<ReturnType<typeof engineAt>>;
  beforeAll(async () => {
    dockerd = await startDockerd();
    engine = await engineAt(`unix://${dockerd.socket}`);
  });
  afterAll(async () => {
    await engine.close();
    await dockerd.stop();
  });

  test('builds with BuildKit, says what it does, and gives the image with its facts', async () => {
    const context = writeContext(path.join(folder, 'good'), `${BUSYBOX}\nRUN echo "hello $NAME"\n`);
    const { result, lines } = await collect(engine, context, {
      tags: ['app:v1', 'app:latest'],
      labels: { 'org.opencontainers.image.revision': 'abc' },
    });
    const image = valueOf(result);
    expect(image).toMatchObject({
      tags: ['app:latest', 'app:v1'],
      platform: 'linux/amd64',
      labels: { 'org.opencontainers.image.revision': 'abc' },
    });
    expect(image.id).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(lines).toContain('#6 [4/4] RUN echo "hello $NAME"');
    expect(lines).toContain('#6 hello ');
    expect(valueOf(await engine.image('app:v1'))?.id).toBe(image.id);
    expect(valueOf(await engine.images({ 'org.opencontainers.image.revision': 'abc' }))).toHaveLength(1);
    expect(valueOf(await engine.image('app:v2'))).toBeUndefined();
  });

  test('the fingerprint follows what the build sees, and nothing else', async () => {
    const context = writeContext(path.join(folder, 'print'), BUSYBOX, {
      'a.txt': 'a',
      'b.md': 'b',
      '.dockerignore': '*.md',
    });
    const request = { context, leave_out: [], dockerfile: 'Dockerfile', args: {} };
    const first = valueOf(await engine.fingerprint(request));
    writeFileSync(path.join(context, 'b.md'), 'changed');
    utimesSync(path.join(context, 'a.txt'), 1, 1);
    expect(valueOf(await engine.fingerprint(request))).toBe(first);
    const others = [
      valueOf(await engine.fingerprint({ ...request, args: { A: '1' } })),
      valueOf(await engine.fingerprint({ ...request, target: 'x' })),
    ];
    chmodSync(path.join(context, 'a.txt'), 0o700);
    others.push(valueOf(await engine.fingerprint(request)));
    writeFileSync(path.join(context, 'a.txt'), 'b');
    others.push(valueOf(await engine.fingerprint(request)));
    expect(new Set([first, ...others]).size).toBe(5);
    const without = { ...request, leave_out: [path.join(context, 'a.txt')] };
    const hidden = valueOf(await engine.fingerprint(without));
    writeFileSync(path.join(context, 'a.txt'), 'c');
    expect(valueOf(await engine.fingerprint(without))).toBe(hidden);
    expect(failureOf(await engine.fingerprint({ ...request, dockerfile: 'no' }))).toMatchObject({
      reason: 'invalid',
      message: `there is no no in ${context}`,
    });
  });

  test('a build that fails is a failure, with the exit code and the last lines', async () => {
    const context = writeContext(path.join(folder, 'bad'), `${BUSYBOX}\nRUN echo oops && exit 3\n`);
    const { result } = await collect(engine, context);
    expect(failureOf(result)).toMatchObject({ reason: 'exit-non-zero', exit_code: 3 });
    expect(JSON.stringify(result)).toContain('oops');
    const broken = await collect(engine, writeContext(path.join(folder, 'broken'), 'FRUM scratch\n'));
    expect(failureOf(broken.result)).toMatchObject({
      reason: 'reported',
      retryable: false,
      message: expect.stringContaining('unknown instruction: FRUM'),
    });
  });

  test('files arrive with their modes, names and links; a large one is not kept in memory', async () => {
    const context = writeContext(
      path.join(folder, 'files'),
      `${BUSYBOX}\nCOPY files /files\nRUN cat "/files/한글 name" && ls -l /files && sha256sum /files/large\n`,
      { 'files/한글 name': 'unicode', 'files/empty': '', [`files/${'long'.repeat(60)}`]: 'x' },
    );
    chmodSync(path.join(context, 'files/empty'), 0o750);
    symlinkSync('../nowhere', path.join(context, 'files/link'));
    const large = Buffer.alloc(100 << 20, 7);
    writeFileSync(path.join(context, 'files/large'), large);
    const before = process.memoryUsage().rss;
    let peak = before;
    const watch = setInterval(() => void (peak = Math.max(peak, process.memoryUsage().rss)), 10);
    const { result, lines } = await collect(engine, context);
    clearInterval(watch);
    valueOf(result);
    const text = lines.join('\n');
    expect(text).toContain('unicode');
    expect(text).toMatch(/-rwxr-x--- .* empty/);
    expect(text).toMatch(/link -> \.\.\/nowhere/);
    expect(text).toContain('/files/large');
    expect(peak - before).toBeLessThan(70 << 20);
  });

  test('doctor finds it, and says what is wrong with one that is not there', async () => {
    const settings = () => Promise.resolve({ ok: false as const, failure: { text: [], diagnostics: [] } });
    const look = async (endpoint: string) =>
      (await probeDocker({ env: { ...process.env, DOCKER_HOST: endpoint }, settings }))[0];
    expect(await look(`unix://${dockerd.socket}`)).toMatchObject({
      status: 'found',
      version: expect.stringMatching(/^\d+\./),
    });
    expect(await look('unix:///no/such.sock')).toMatchObject({
      status: 'missing',
      detail: expect.stringContaining('unix:///no/such.sock: no such socket'),
    });
  });

  test('cancelling ends the build on the engine too', async () => {
    const context = writeContext(path.join(folder, 'slow'), `${BUSYBOX}\nRUN echo begun && sleep 611\n`);
    const stop = new AbortController();
    const request = {
      context,
      leave_out: [],
      dockerfile: 'Dockerfile',
      args: {},
      tags: ['app:slow'],
      labels: {},
    };
    const result = await engine.build(request, {
      signal: stop.signal,
      onLine: (line) => void (line.endsWith(' begun') && stop.abort()),
    });
    expect(failureOf(result)).toMatchObject({ reason: 'cancelled' });
    await expect.poll(() => isRunning('sleep\u0000611')).toBe(false);
  });

  test('runs, inspects and ends containers', async () => {
    const port = await freePort();
    const context = writeContext(path.join(folder, 'run'), `${BUSYBOX}\nCMD echo "$GREETING"; sleep 100\n`);
    valueOf((await collect(engine, context, { tags: ['app:run'] })).result);
    const labels = { 'pipewright.service': 'web' };
    const started = valueOf(
      await engine.start({
        name: 'web-1',
        image: 'app:run',
        env: { GREETING: 'it is "me" $HOME' },
        labels,
        publish: { '8080/tcp': `127.0.0.1:${port}` },
        restart: 'no',
      }),
    );
    expect(started).toMatchObject({ name: 'web-1', is_running: true, ports: { '8080/tcp': port } });
    await expect.poll(async () => valueOf(await engine.logs(started.id, 10))).toBe('it is "me" $HOME\n');
    expect(valueOf(await engine.containers(labels)).map(({ id }) => id)).toEqual([started.id]);
    valueOf(await engine.network('extra', labels));
    valueOf(await engine.network('extra', labels));
    valueOf(await engine.connect('extra', started.id));
    valueOf(await engine.connect('extra', started.id));
    expect(Object.keys(valueOf(await engine.container(started.id))?.addresses ?? {})).toContain('extra');
    valueOf(await engine.stop(started.id, { timeoutMs: 0, remove: false }));
    expect(valueOf(await engine.container(started.id))).toMatchObject({ is_running: false, exit_code: 137 });
    valueOf(await engine.resume(started.id));
    valueOf(await engine.stop(started.id, { timeoutMs: 0, remove: true }));
    valueOf(await engine.stop(started.id, { timeoutMs: 0, remove: true }));
    expect(valueOf(await engine.container(started.id))).toBeUndefined();
    const absent = await engine.start({ name: 'x', image: 'no:such', env: {}, labels, restart: 'no' });
    expect(failureOf(absent)).toMatchObject({
      reason: 'reported',
      message: expect.stringContaining('no:such'),
    });
  });

  test('a daemon that freezes or dies in the middle of a build is seen, and so is one that is not there', async () => {
    const victim = await startDockerd();
    const impatient = await engineAt(`unix://${victim.socket}`, { answerMs: 1000, pulseMs: 300 });
    const context = writeContext(path.join(folder, 'victim'), `${BUSYBOX}\nRUN echo begun && sleep 612\n`);
    const request = {
      context,
      leave_out: [],
      dockerfile: 'Dockerfile',
      args: {},
      tags: ['app:victim'],
      labels: {},
    };
    const buildUntil = (signal: NodeJS.Signals) =>
      impatient.build(request, {
        signal: new AbortController().signal,
        onLine: (line) => void (line.endsWith(' begun') && victim.signal(signal)),
      });
    expect(failureOf(await buildUntil('SIGSTOP'))).toMatchObject({
      reason: 'executor-unreachable',
      detail: 'no answer within 1 s',
    });
    victim.signal('SIGCONT');
    expect(failureOf(await buildUntil('SIGKILL'))).toMatchObject({
      reason: 'executor-unreachable',
      detail: 'the connection broke',
    });
    await victim.stop();
    expect(failureOf(await impatient.info())).toMatchObject({
      reason: 'executor-unreachable',
      detail: 'it does not run: there is no such socket',
    });
    await impatient.close();
  });
});

function isRunning(commandLine: string): boolean {
  return processes().some((one) => one.includes(commandLine));
}

function processes(): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return '';
      }
    });
}
