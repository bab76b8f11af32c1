import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';

const PROCESSES = path.resolve(import.meta.dirname, '../../../src/executors/local/processes.ts');

/** Looks at itself with every descriptor in use that `ulimit -n` allows. */
const CROWDED = `
  const { openSync } = await import('node:fs');
  const { allPids, factsOf } = await import(${JSON.stringify(PROCESSES)});
  let refused = '';
  while (refused === '') {
    try { openSync('/dev/null'); } catch (error) { refused = error.code; }
  }
  const own = [process.pid, process.pid].map((pid) => factsOf(pid)?.pid === pid && allPids().includes(pid));
  process.stdout.write(JSON.stringify({ refused, own }));
`;

test.runIf(process.platform === 'linux')(
  'processes are still seen when no file can be opened any more, also the next time',
  () => {
    const script = 'ulimit -n 64; exec "$0" --no-warnings --input-type=module -e "$1"';
    const said = execFileSync('/bin/sh', ['-c', script, process.execPath, CROWDED], { encoding: 'utf8' });
    expect(JSON.parse(said)).toEqual({ refused: 'EMFILE', own: [true, true] });
  },
);
