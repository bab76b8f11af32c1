import process from 'node:process';
import { afterEach, beforeEach } from 'vitest';
import { whatRan } from './cli.ts';

/** Of an exit code alone nobody can say why: a test that fails shows what its programs said. */
const MOST_CHARACTERS = 4_000;

beforeEach(() => void whatRan());

afterEach(({ task }) => {
  if (task.result?.state !== 'fail') return;
  for (const text of whatRan()) {
    const shown = text.length > MOST_CHARACTERS ? `… ${text.slice(-MOST_CHARACTERS)}` : text;
    process.stderr.write(`\n${task.name}: ${shown}\n`);
  }
});
