import { failed, type Result } from '../core/failure.ts';
import type { StagePorts } from '../core/stage-ports.ts';

/** What `-c` asks for to full ids, oldest first. Fails with `invalid`. */
export async function resolveCommits(
  request: string,
  project: string,
  open: StagePorts['vcs'],
): Promise<Result<readonly string[]>> {
  const vcs = await open(project);
  const commits = vcs.ok ? await vcs.value.resolve(request) : vcs;
  if (commits.ok || commits.failure.reason !== 'invalid') return commits;
  const { message } = commits.failure;
  return failed({
    ...commits.failure,
    message: message.startsWith(request) ? `-c ${message}` : `-c: ${message}`,
  });
}
