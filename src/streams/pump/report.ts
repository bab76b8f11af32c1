import type {
  BranchRecord,
  StepProgress,
  StreamFile,
  StreamProgress,
  StreamRecord,
} from '../../core/stream-report.ts';
import { isKernelEdge, type NodeRun, subtree } from './node-run.ts';

/** Spec 5's `streams`: each connection in the order of the steps, each tee with its branches. */
export function streamRecords(
  runs: readonly NodeRun[],
  startedMs: number,
  before: readonly StreamRecord[],
): readonly StreamRecord[] {
  const records: StreamRecord[] = [...before];
  const add = (record: Omit<StreamRecord, 'id'>): void => {
    records.push({ id: `str-${String(records.length + 1).padStart(3, '0')}`, ...record });
  };
  for (const run of runs) {
    const { upstream, node } = run;
    if (upstream && node.branch === undefined) add(pipeRecord(upstream, run, startedMs));
    if (node.work.kind === 'tee') add(teeRecord(run, startedMs));
    else if (!upstream && run.readers.length === 0 && run.fileBytes !== undefined)
      add(sourceRecord(run, startedMs));
  }
  return records;
}

/** A step alone, straight into a file. */
function sourceRecord(run: NodeRun, startedMs: number): Omit<StreamRecord, 'id'> {
  const bytes = run.fileBytes;
  return {
    type: 'pipe',
    from: run.node.name,
    to: run.file?.path ?? '',
    ...(bytes !== undefined && { bytes_transferred: bytes }),
    duration_ms: durationOf(run, startedMs),
    ...outcomeOf(run),
  };
}

function pipeRecord(from: NodeRun, to: NodeRun, startedMs: number): Omit<StreamRecord, 'id'> {
  const counter = [from, to].find(({ isBypassed }) => isBypassed);
  const isKernel = counter !== undefined || isKernelEdge(from, to);
  const bytes = counter ? counter.bytesIn : isKernel ? from.command?.wroteBytes : to.bytesIn;
  return {
    type: 'pipe',
    from: from.node.name,
    to: to.node.name,
    ...(bytes !== undefined && {
      bytes_transferred: bytes,
      metering: isKernel ? ('kernel' as const) : ('pump' as const),
    }),
    duration_ms: durationOf(to, startedMs),
    ...outcomeOf(to),
  };
}

function teeRecord(tee: NodeRun, startedMs: number): Omit<StreamRecord, 'id'> {
  return {
    type: 'tee',
    from: tee.node.name,
    bytes_transferred: tee.bytesIn,
    metering: 'pump',
    duration_ms: durationOf(tee, startedMs),
    branches: tee.readers.map(branchRecord),
  };
}

function branchRecord(branch: NodeRun): BranchRecord {
  const all = chainOf(branch);
  const failed = all.find(({ failure }) => failure);
  const withFile = all.find(({ file }) => file);
  const exitCode = failed?.exitCode ?? all.findLast((run) => run.exitCode !== undefined)?.exitCode;
  return {
    name: branch.node.branch ?? branch.node.name,
    status: failed ? 'failed' : branch.isStopped ? 'stopped' : branch.status,
    bytes_transferred: branch.bytesIn,
    ...(branch.endedEarly && { ended_early: true }),
    ...outcomeOf(branch),
    ...(withFile && fileOf(withFile)),
    ...(exitCode !== undefined && { exit_code: exitCode }),
    ...(failed?.failure && { failure: failed.failure.message }),
  };
}

/** The steps of a branch up to a tee in it. */
function chainOf(branch: NodeRun): readonly NodeRun[] {
  const [next] = branch.readers;
  return branch.node.work.kind === 'tee' || !next ? [branch] : [branch, ...chainOf(next)];
}

function outcomeOf(run: NodeRun): Partial<StreamRecord> {
  return {
    ...(run.result !== undefined && { result: run.result }),
    ...(run.meter && { metrics: run.meter.metrics(run.endedMs ?? performance.now()) }),
    ...(run.node.branch === undefined && fileOf(run)),
  };
}

function fileOf(run: NodeRun): { readonly file?: StreamFile } {
  if (!run.file || run.status !== 'passed' || run.fileBytes === undefined) return {};
  const verified = run.isVerified === undefined ? {} : { verified: run.isVerified };
  return { file: { path: run.file.path, bytes: run.fileBytes, ...verified } };
}

function durationOf(run: NodeRun, startedMs: number): number {
  return Math.round((run.endedMs ?? performance.now()) - startedMs);
}

/** What is shown while it runs. */
export function progressOf(stage: string, runs: readonly NodeRun[], startedMs: number): StreamProgress {
  return {
    stage,
    elapsed_ms: Math.round(performance.now() - startedMs),
    // Steps inside branches belong to their branch.
    steps: runs.filter((run) => isTop(run)).map(stepProgress),
  };
}

function isTop(run: NodeRun): boolean {
  for (let at: NodeRun | undefined = run; at; at = at.upstream)
    if (at.node.branch !== undefined) return false;
  return true;
}

function stepProgress(run: NodeRun): StepProgress {
  const { node, meter, size, result } = run;
  const bytes = node.work.kind === 'command' && !run.pipeSink ? undefined : run.bytesIn;
  return {
    name: node.branch ?? node.name,
    what: node.text,
    kind: node.work.kind,
    status: statusOf(run),
    ...(bytes !== undefined && { bytes }),
    ...(size !== undefined && { size }),
    ...(meter && {
      bytes_per_second: meter.rate,
      peak_bytes_per_second: meter.peak,
      ...etaOf(meter.bytes, meter.rate, size),
    }),
    ...(result !== undefined && { result }),
    ...(node.work.kind === 'tee' && { branches: run.readers.map(stepProgress) }),
  };
}

/** A branch ends when all of its steps have. */
function statusOf(run: NodeRun): StepProgress['status'] {
  const all = run.node.branch === undefined ? [run] : subtree(run);
  if (all.some(({ failure }) => failure)) return 'failed';
  if (run.isStopped) return 'stopped';
  return all.every(({ endedMs }) => endedMs !== undefined) ? 'passed' : 'running';
}

function etaOf(bytes: number, rate: number, size: number | undefined): { readonly eta_ms?: number } {
  if (size === undefined || rate <= 0 || bytes > size) return {};
  return { eta_ms: Math.round(((size - bytes) / rate) * 1000) };
}
