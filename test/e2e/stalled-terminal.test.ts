import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { temporaryProject } from '../support/cli.ts';
import { onPty } from '../support/pty.ts';

/* Plain lines on a terminal that has stopped reading: Ctrl-S, or a connection that hangs. */

const PIPELINE = `name: noisy
stages:
  - name: flood
    steps:
      - {name: many, command: 'i=0; while [ $i -lt 20000 ]; do echo "line $i 0123456789 0123456789 0123456789"; i=$((i+1)); done'}
      - {name: next, command: 'touch next; while [ ! -e enough ]; do sleep 0.1; done'}
  - name: after
    steps: ['touch after; while [ ! -e over ]; do sleep 0.1; done']
`;

/** Of a process that may have ended already. */
function isOver(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0] === 'Z';
  } catch {
    return true;
  }
}

test('steps go on, and SIGTERM cancels the run and ends the program', async () => {
  using place = temporaryProject({ 'pipelines/noisy.yaml': PIPELINE });
  await using program = onPty(['run', 'noisy', '--output', 'plain'], { cwd: place.root });
  await program.shows('line ');
  const pid = program.pid();
  program.stall();
  const there = (name: string) => (): boolean => existsSync(path.join(place.root, name));
  await expect.poll(there('next')).toBe(true);
  place.write('enough', '');
  await expect.poll(there('after')).toBe(true);
  process.kill(pid, 'SIGTERM');
  await expect.poll(() => isOver(pid)).toBe(true);
  expect(await place.json(['show', 'last'])).toMatchObject({ status: 'cancelled' });
});

test('when it reads again it gets what came meanwhile, and the end', async () => {
  using place = temporaryProject({ 'pipelines/noisy.yaml': PIPELINE, enough: '' });
  await using program = onPty(['run', 'noisy', '--output', 'plain'], { cwd: place.root });
  await program.shows('line ');
  program.stall();
  await expect.poll(() => existsSync(path.join(place.root, 'after'))).toBe(true);
  place.write('over', '');
  await expect.poll(() => place.json(['show', 'last'])).toMatchObject({ status: 'success' });
  program.resume();
  expect(await program.ended).toBe(0);
  expect(program.written()).toContain('line 19999');
  expect(program.written()).toMatch(/noisy\s+.*success/);
});
