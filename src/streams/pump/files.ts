import type { PumpFailure } from '../pump-spec.ts';
import type { NodeRun } from './node-run.ts';
import { fileFailure } from './problems.ts';

/**
 * First all files to the disk and compared, then all names, so that a file that cannot be finished
 * keeps every other one from appearing too. Files of what failed or was stopped are removed.
 */
export async function publishFiles(
  runs: readonly NodeRun[],
  failure: () => PumpFailure | undefined,
  fail: (run: NodeRun, failure: PumpFailure) => void,
): Promise<void> {
  for (const run of runs) {
    if (failure() || isLost(run)) continue;
    const problem = await settle(run);
    if (problem) fail(run, problem);
  }
  const kept = failure() ? [] : runs.filter((run) => !isLost(run));
  for (const run of kept) {
    const problem = publish(run);
    if (problem) fail(run, problem);
  }
  for (const { file } of runs) file?.discard();
  for (const { file } of kept) await file?.settleFolder().catch(() => undefined);
}

function publish(run: NodeRun): PumpFailure | undefined {
  const { file, node } = run;
  if (!file) return undefined;
  try {
    run.fileBytes = file.bytes;
    file.publish();
    return undefined;
  } catch (error) {
    return fileFailure(node, file.path, error);
  }
}

function isLost(run: NodeRun): boolean {
  return run.isStopped || run.failure !== undefined;
}

async function settle(run: NodeRun): Promise<PumpFailure | undefined> {
  const { file, node, fileSink } = run;
  if (!file) return undefined;
  try {
    await file.settle();
    const verifies = node.work.kind === 'file' && node.work.verify && fileSink;
    if (!verifies) return undefined;
    const difference = await file.difference(fileSink.written);
    run.isVerified = difference === undefined;
    if (difference === undefined) return undefined;
    return { node: node.name, kind: 'file', message: `${file.path} ${difference}` };
  } catch (error) {
    return fileFailure(node, file.path, error);
  }
}
