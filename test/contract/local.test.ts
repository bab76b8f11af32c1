import { createExecutors } from '../../src/executors/index.ts';
import { executorContract } from './executor.contract.ts';

for (const lanes of [true, false]) {
  executorContract(lanes ? 'local' : 'local, a shell for each command,', async (run) => {
    const opened = await createExecutors({ ...run, lanes }).open('local');
    if (!opened.ok) throw new Error(opened.failure.reason);
    return opened.value;
  });
}
