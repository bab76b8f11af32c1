import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { shellQuote } from '../core/shell-quote.ts';
import type { StepDefinition } from '../core/definition.ts';
import type { Failure } from '../core/failure.ts';
import type { StreamRecord } from '../core/stream-report.ts';
import { textOf } from './bind-graph.ts';
import type { GraphNode } from './graph.ts';
import { temporaryName } from './pump/file-target.ts';
import type { PumpFailure, PumpNode, PumpResult, PumpSpec } from './pump-spec.ts';

/** The program that runs a graph: beside this module, built or as source. */
const PUMP_FILE = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './pump.ts' : './pump.js', import.meta.url),
);

/** Where one graph of a stage leaves what it has to say. */
export interface GroupPlace {
  /** `artifacts/<stage>` of the run, absolute. */
  readonly folder: string;
  readonly stage: string;
  readonly attempt: number;
  /** From 0. */
  readonly index: number;
  readonly pipeline: string;
  readonly runId: string;
  readonly before: readonly StreamRecord[];
}

/** Writes the pump's orders. Written again after a crash they are the same. */
export function writeSpec(place: GroupPlace, nodes: readonly PumpNode[]): PumpSpec {
  const own = path.join(place.folder, `.graph-${place.index + 1}@${place.attempt}`);
  const spec: PumpSpec = {
    stage: place.stage,
    pipeline: place.pipeline,
    operation_id: `${place.runId}-str`,
    before: place.before,
    files: {
      result: `${own}.result.json`,
      streams: path.join(place.folder, 'streams.json'),
      progress: path.join(place.folder, 'progress.json'),
    },
    nodes,
  };
  mkdirSync(place.folder, { recursive: true, mode: 0o700 });
  writeFileSync(specFileOf(spec), JSON.stringify(spec), { mode: 0o600 });
  return spec;
}

function specFileOf({ files }: PumpSpec): string {
  return files.result.replace(/\.result\.json$/, '.json');
}

/** The command that runs a graph, as a step: shown as the pipe that it is. */
export function pumpStep(name: string, nodes: readonly GraphNode[], spec: PumpSpec): StepDefinition {
  const [node, pump, file] = [process.execPath, PUMP_FILE, specFileOf(spec)].map(shellQuote);
  const script = `[ -r ${file} ] || { echo 'pipewright: a stream stage runs on this machine only; for another one use ssh or kubectl exec in its commands' >&2; exit 126; }
if [ -n "\${NODE_OPTIONS+set}" ]; then export PW_NODE_OPTIONS="$NODE_OPTIONS"; unset NODE_OPTIONS; fi
exec ${node} ${pump} ${file}`;
  return { name, command: { text: pictureOf(nodes), script, values: [] }, env: {} };
}

/** `tar cf - {{.source}} | tee (checksum, progress, gzip -9 | cat)`. */
function pictureOf(nodes: readonly GraphNode[]): string {
  const readersOf = (id: number): readonly GraphNode[] => nodes.filter(({ from }) => from === id);
  const draw = (node: GraphNode): string => {
    const readers = readersOf(node.id).map(draw);
    if (node.step.uses === 'tee') return `tee (${readers.join(', ')})`;
    return [textOf(node.step), ...readers].join(' | ');
  };
  return nodes
    .filter(({ from }) => from === undefined)
    .map(draw)
    .join('; ');
}

/** What the pump said at its end; undefined when it could not. */
export function readResult({ files }: PumpSpec): PumpResult | undefined {
  try {
    const result: PumpResult = JSON.parse(readFileSync(files.result, 'utf8'));
    return result;
  } catch {
    return undefined;
  }
}

/** After a pump that was killed: it could not remove its unfinished files itself. */
export function removeUnfinished({ nodes, operation_id: token }: PumpSpec): void {
  for (const { work, output } of nodes) {
    const file = work.kind === 'file' ? work.path : output.to === 'file' ? output.path : undefined;
    try {
      if (file !== undefined) rmSync(temporaryName(file, token), { force: true });
    } catch {
      // Its folder is not there or is none: then the file is not there either.
    }
  }
}

/** A failure of the graph in the engine's words. */
export function failureOf(failure: PumpFailure): Failure {
  const { node: step, tail = [], message: what, kind, signal } = failure;
  if (kind === 'exit' && !what.includes('disk')) return exitOf(failure);
  if (kind === 'signal' && signal !== undefined) return { reason: 'signal', signal, step, tail };
  // Trying again may heal what a full disk or a cut transfer did; a wrong name it does not.
  const retryable = ['exit', 'checksum', 'data'].includes(kind);
  const message = [`${step}: ${what}`, ...(tail.length === 0 ? [] : [tail.join('\n')])].join(': ');
  return { reason: 'reported', message, retryable };
}

function exitOf({ node: step, exit_code: exitCode = 1, tail = [] }: PumpFailure): Failure {
  if (exitCode === 127) return { reason: 'command-not-found', step, tail };
  if (exitCode === 126) return { reason: 'command-not-executable', step, tail };
  return { reason: 'exit-non-zero', exit_code: exitCode, step, tail };
}
