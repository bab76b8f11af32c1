import type { Notice } from '../../core/notify.ts';
import type { Tried } from './attempts.ts';

const MAX_BYTES = 64 * 1024;

/** Runs a command of the user's; the text is its input. Its own failure is final: only it knows whether trying again helps. */
export async function runCommand(
  command: string,
  options: {
    readonly notice: Notice;
    readonly title: string;
    readonly text: string;
    readonly env: Readonly<Record<string, string>>;
    readonly folder: string;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
  },
): Promise<Tried> {
  const { execa } = await import('execa');
  const done = await execa('/bin/sh', ['-c', command], {
    cwd: options.folder,
    env: { ...options.env, ...factsOf(options.notice, options.title) },
    extendEnv: false,
    input: options.text,
    stdout: 'ignore',
    timeout: options.timeoutMs,
    cancelSignal: options.signal,
    killSignal: 'SIGKILL',
    killDescendants: true,
    maxBuffer: MAX_BYTES,
    reject: false,
  });
  if (!done.failed) return { ok: true };
  const last = done.stderr.trim().split('\n').at(-1) ?? '';
  const said = last === '' ? '' : `: ${last}`;
  const what = done.timedOut
    ? `its command took longer than ${options.timeoutMs / 1000} s`
    : done.exitCode === undefined
      ? 'its command was ended by a signal'
      : `its command exited with code ${done.exitCode}`;
  return { ok: false, detail: `${what}${said}`, again: false };
}

function factsOf(notice: Notice, title: string): Readonly<Record<string, string>> {
  return {
    PIPEWRIGHT_EVENT: notice.event,
    PIPEWRIGHT_TITLE: title,
    PIPEWRIGHT_PIPELINE: notice.pipeline,
    PIPEWRIGHT_ENVIRONMENT: notice.environment,
    PIPEWRIGHT_RUN_ID: notice.run_id,
    PIPEWRIGHT_STATUS: notice.status,
    PIPEWRIGHT_STAGES: notice.stages.map(({ name }) => name).join(' '),
    PIPEWRIGHT_NOTICE: JSON.stringify(notice),
  };
}
