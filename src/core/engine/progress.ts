import type { StepProgress } from '../stream-report.ts';
import type { StageRun } from './run-context.ts';
import { slug } from './slug.ts';

/** Between two writes, milliseconds: often enough for an eye, seldom enough for a disk. */
const EVERY_MS = 200;

/** What the steps of one attempt of a stage are doing, for whoever looks. */
export interface StageProgress {
  /** The newest look at some of its steps; those not named stay as they were. */
  readonly show: (steps: readonly StepProgress[]) => void;
  /** Writes the last look. */
  readonly close: () => Promise<void>;
}

/** Keeps `artifacts/<stage>/progress.json`, the file that the screen and the plain lines read. Never recorded. */
export function stageProgress({ run, id }: Pick<StageRun, 'run' | 'id'>): StageProgress {
  const { clock } = run.deps;
  const began = clock.monotonicMs();
  const steps = new Map<string, StepProgress>();
  const closing = new AbortController();
  let isDirty = false;
  let writing: Promise<void> | undefined;
  const write = async (): Promise<void> => {
    while (isDirty) {
      isDirty = false;
      const look = {
        stage: id,
        elapsed_ms: Math.round(clock.monotonicMs() - began),
        steps: [...steps.values()],
      };
      await run.handle.writeProgress(`${slug(id)}/progress.json`, JSON.stringify(look));
      if (!closing.signal.aborted) await clock.sleep(EVERY_MS, closing.signal);
    }
    writing = undefined;
  };
  return {
    show: (seen) => {
      for (const step of seen) steps.set(step.name, step);
      isDirty = steps.size > 0;
      writing ??= write();
    },
    close: async () => {
      closing.abort();
      await writing;
    },
  };
}
