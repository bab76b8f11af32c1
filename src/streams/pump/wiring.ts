import { closeSync } from 'node:fs';
import { isCommand, isKernelEdge, type NodeRun, readerOf, writerOf } from './node-run.ts';
import { makePipes, type Pipe } from './pipes.ts';

/** Pipes of commands beside those that carry the streams. */
export interface SidePipes {
  readonly errors: Map<NodeRun, Pipe>;
  /** Where the system's count of written bytes arrives. */
  readonly meters: Map<NodeRun, Pipe>;
}

/** All pipes of the graph, made at once. Throws the obstacle. */
export async function handOutPipes(
  commands: readonly NodeRun[],
  { errors, meters }: SidePipes,
  isMetered: boolean,
): Promise<void> {
  const wanted = commands.flatMap((run) => {
    const takers: ((pipe: Pipe) => void)[] = [(pipe) => void errors.set(run, pipe)];
    if (run.upstream) takers.push((pipe) => giveInput(run, pipe));
    if (needsOutputPipe(run)) takers.push((pipe) => void (run.outputPipe = pipe));
    if (isMetered && isKernelEdge(run, readerOf(run))) takers.push((pipe) => void meters.set(run, pipe));
    return takers;
  });
  const pipes = await makePipes(wanted.length);
  for (const [index, take] of wanted.entries()) {
    const pipe = pipes[index];
    if (pipe) take(pipe);
  }
}

/** To another command the reader's input pipe is also the output. */
function giveInput(run: NodeRun, pipe: Pipe): void {
  run.input = pipe;
  const writer = writerOf(run);
  if (writer && isCommand(writer)) writer.outputPipe = pipe;
}

function needsOutputPipe(run: NodeRun): boolean {
  const reader = readerOf(run);
  return reader ? !isCommand(reader) : run.node.output.to === 'variable';
}

/** The ends that children have copies of now; while we held them no pipe would ever end. */
export function closeChildEnds(run: NodeRun, { errors, meters }: SidePipes): void {
  const ends = [
    errors.get(run)?.writeFd,
    meters.get(run)?.writeFd,
    run.input?.readFd,
    run.outputPipe?.writeFd,
  ];
  for (const fd of ends) if (fd !== undefined) closeSync(fd);
}
