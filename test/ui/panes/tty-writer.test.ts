import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type FrameWriter, openTtyWriter } from '../../../src/ui/panes/tty-writer.ts';

/** A pipe in the place of the terminal: it takes 64 KiB and then nothing until somebody reads. */
function stuckTerminal(): { readonly writer: FrameWriter; readonly read: () => number } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-tty-'));
  const pipe = path.join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const fd = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
  const writer = openTtyWriter(fd);
  if (!writer) throw new Error('no way to open it');
  onTestFinished(() => {
    writer.close();
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });
  const buffer = Buffer.alloc(1024 * 1024);
  return { writer, read: () => readSync(fd, buffer) };
}

test('a frame that fits is written at once', () => {
  const { writer, read } = stuckTerminal();
  const done = vi.fn<() => void>();
  writer.write(Buffer.from('frame'), done);
  expect(done).toHaveBeenCalledOnce();
  expect(writer.isBusy).toBe(false);
  expect(read()).toBe(5);
});

test('a terminal that takes nothing keeps nobody waiting, and gets the rest when it reads', async () => {
  const { writer, read } = stuckTerminal();
  const done = vi.fn<() => void>();
  const began = performance.now();
  writer.write(Buffer.alloc(200_000, 'x'), done);
  // Otherwise it would wait for ever: nobody reads.
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(writer.isBusy).toBe(true);
  let got = 0;
  await expect.poll(() => (got += read())).toBe(200_000);
  await expect.poll(() => done.mock.calls).toHaveLength(1);
  expect(writer.isBusy).toBe(false);
});

test('leaving waits a bounded time, and says whether all went out', () => {
  const { writer, read } = stuckTerminal();
  expect(writer.finish(Buffer.from('bye'), 1000)).toBe(true);
  expect(read()).toBe(3);
  writer.write(Buffer.alloc(200_000, 'x'), () => {});
  const began = performance.now();
  expect(writer.finish(Buffer.from('bye'), 50)).toBe(false);
  expect(performance.now() - began).toBeLessThan(10_000);
});
