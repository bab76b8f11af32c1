import process from 'node:process';
import { sanitizeText } from '../core/terminal-text.ts';
import type { Answer, Prompter } from '../core/ports.ts';
import type { Terminal } from './terminal.ts';

/** For runs that nobody watches: every question stays open. */
export const nobody: Prompter = {
  confirm: async () => ({ answer: 'nobody' }),
  interrupted: async () => 'nobody',
};

const CTRL_C = '\u0003';
const CTRL_D = '\u0004';

/** Asks by single keys at this terminal, one question at a time. `beforeAsking` lets pending output out first. */
export function createPrompter(terminal: Terminal, beforeAsking: () => Promise<void>): Prompter {
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(ask: () => Promise<T>): Promise<T> => {
    const mine = turn.then(ask);
    turn = mine.catch(() => undefined);
    return mine;
  };
  return {
    confirm: (question, signal) =>
      inTurn(async () => {
        await beforeAsking();
        return { answer: await confirm(terminal, question, signal) };
      }),
    interrupted: (question, signal) =>
      inTurn(async () => {
        await beforeAsking();
        const text =
          `\n${question.stage}: step "${question.step}" was interrupted: ${question.detail}\n` +
          'r(un it again), s(kip it), f(ail): ';
        const keys = { r: 'retry', s: 'skip', f: 'fail' } as const;
        const key = await askKey(terminal, { text, keys }, signal);
        await terminal.write(`${key ?? ''}\n`);
        return key ?? 'nobody';
      }),
  };
}

async function confirm(
  terminal: Terminal,
  question: Parameters<Prompter['confirm']>[0],
  signal: AbortSignal,
): Promise<Answer> {
  const keys = { y: 'approved', n: 'rejected', s: 'skipped', d: 'details' } as const;
  for (;;) {
    const text = `\n${question.stage}: ${question.message}  y(es), n(o), s(kip), d(etails): `;
    const answer = await askKey(terminal, { text, keys }, signal);
    await terminal.write(`${answer ?? ''}\n`);
    if (answer !== 'details') return answer ?? 'nobody';
    await terminal.print(question.details());
  }
}

/**
 * The meaning of the first key that has one. Undefined when `signal` aborts, at the end of the
 * input and on Ctrl-D. Ctrl-C is what it always is: in raw mode we have to send it ourselves.
 */
export async function askKey<T extends string>(
  terminal: Terminal,
  { text, keys }: { readonly text: string; readonly keys: Readonly<Record<string, T>> },
  signal: AbortSignal,
): Promise<T | undefined> {
  if (signal.aborted) return undefined;
  const stdin = terminal.stdin();
  const { promise, resolve } = Promise.withResolvers<T | undefined>();
  const onData = (data: Buffer): void => {
    for (const key of data.toString('utf8').toLowerCase()) {
      if (key === CTRL_C) process.kill(process.pid, 'SIGINT');
      if (key === CTRL_D) resolve(undefined);
      const meaning = Object.hasOwn(keys, key) ? keys[key] : undefined;
      if (meaning !== undefined) resolve(meaning);
    }
  };
  const giveUp = (): void => resolve(undefined);
  stdin.setRawMode(true);
  stdin.on('data', onData);
  stdin.once('end', giveUp);
  stdin.once('error', giveUp);
  signal.addEventListener('abort', giveUp, { once: true });
  stdin.resume();
  try {
    // After the switch to raw mode: a key pressed at once must not be echoed.
    await terminal.write(sanitizeText(text));
    return await promise;
  } finally {
    signal.removeEventListener('abort', giveUp);
    stdin.off('data', onData);
    stdin.off('end', giveUp);
    stdin.off('error', giveUp);
    restore(stdin);
  }
}

/** A terminal that was closed meanwhile cannot be set back, and need not be. */
function restore(stdin: NodeJS.ReadStream): void {
  try {
    stdin.setRawMode(false);
    stdin.pause();
  } catch {
    // Closed.
  }
}
