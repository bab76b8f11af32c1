import type { RunEvent } from '../core/events.ts';
import type { RunState } from '../core/run-state.ts';

/** Shows a run while it happens. */
export interface Reporter {
  /** Takes an event and returns at once; events are kept until they can be written. */
  readonly observe: (event: RunEvent, state: RunState) => void;
  /** Resolves when all that was observed so far has been written. */
  readonly flush: () => Promise<void>;
  /** Writes what is left and lets go of files. */
  readonly close: () => Promise<void>;
}

/** Where text goes. */
export interface TextSink {
  /** Resolves when there is room for more: at once, after back-pressure, or when the other end is gone. */
  readonly write: (text: string) => Promise<void>;
}
