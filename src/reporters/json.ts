import { harmlessJson } from '../core/terminal-text.ts';
import type { RunEvent } from '../core/events.ts';
import type { Reporter, TextSink } from './reporter.ts';

/** One event per line, the same objects as in the journal. Nothing is left out, nothing else is printed. */
export function createJsonReporter(sink: TextSink): Reporter {
  let written = Promise.resolve();
  return {
    observe: (event: RunEvent) => {
      const line = `${harmlessJson(event)}\n`;
      written = written.then(() => sink.write(line));
    },
    flush: async () => written,
    close: async () => written,
  };
}
