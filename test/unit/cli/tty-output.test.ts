import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createTtyOutputs } from '../../../src/cli/tty-output.ts';
import { openTtyWriter } from '../../../src/ui/panes/tty-writer.ts';

/** A pipe in the place of a terminal: it takes 64 KiB and then nothing until somebody reads. */
function stuckTerminal() {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-output-'));
  const pipe = path.join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const fd = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
  const outputs = createTtyOutputs(openTtyWriter, () => undefined);
  const output = outputs.of({ isTTY: true, fd });
  if (!output) throw new Error('no way to open it');
  onTestFinished(() => {
    outputs.giveUp();
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });
  const buffer = Buffer.alloc(8 << 20);
  const readAll = async (until: string): Promise<string> => {
    let text = '';
    await vi.waitFor(
      () => {
        text += buffer.toString('utf8', 0, readSync(fd, buffer));
        expect(text.endsWith(until)).toBe(true);
      },
      { timeout: 30_000, interval: 5 },
    );
    return text;
  };
  return { outputs, output, fd, readAll };
}

const LINE = `${'x'.repeat(99)}\n`;

test('lines for a terminal that does not read wait in order, and all of them come when it reads', async () => {
  const { output, readAll } = stuckTerminal();
  const large = output.write(LINE.repeat(5_000));
  const last = output.write('the end\n');
  const text = await readAll('the end\n');
  await Promise.all([large, last]);
  expect(text).toBe(`${LINE.repeat(5_000)}the end\n`);
});

test('what nobody waits for is left out once too much of it waits, and how much is said', async () => {
  const { output, readAll } = stuckTerminal();
  for (let count = 0; count < 20_000; count += 1) void output.write(LINE);
  const text = await readAll('the logs have them\n');
  const shown = text.split(LINE).length - 1;
  expect(shown).toBeGreaterThan(10_000);
  expect(text.slice(shown * LINE.length)).toBe(
    `… ${20_000 - shown} lines were not shown: this terminal did not read; the logs have them\n`,
  );
});

test('given up, it keeps nobody waiting and takes nothing more', async () => {
  const { outputs, output } = stuckTerminal();
  const first = output.write(LINE.repeat(5_000));
  const second = output.write(LINE);
  outputs.giveUp();
  expect(await Promise.all([first, second, output.write(LINE)])).toHaveLength(3);
});

test('two streams on one terminal are one output; what is no terminal has none', () => {
  const { outputs, output, fd } = stuckTerminal();
  expect(outputs.of({ isTTY: true, fd })).toBe(output);
  expect(outputs.of({ isTTY: false, fd })).toBeUndefined();
});
