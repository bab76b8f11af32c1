import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

/** What each folder of src may import: other folders, then npm packages. This table is the architecture. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  core: ['zod'],
  config: ['core', 'yaml', 'zod', '@marcbachmann/cel-js'],
  streams: ['core', 'koffi'],
  vcs: ['core', 'simple-git'],
  testgen: ['core', 'zod', 'write-excel-file'],
  delivery: ['core', 'yaml', 'zod'],
  stages: ['core', 'streams', 'vcs', 'testgen', 'delivery', 'zod'],
  executors: ['core', 'execa', 'ssh2', 'dockerode', 'tar-stream'],
  queue: ['core', 'bullmq', 'ioredis', 'zod'],
  persistence: ['core', 'lowdb', 'pg', 'zod'],
  reporters: ['core'],
  server: ['core', 'zod'],
  system: ['core', 'execa', 'nodemailer'],
  ui: ['core', 'ink', 'ink-select-input', 'ink-spinner', 'react', 'string-width', 'zustand'],
  cli: ['core', 'execa', 'zod'],
};

/** Built-ins that would let core do I/O. */
const IMPURE = /^node:(fs|child_process|net|http|https|os|process|timers)/;

const IMPORT = /^(?:(?:import|export|\}).*?\bfrom |import )'([^']+)'|\bimport\('([^']+)'\)/gm;

test.each(globSync('src/*/**/*.{ts,tsx}'))('%s imports only what its folder may', (file) => {
  const folder = file.split(path.sep)[1] ?? '';
  const owners = [...readFileSync(file, 'utf8').matchAll(IMPORT)].map(([, named, dynamic]) =>
    ownerOf(file, named ?? dynamic ?? ''),
  );
  const forbidden = owners.filter((owner) =>
    owner.startsWith('node:')
      ? folder === 'core' && IMPURE.test(owner)
      : owner !== folder && !MAY_IMPORT[folder]?.includes(owner),
  );
  expect(forbidden).toEqual([]);
});

/** The src folder, npm package or built-in that an import points at. */
function ownerOf(file: string, target: string): string {
  if (target.startsWith('node:')) return target;
  if (!target.startsWith('.')) return packageOf(target);
  return path.relative('src', path.join(path.dirname(file), target)).split(path.sep)[0] ?? '';
}

test.each(globSync('src/{stages,executors}/*.ts', { exclude: ['**/index.ts'] }))(
  '%s is registered',
  (file) => {
    const index = path.join(path.dirname(file), 'index.ts');
    expect(readFileSync(index, 'utf8')).toContain(`'./${path.basename(file)}'`);
  },
);

function packageOf(target: string): string {
  return target
    .split('/')
    .slice(0, target.startsWith('@') ? 2 : 1)
    .join('/');
}
