import path from 'node:path';
import type { Command, CommandOutput } from '../../core/ports.ts';
import type { QueueLink } from '../../core/queue/link.ts';
import { type StepJob, stepKey } from '../../core/queue/messages.ts';

interface Sending {
  readonly runId: string;
  /** Where its commands would run here, absolute. */
  readonly project: string;
  readonly hiddenVariables?: readonly string[] | undefined;
  readonly link: QueueLink;
  readonly command: Command;
  readonly output: CommandOutput;
  /** From 1: again because it never ran where it was sent before. */
  readonly send: number;
  readonly op: StepJob['op'];
  readonly commit: string | undefined;
}

/** All that a worker needs to carry a step out; what lies in the project travels as a path from there. */
export function jobOf({
  runId,
  project,
  hiddenVariables = [],
  link,
  command,
  output,
  ...how
}: Sending): StepJob {
  const { token, script, env, workdir, orphan, limits } = command;
  const { send, op, commit } = how;
  const now = link.clock.nowMs();
  const below = path.relative(project, workdir);
  const isInside = below !== '..' && !below.startsWith('../') && !path.isAbsolute(below);
  return {
    version: 1,
    id: stepKey(runId, token, send),
    op,
    run_id: runId,
    token,
    send,
    tree: link.tree,
    ...(commit !== undefined && commit !== '' && { commit }),
    script,
    env,
    workdir: isInside ? below : workdir,
    secrets: [...output.secrets],
    ...(output.capture && { capture_bytes: output.capture.limitBytes }),
    ...limits,
    ...(orphan.policy === 'kill' && { finish_ms: orphan.finish_ms }),
    hidden: [...hiddenVariables],
    issued_at_ms: now,
    expires_at_ms: now + link.timing.expiresMs,
  };
}
