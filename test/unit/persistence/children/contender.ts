// Tries to open each run it is told of, and keeps what it gets: node contender.ts <state>
import { clock, identity } from './child-support.ts';
import { createRunStore } from '../../../../src/persistence/run-store.ts';

const [, , stateDir = ''] = process.argv;
const store = createRunStore({ stateDir, identity, clock });
process.on('message', (runId) => {
  void contend(String(runId));
});
process.send?.('ready');

async function contend(runId: string): Promise<void> {
  const handle = await store.open(runId);
  process.send?.(handle.ok ? 'got it' : handle.failure.reason);
}
