import { execFileSync } from 'node:child_process';
import path from 'node:path';

/** Builds `dist/` once, before the tests that start the program. */
export function setup(): void {
  const root = path.resolve(import.meta.dirname, '../..');
  const tsc = path.join(root, 'node_modules/.bin/tsc');
  execFileSync(tsc, ['-p', 'src'], { cwd: root, stdio: 'inherit' });
}
