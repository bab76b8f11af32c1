import { execFileSync } from 'node:child_process';
import path from 'node:path';

/** Builds `dist/` once, before the tests that start the program. */
export function setup(): void {
  const root = path.resolve(import.meta.dirname, '../..');
  const rolldown = path.join(root, 'node_modules/.bin/rolldown');
  execFileSync(rolldown, ['-c', '.rolldown.config.js', '--log-level', 'warn'], {
    cwd: root,
    stdio: 'inherit',
  });
}
