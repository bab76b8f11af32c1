import type { Terminal } from './cli/terminal.ts';
import type { Notifier } from './core/notify.ts';

/** Longer than this a person wonders what is still going on, milliseconds. */
const UNEXPLAINED_MS = 1000;

/** A run is over when it is over: who drives it does not wait for mail servers, only the end of the process does. */
export function tellLater(
  notifier: Notifier,
  terminal: Pick<Terminal, 'isInteractive' | 'say'>,
): Notifier & { readonly told: () => Promise<void> } {
  const sending = new Set<Promise<unknown>>();
  return {
    send: (notice, settings) => {
      const sent = notifier.send(notice, settings, new AbortController().signal);
      sending.add(sent);
      void sent.finally(() => sending.delete(sent));
      return Promise.resolve([]);
    },
    told: async () => {
      if (sending.size === 0) return;
      const wait = setTimeout(() => {
        if (terminal.isInteractive) terminal.say('pipewright: still sending notifications; Ctrl-C gives up');
      }, UNEXPLAINED_MS);
      await Promise.all(sending);
      clearTimeout(wait);
    },
  };
}
