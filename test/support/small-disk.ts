import { execFileSync } from 'node:child_process';
import process from 'node:process';
import { onTestFinished } from 'vitest';

/** A small file system of its own on `folder`; skips loudly where this user may not mount, except in CI. */
export function mountSmallDisk(folder: string, skip: (note: string) => void, size = '256k'): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder], { stdio: 'pipe' });
  } catch (error) {
    if (process.env['CI']) throw error;
    skip('NOT TESTED: a full disk needs the right to mount a tmpfs');
    return false;
  }
  onTestFinished(() => {
    execFileSync('umount', ['-l', folder]);
  });
  return true;
}
