import type { Answer, Prompter } from '../core/ports.ts';
import { oneLine } from './text.ts';
import type { Question } from './state.ts';

/** The answers that a person can give to a question of a run. */
export type GivenAnswer =
  | { readonly type: 'confirm'; readonly answer: Answer; readonly comment?: string }
  | { readonly type: 'interrupted'; readonly answer: 'retry' | 'skip' | 'fail' | 'nobody' };

/** The Prompter port of a run on the screen: shows its questions, waits for keys. */
export interface ScreenPrompter extends Prompter {
  /** Answers the question that is shown; without one nothing happens. */
  readonly answer: (given: GivenAnswer) => void;
  /** From now on another one asks, also what is being asked now. */
  readonly handOver: (next: Prompter) => void;
}

type ConfirmQuestion = Parameters<Prompter['confirm']>[0];
type InterruptedQuestion = Parameters<Prompter['interrupted']>[0];
type Reply = Awaited<ReturnType<Prompter['confirm']>>;

interface Pending {
  readonly answer: (given: GivenAnswer) => void;
  readonly forward: (next: Prompter) => void;
}

/** `show` is told the question that is open, and undefined when it no longer is. */
export function createScreenPrompter(show: (question: Question | undefined) => void): ScreenPrompter {
  let pending: Pending | undefined;
  let successor: Prompter | undefined;

  /** One question: shown until a key, `signal` or another prompter settles it. */
  const wait = <T>(
    shown: Question,
    signal: AbortSignal,
    parts: {
      readonly read: (given: GivenAnswer) => T | undefined;
      readonly nobody: T;
      readonly elsewhere: (next: Prompter) => Promise<T>;
    },
  ): Promise<T> => {
    if (signal.aborted) return Promise.resolve(parts.nobody);
    const { promise, resolve } = Promise.withResolvers<T>();
    const giveUp = (): void => resolve(parts.nobody);
    const mine: Pending = {
      answer: (given) => {
        const value = parts.read(given);
        if (value !== undefined) resolve(value);
      },
      forward: (next) => resolve(parts.elsewhere(next)),
    };
    pending = mine;
    show(shown);
    signal.addEventListener('abort', giveUp, { once: true });
    return promise.finally(() => {
      signal.removeEventListener('abort', giveUp);
      if (pending === mine) pending = undefined;
      show(undefined);
    });
  };

  return {
    confirm: (question, signal) =>
      successor?.confirm(question, signal) ??
      wait<Reply>(shownConfirm(question), signal, {
        read: (given) =>
          given.type === 'confirm'
            ? { answer: given.answer, ...(given.comment && { comment: given.comment }) }
            : undefined,
        nobody: { answer: 'nobody' },
        elsewhere: (next) => next.confirm(question, signal),
      }),
    interrupted: (question, signal) =>
      successor?.interrupted(question, signal) ??
      wait(shownInterrupted(question), signal, {
        read: (given) => (given.type === 'interrupted' ? given.answer : undefined),
        nobody: 'nobody' as const,
        elsewhere: (next) => next.interrupted(question, signal),
      }),
    answer: (given) => pending?.answer(given),
    handOver: (next) => {
      successor = next;
      pending?.forward(next);
    },
  };
}

function shownConfirm({ stage, message, details }: ConfirmQuestion): Question {
  return { type: 'confirm', stage, message: oneLine(message), details: details().map(oneLine) };
}

function shownInterrupted({ stage, step, detail }: InterruptedQuestion): Question {
  return { type: 'interrupted', stage, step, detail: oneLine(detail) };
}
