import path from 'node:path';
import type { Command, CommandOutput } from '../../core/ports.ts';
import type { StepJob } from '../../core/queue/messages.ts';

/** The step as this machine's executor runs it, in `tree`. */
export function commandOf(step: StepJob, tree: string, folder: string): Command {
  const { memory_bytes, cpus, finish_ms } = step;
  const places = {
    ...(step.env['PIPEWRIGHT_PROJECT'] !== undefined && { PIPEWRIGHT_PROJECT: tree }),
    // That of the producer is not on this machine.
    ...(step.env['PIPEWRIGHT_ARTIFACTS'] !== undefined &&
      step.tree === 'commit' && { PIPEWRIGHT_ARTIFACTS: path.join(folder, 'artifacts') }),
  };
  return {
    script: step.script,
    env: { ...step.env, ...places },
    workdir: path.resolve(tree, step.workdir),
    token: step.send === 1 ? step.token : `${step.token}.${step.send}`,
    orphan: finish_ms === undefined ? { policy: 'keep' } : { policy: 'kill', finish_ms },
    ...((memory_bytes !== undefined || cpus !== undefined) && {
      limits: { ...(memory_bytes !== undefined && { memory_bytes }), ...(cpus !== undefined && { cpus }) },
    }),
  };
}

/** Masked before any of it leaves this machine. */
export function outputOf({ secrets, capture_bytes }: StepJob, logFile: string): CommandOutput {
  return {
    logFile,
    secrets,
    ...(capture_bytes !== undefined && { capture: { limitBytes: capture_bytes } }),
  };
}
