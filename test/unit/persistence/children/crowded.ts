// Reads the registry of releases when this process can open no more files, and again when it can: node crowded.ts <state>
import fs from 'node:fs';
import { createReleaseStore } from '../../../../src/persistence/release-store.ts';

const [, , stateDir = ''] = process.argv;
const releases = createReleaseStore({ stateDir });
const held: number[] = [];
try {
  for (;;) held.push(fs.openSync('/dev/null', 'r'));
} catch {
  // Full.
}
const crowded = await releases.read('prod', 'web');
for (const fd of held) fs.closeSync(fd);
const later = await releases.read('prod', 'web');
fs.writeSync(1, JSON.stringify({ crowded, later }));
