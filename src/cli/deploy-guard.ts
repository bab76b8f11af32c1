import { isUnitOpen } from '../core/engine/unit.ts';
import type { StopReason } from '../core/engine/stop.ts';
import type { RunState } from '../core/run-state.ts';
import { askKey } from './prompter.ts';
import type { Interpret } from './stop-signals.ts';
import type { Terminal } from './terminal.ts';

interface GuardParts {
  readonly terminal: Terminal;
  /** Somebody can be asked, by lines. */
  readonly asks: boolean;
  readonly state: () => RunState | undefined;
  readonly stop: (reason: StopReason) => void;
  /** Lets pending output out first. */
  readonly flush: () => Promise<void>;
}

/**
 * What a stop means while services are being deployed, watched or brought back: Ctrl-C asks wait, roll back or leave;
 * where nobody can be asked the run is left as it stands, and `continue` goes on by looking at the hosts.
 */
export function createDeployGuard({ terminal, asks, state, stop, flush }: GuardParts): Interpret {
  let question: AbortController | undefined;
  const ask = async (cause: string, asked: AbortController): Promise<void> => {
    await flush();
    const text = '\nA deploy is in the middle: w(ait for it), r(oll it back), l(eave it): ';
    const keys = { w: 'wait', r: 'undo', l: 'leave' } as const;
    const key = await askKey(terminal, { text, keys }, asked.signal);
    await terminal.write(`${key ?? ''}\n`);
    question = undefined;
    if (key === 'undo') stop({ kind: 'cancel', cause, undo: true });
    if (key === 'leave' || asked.signal.aborted) stop({ kind: 'interrupt', cause });
  };
  return (reason) => {
    if (reason.kind !== 'cancel' || !isUnitOpen(state())) return reason;
    if (question) {
      // Asked twice: it is left where it stands.
      question.abort();
      return undefined;
    }
    if (!asks || reason.cause !== 'SIGINT') return { kind: 'interrupt', cause: reason.cause };
    question = new AbortController();
    void ask(reason.cause, question);
    return undefined;
  };
}
