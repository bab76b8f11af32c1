import { chmodSync, cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { LAUNCHER, temporaryProject, type TemporaryProject } from '../support/cli.ts';

/** A project that runs with a cache of its own, and the only file in it. */
function withCode(project: TemporaryProject, launcher = LAUNCHER) {
  const folder = path.join(project.root, 'code');
  return {
    run: () => project.run(['run', 'it'], { env: { NODE_COMPILE_CACHE: folder }, launcher }),
    file: () => {
      const [name = '', ...more] = readdirSync(folder).filter((entry) => entry.endsWith('.code'));
      expect(more).toEqual([]);
      return path.join(folder, name);
    },
  };
}

const PIPELINE = { 'pipelines/it.yaml': 'stages: [{name: one, steps: [{command: "echo it ran"}]}]' };

test('compiled code is kept once for a command, for its owner alone', async () => {
  using project = temporaryProject(PIPELINE);
  const { run, file } = withCode(project);
  expect(await run()).toMatchObject({ code: 0, stderr: '' });
  const { mode, mtimeMs } = statSync(file());
  expect(mode & 0o777).toBe(0o600);
  expect(await run()).toMatchObject({ code: 0, stderr: '' });
  expect(statSync(file()).mtimeMs).toBe(mtimeMs);
});

test.each([
  ['cut short', (code: Buffer) => code.subarray(0, code.length >> 1)],
  [
    'of another build',
    (code: Buffer) => Buffer.concat([code.subarray(0, 4), Buffer.from('9'), code.subarray(5)]),
  ],
  ['no code at all', () => Buffer.from('nothing')],
])('a file of code that is %s is not used, and replaced', async (_, damage) => {
  using project = temporaryProject(PIPELINE);
  const { run, file } = withCode(project);
  await run();
  const whole = readFileSync(file());
  writeFileSync(file(), damage(whole));
  const { code, stdout } = await run();
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('it ran') });
  expect(statSync(file()).size).toBeGreaterThan(whole.length * 0.9);
});

test('a file of code that others may write is not used', async () => {
  using project = temporaryProject(PIPELINE);
  const { run, file } = withCode(project);
  await run();
  chmodSync(file(), 0o666);
  expect(await run()).toMatchObject({ code: 0 });
  // Made anew instead.
  expect(statSync(file()).mode & 0o777).toBe(0o600);
});

test('code of a build that was replaced while it ran is not taken for that of the new one', async () => {
  using project = temporaryProject({
    'pipelines/it.yaml': 'stages: [{name: one, steps: [{command: "touch built/dist/main.cjs"}]}]',
  });
  const source = path.dirname(path.dirname(LAUNCHER));
  const built = path.join(project.root, 'built');
  for (const part of ['bin', 'dist', 'package.json', 'pipelines'])
    cpSync(path.join(source, part), path.join(built, part), { recursive: true });
  const { run, file } = withCode(project, path.join(built, 'bin/pipewright.js'));
  expect(await run()).toMatchObject({ code: 0, stderr: '' });
  const { mtimeMs, size } = statSync(path.join(built, 'dist/main.cjs'));
  expect(readFileSync(file(), 'latin1').slice(4, 64)).toMatch(new RegExp(`^${size}-`));
  expect(readFileSync(file(), 'latin1').slice(4, 64)).not.toContain(`${size}-${mtimeMs}\n`);
});
