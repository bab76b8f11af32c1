// Owns a run and appends to it until it is killed: node owner.ts <state> <run> <create|open> [batch]
import { clock, identity } from './child-support.ts';
import { createRunStore } from '../../../../src/persistence/run-store.ts';

const [, , stateDir = '', runId = '', how = '', batch = '1'] = process.argv;
const store = createRunStore({ stateDir, identity, clock });
const handle = how === 'create' ? await store.create(runId) : await store.open(runId);
if (!handle.ok) throw new Error(JSON.stringify(handle.failure));
const { journal, events } = handle.value;
let next = events.length;
process.send?.({ ready: next });

async function produce(): Promise<void> {
  for (;;) {
    const seq = next;
    next += 1;
    await journal.append([
      { type: 'cancel.requested', seq, at: clock.now(), run_id: runId, by: 'x'.repeat(seq % 300) },
    ]);
    process.send?.({ acknowledged: seq });
  }
}

await Promise.all(Array.from({ length: Number(batch) }, produce));
