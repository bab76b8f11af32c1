import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import type { StreamOperation } from '../core/stream-report.ts';
import { words } from './pump/problems.ts';
import { GraphRun } from './pump/graph-run.ts';
import { progressOf, streamRecords } from './pump/report.ts';
import type { PumpResult, PumpSpec } from './pump-spec.ts';

/**
 * The process that runs one graph of a stream stage: `node pump.js <spec file>`. It is a child of the
 * executor like any command, so it outlives Pipewright and is cancelled with its group.
 * Exits with 0, the failed command's code, 1, or 128 + the signal that ended it.
 */

const PROGRESS_MS = 200;
const SIGNALS = { SIGTERM: 143, SIGINT: 130, SIGHUP: 129, SIGQUIT: 131 } as const;

// The work is system calls: optimised code makes none of it faster (measured) and costs 7 MB of memory.
setFlagsFromString('--no-opt');

const [, , specFile = ''] = process.argv;
const spec: PumpSpec = JSON.parse(readFileSync(specFile, 'utf8'));
process.exit(await main());

async function main(): Promise<number> {
  const startedMs = performance.now();
  for (const file of Object.values(spec.files)) rmSync(file, { force: true });
  const graph = new GraphRun(spec, commandEnvironment());
  let signalCode: number | undefined;
  for (const [signal, code] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      signalCode ??= code;
      graph.cancel(signal);
    });
  }
  const tell = (): void => {
    graph.sample();
    writeWhole(spec.files.progress, progressOf(spec.stage, graph.nodes, startedMs), false);
  };
  const ticker = setInterval(tell, PROGRESS_MS);
  const ended = await graph.run();
  clearInterval(ticker);
  tell();
  const streams = streamRecords(graph.nodes, startedMs, spec.before);
  const result: PumpResult = { streams, ...ended, usage: ownUsage() };
  const { operation_id: id, pipeline } = spec;
  const operation: StreamOperation = { id, type: 'pipeline-stream', pipeline, streams };
  writeWhole(spec.files.streams, operation, true);
  const isWritten = writeWhole(spec.files.result, result, true);
  if (signalCode !== undefined) return signalCode;
  if (ended.failure?.kind === 'cancelled') return SIGNALS.SIGTERM;
  if (!ended.failure) return isWritten ? 0 : 1;
  say(`${ended.failure.node}: ${ended.failure.message}`);
  return ended.failure.exit_code ?? 1;
}

function ownUsage(): PumpResult['usage'] {
  const { userCPUTime: userUs, systemCPUTime: systemUs, maxRSS: peakKib } = process.resourceUsage();
  return { cpu_ms: Math.round((userUs + systemUs) / 1000), peak_memory_bytes: peakKib * 1024 };
}

/** The commands see the NODE_OPTIONS of their author; this process must not. */
function commandEnvironment(): Record<string, string | undefined> {
  const { PW_NODE_OPTIONS: options, ...environment } = process.env;
  return options === undefined ? environment : { ...environment, NODE_OPTIONS: options };
}

/** A reader sees the old text or the new, never half of one. */
function writeWhole(file: string, value: unknown, isDurable: boolean): boolean {
  const temporary = `${file}.tmp`;
  try {
    const fd = openSync(temporary, 'w', 0o600);
    try {
      writeSync(fd, `${JSON.stringify(value, undefined, 2)}\n`);
      if (isDurable) fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, file);
    return true;
  } catch (error) {
    if (isDurable) say(`cannot write ${file}: ${words(error)}`);
    return false;
  }
}

function say(text: string): void {
  try {
    writeSync(2, `${text}\n`);
  } catch {
    // Nobody reads the log any more.
  }
}
