import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isoWithZone, systemClock } from '../../../src/system/clock.ts';
import { createFiles } from '../../../src/system/files.ts';
import { systemIds } from '../../../src/system/ids.ts';
import { createSecrets } from '../../../src/system/secrets.ts';

const files = createFiles();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-system-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const full = path.join(folder, name);
  mkdirSync(path.dirname(full), { recursive: true });
  writeFileSync(full, text);
  return full;
}

test('a fingerprint depends on names, contents and the executable bit, and on nothing else', async () => {
  file('src/a.ts', 'a');
  file('src/b.ts', 'b');
  file('other.txt', 'x');
  const first = await files.fingerprint(folder, ['src/**']);
  expect(first.count).toBe(2);
  file('other.txt', 'y');
  expect(await files.fingerprint(folder, ['src/**'])).toEqual(first);
  const seen = new Set([first.hash]);
  const changes = [
    () => file('src/a.ts', 'A'),
    () => chmodSync(path.join(folder, 'src/a.ts'), 0o755),
    () => file('src/c.ts', ''),
    () => symlinkSync('a.ts', path.join(folder, 'src/link')),
  ];
  for (const change of changes) {
    change();
    seen.add((await files.fingerprint(folder, ['src/**'])).hash);
  }
  expect(seen.size).toBe(5);
});

test('files that overlapping globs name twice count once, node_modules only when named', async () => {
  file('a.js', 'a');
  file('node_modules/m/index.js', 'm');
  expect((await files.fingerprint(folder, ['**/*.js', '*.js'])).count).toBe(1);
  expect((await files.fingerprint(folder, ['node_modules/**/*.js'])).count).toBe(1);
});

test('the state folder is no part of a key unless it is named, one of that name elsewhere is', async () => {
  file('a.js', 'a');
  file('state/runs/1/run.js', '1');
  file('lib/state/b.js', 'b');
  const own = createFiles({ stateDir: path.join(folder, 'state') });
  expect((await own.fingerprint(folder, ['**/*.js', 'a.js'])).count).toBe(2);
  expect((await own.fingerprint(folder, ['state/**/*.js'])).count).toBe(1);
  expect((await own.fingerprint(folder, ['./lib/../a.js', 'lib/state/b.js'])).count).toBe(2);
});

test('a tail is the last lines, safe to show, also of a large file', async () => {
  const log = file('x.log', `${'line\n'.repeat(100_000)}a\u001b[2Jb\nend`);
  expect(await files.tail(log, 3)).toEqual(['line', 'ab', 'end']);
  expect(await files.tail(file('empty.log', ''), 3)).toEqual([]);
  expect(await files.tail(path.join(folder, 'absent'), 3)).toEqual([]);
});

test('a secret comes out of the environment, a file or a command, without its last line feed', async () => {
  file('token', 'from file\n');
  const secrets = createSecrets({ env: { TOKEN: 'from env', PATH: process.env['PATH'] }, project: folder });
  expect(await secrets.resolve('a', 'env:TOKEN')).toEqual({ ok: true, value: 'from env' });
  expect(await secrets.resolve('b', 'file:token')).toEqual({ ok: true, value: 'from file' });
  expect(await secrets.resolve('c', 'cmd:printf "two\\nlines\\n"')).toEqual({
    ok: true,
    value: 'two\nlines',
  });
});

test.each([
  ['env:ABSENT', /^environment variable ABSENT is not set$/],
  ['file:absent', /absent: ENOENT$/],
  ['file:.', / is not a file$/],
  ['cmd:echo secret; exit 3', /^its command exited with code 3$/],
  ['cmd:true', /^the output of its command is empty$/],
  ['cmd:sleep 5', /^its command took too long$/],
  ['cmd:yes', /^its command printed more than 64 KiB$/],
  ['plain text', /^a reference begins with env:, file: or cmd:$/],
])('the secret %s is not available, and the reason holds nothing of it', async (reference, detail) => {
  const env = { PATH: process.env['PATH'] };
  const secrets = createSecrets({ env, project: folder, timeoutMs: 300 });
  const result = await secrets.resolve('token', reference);
  expect(result).toMatchObject({
    ok: false,
    failure: {
      reason: 'secret-unavailable',
      name: 'token',
      detail: expect.stringMatching(detail),
    },
  });
});

test('the command of a secret has a process group of its own, and ends when it is told to', async () => {
  const secrets = createSecrets({ env: { PATH: process.env['PATH'] }, project: folder });
  const ids = await secrets.resolve('a', 'cmd:echo $$ $(ps -o pgid= -p $$)');
  const [pid, group] = ids.ok ? ids.value.split(' ') : [];
  expect(Number(pid)).toBeGreaterThan(0);
  expect(group).toBe(pid);
  const stop = new AbortController();
  const asked = secrets.resolve('a', 'cmd:echo begun > begun; sleep 25', stop.signal);
  await expect.poll(() => existsSync(path.join(folder, 'begun'))).toBe(true);
  stop.abort();
  expect(await asked).toMatchObject({ failure: { detail: 'its command was stopped' } });
});

test('times carry the offset of the zone they are in', () => {
  const iso = isoWithZone(new Date(1_770_000_000_000));
  expect(iso).toMatch(/^2026-02-0\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d$/);
  expect(Date.parse(iso)).toBe(1_770_000_000_000);
});

test('a run id carries the start of its commit, or random hex', () => {
  expect(systemIds.runId(0, 'abcdef0123')).toMatch(/^\d{8}-\d{6}-abcdef0$/);
  expect(systemIds.runId(0)).toMatch(/^\d{8}-\d{6}-[0-9a-f]{7}$/);
  expect(systemIds.runId(0)).not.toBe(systemIds.runId(0));
});

test('a sleep ends early when it is aborted', async () => {
  const controller = new AbortController();
  const slept = systemClock.sleep(60_000, controller.signal);
  controller.abort();
  expect(await slept).toBe(false);
  expect(await systemClock.sleep(1, new AbortController().signal)).toBe(true);
});
