import type { CodecKind, PumpFailure, Work } from '../pump-spec.ts';
import { unreachable } from '../../core/unreachable.ts';
import { createDigest, expectedHex, sumLine } from './checksum.ts';
import { FanOut, Flow, type Sink, Tap } from './flow.ts';
import { Meter } from './meter.ts';
import { isCommand, type NodeRun } from './node-run.ts';
import { PipeSink } from './pipe-sink.ts';
import { fileFailure } from './problems.ts';
import { CodecSink, FdSink, TextSink, writeAll } from './sinks.ts';

/** What the parts of a graph tell the whole. */
export interface BuildContext {
  readonly nowMs: () => number;
  readonly fail: (run: NodeRun, failure: PumpFailure) => void;
  readonly setVariable: (name: string, text: string) => void;
  /** Of a flow that no tee governs. */
  readonly lagBytes: number;
}

/** The sink that stands for a node: a pipe to its command, or its work in this process. */
export function sinkOf(run: NodeRun, flow: Flow, context: BuildContext): Sink {
  const sink = isCommand(run) ? commandSink(run, flow) : ownSink(run, flow, context);
  run.sink = sink;
  return sink;
}

function commandSink(run: NodeRun, flow: Flow): Sink {
  const fd = run.input?.writeFd;
  if (fd === undefined) throw new Error(`${run.node.name} has no input`);
  const sink = new PipeSink({
    fd,
    flow,
    wrote: (bytes) => void (run.bytesIn += bytes),
    broke: () => void (run.endedEarly = true),
  });
  run.pipeSink = sink;
  return sink;
}

function ownSink(run: NodeRun, flow: Flow, context: BuildContext): Sink {
  const { work } = run.node;
  switch (work.kind) {
    case 'tee':
      return counted(run, context, new FanOut(run.readers.map((reader) => sinkOf(reader, flow, context))));
    case 'file':
      return counted(run, context, fileSink(run, flow, context));
    case 'null':
      return tap(run, context, { see: () => undefined, next: nextSink(run, flow, context) });
    case 'progress':
      return progressTap(run, flow, context);
    case 'count':
      return countTap(run, flow, context);
    case 'checksum':
      return checksumTap(run, flow, context);
    case 'command':
      throw new Error('a command is no sink of ours');
    default:
      return codecSink(run, work, { flow, context });
  }
}

/** Counts what goes into `next`. */
export function counted(run: NodeRun, context: BuildContext, next: Sink): Sink {
  return tap(run, context, { see: () => undefined, next });
}

interface TapOptions {
  readonly see: (bytes: Buffer) => void;
  readonly next?: Sink | undefined;
  /** Its result, where the stream ended well. */
  readonly finish?: () => void;
}

function tap(run: NodeRun, context: BuildContext, { see, next, finish }: TapOptions): Sink {
  return new Tap(
    (bytes) => {
      run.bytesIn += bytes.length;
      see(bytes);
    },
    (well) => {
      run.endedMs = context.nowMs();
      run.meter?.end(run.endedMs);
      if (well && !run.isStopped) finish?.();
      run.ended.resolve(well && !run.isStopped);
    },
    next,
  );
}

/** Who reads what passes through it, if anyone. */
function nextSink(run: NodeRun, flow: Flow, context: BuildContext): Sink | undefined {
  const [reader] = run.readers;
  return run.node.output.to === 'stream' && reader ? sinkOf(reader, flow, context) : undefined;
}

function progressTap(run: NodeRun, flow: Flow, context: BuildContext): Sink {
  const meter = new Meter(context.nowMs());
  run.meter = meter;
  return tap(run, context, {
    see: (bytes) => void (meter.bytes += bytes.length),
    next: nextSink(run, flow, context),
  });
}

function countTap(run: NodeRun, flow: Flow, context: BuildContext): Sink {
  let lines = 0;
  return tap(run, context, {
    see: (bytes) => {
      for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) lines += 1;
    },
    next: nextSink(run, flow, context),
    finish: () => giveResult(run, String(lines), context),
  });
}

function checksumTap(run: NodeRun, flow: Flow, context: BuildContext): Sink {
  const { work } = run.node;
  if (work.kind !== 'checksum') throw new Error('no checksum');
  const digest = createDigest(work.algorithm);
  return tap(run, context, {
    see: digest.update,
    next: nextSink(run, flow, context),
    finish: () => {
      const hex = digest.hex();
      const expected = work.expect === undefined ? undefined : expectedHex(work.expect);
      if (expected === undefined || expected === hex) return giveResult(run, hex, context);
      run.result = hex;
      const message = `${work.algorithm} is ${hex}, expected ${expected}: these are not the expected data`;
      context.fail(run, { node: run.node.name, kind: 'checksum', message });
    },
  });
}

/** To where the node's output goes; into a file as `sha256sum` and `wc -l` would write it. */
function giveResult(run: NodeRun, text: string, context: BuildContext): void {
  run.result = text;
  const { output, work, name } = run.node;
  if (output.to === 'variable') return context.setVariable(output.name, text);
  if (output.to === 'stream') return;
  const what = work.kind === 'checksum' ? work.algorithm : 'lines';
  const fd = { file: run.file?.fd, log: 1, stderr: 2 }[output.to] ?? 1;
  const inFile = work.kind === 'checksum' ? sumLine(text, work.algorithm, run.file?.path) : `${text}\n`;
  try {
    writeAll(fd, Buffer.from(output.to === 'file' ? inFile : `${name}: ${what} ${text}\n`));
  } catch (error) {
    context.fail(run, fileFailure(run.node, run.file?.path ?? 'the log', error));
  }
}

function fileSink(run: NodeRun, flow: Flow, context: BuildContext): FdSink {
  const { file } = run;
  if (!file) throw new Error(`${run.node.name} has no file`);
  const sink = new FdSink({
    fd: file.fd,
    flow,
    failed: (error) => context.fail(run, fileFailure(run.node, file.path, error)),
  });
  run.fileSink = sink;
  return sink;
}

function codecSink(
  run: NodeRun,
  work: Extract<Work, { readonly kind: CodecKind }>,
  { flow, context }: { readonly flow: Flow; readonly context: BuildContext },
): Sink {
  const out = new Flow(flow.lagBytes);
  const codec = new CodecSink({
    kind: work.kind,
    level: work.level,
    flow,
    out,
    next: outputSink(run, out, context),
    ended: (problem) => {
      run.endedMs = context.nowMs();
      if (problem !== undefined) {
        const message = `${work.kind} cannot read its input: ${problem}`;
        context.fail(run, { node: run.node.name, kind: 'data', message });
      }
      run.ended.resolve(problem === undefined && !run.isStopped);
    },
  });
  // Counts only: the codec says itself when it has ended.
  return new Tap(
    (bytes) => void (run.bytesIn += bytes.length),
    () => undefined,
    codec,
  );
}

/** Where the bytes that a node of ours produces go. */
export function outputSink(run: NodeRun, flow: Flow, context: BuildContext): Sink {
  const { output } = run.node;
  switch (output.to) {
    case 'stream': {
      const next = nextSink(run, flow, context);
      if (!next) throw new Error(`nobody reads ${run.node.name}`);
      return next;
    }
    case 'file':
      return fileSink(run, flow, context);
    case 'variable':
      return new TextSink(
        flow,
        (text) => context.setVariable(output.name, text),
        (limitBytes) => {
          const message = `printed more than the ${limitBytes} bytes that a variable holds`;
          context.fail(run, { node: run.node.name, kind: 'limit', message });
        },
      );
    case 'log':
    case 'stderr':
      return new FdSink({
        fd: output.to === 'log' ? 1 : 2,
        flow,
        failed: (error) => context.fail(run, fileFailure(run.node, 'the log', error)),
      });
    default:
      return unreachable(output);
  }
}
