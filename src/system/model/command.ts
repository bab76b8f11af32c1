import { failed } from '../../core/failure.ts';
import { modelRecipient } from '../../core/settings/testgen.ts';
import { type Ask, type Asked, refused } from './ask.ts';

/** Of an answer that is read, in characters. */
const MAX_LENGTH = 4 * 1024 * 1024;

/** A program of the user's: system text and prompt are its input, what it prints is the answer. No shell is involved. */
export const askCommand: Ask = async (question, { model, project, environment }) => {
  const [program = '', ...args] = model.command ?? [];
  const { execa } = await import('execa');
  const done = await execa(program, args, {
    cwd: project,
    env: environment,
    extendEnv: false,
    input: `${question.system}\n\n${question.prompt}\n`,
    timeout: question.timeoutMs,
    cancelSignal: question.signal,
    killSignal: 'SIGKILL',
    killDescendants: true,
    // Ctrl-C at the terminal is for us to answer.
    detached: true,
    maxBuffer: MAX_LENGTH,
    reject: false,
  });
  const name = modelRecipient(model);
  if (done.isCanceled) return { ...failed({ reason: 'cancelled', by: 'signal' }), again: false };
  if (done.timedOut) {
    const failure = { reason: 'timed-out', limit_ms: question.timeoutMs, scope: 'step' } as const;
    return { ...failed(failure), again: false };
  }
  if (done.failed) return problemOf(name, done);
  if (done.stdout.trim() === '') return refused(`${name} printed nothing`);
  return { ok: true, answer: { text: done.stdout, model: name } };
};

function problemOf(
  name: string,
  done: {
    readonly isMaxBuffer: boolean;
    readonly code?: string | undefined;
    readonly exitCode?: number | undefined;
    readonly stderr: string;
  },
): Asked {
  if (done.code === 'ENOENT') return refused(`${name} is not on PATH`);
  if (done.code === 'EACCES') return refused(`${name} may not be executed`);
  if (done.isMaxBuffer) return refused(`${name} printed more than 4 MiB`);
  const last = done.stderr.trim().split('\n').at(-1) ?? '';
  const said = last === '' ? '' : `: ${last.slice(0, 300)}`;
  const how = done.exitCode === undefined ? 'was ended by a signal' : `exited with code ${done.exitCode}`;
  return {
    ...failed({ reason: 'reported', message: `${name} ${how}${said}`, retryable: true }),
    again: false,
  };
}
