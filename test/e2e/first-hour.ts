import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseSize } from '../../src/core/quantities.ts';
import { backUpAndRestore } from './hour/backup.ts';
import { checkOut } from './hour/checkout.ts';
import { deployAndBreak } from './hour/demo.ts';
import { installPacked } from './hour/packed.ts';
import { deployOverSsh, deployWithDocker } from './hour/remote.ts';
import { type Hour, startHour } from './hour/hour.ts';

const SHORT_BYTES = 16e6;
const LONG_BYTES = 5e9;

const args = process.argv.slice(2);
const isLong = args.includes('--long');
const sizeBytes = sizeOf(args) ?? (isLong ? LONG_BYTES : SHORT_BYTES);
const folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-first-hour-'));

try {
  const hour = startHour(folder);
  const program = await installPacked(hour);
  await checkOut(hour, program);
  await deployAndBreak(hour, program);
  if (isLong) {
    await deployOverSsh(hour, program);
    await deployWithDocker(hour, program);
  }
  await backUpAndRestore(hour, program, sizeBytes);
  say(hour);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  if (args.includes('--keep')) process.stdout.write(`kept: ${folder}\n`);
  else rmSync(folder, { recursive: true, force: true });
}

function sizeOf(words: readonly string[]): number | undefined {
  const at = words.indexOf('--size');
  return at === -1 ? undefined : parseSize(words[at + 1] ?? '');
}

function say({ facts }: Hour): void {
  const width = Math.max(...facts.map(({ name }) => name.length));
  for (const { name, text } of facts) process.stdout.write(`${name.padEnd(width)}  ${text}\n`);
}
