import { createExecutors } from '../../src/executors/index.ts';
import { executorContract } from './executor.contract.ts';

executorContract('local', async (run) => {
  const opened = await createExecutors(run).open('local');
  if (!opened.ok) throw new Error(opened.failure.reason);
  return opened.value;
});
