import type { StepProgress } from '../core/stream-report.ts';
import type { Backend } from './backend.ts';
import { mergeProgress } from './model/stream-tree.ts';
import type { RunView, ScreenState } from './state.ts';
import type { ScreenStore, Ticker } from './store.ts';

/** How often a running stage is looked at, milliseconds; one that shows progress writes it every 200 ms. */
const LOOK_MS = 250;

interface Watched {
  readonly runId: string;
  readonly stage: string;
  readonly attempt: number;
  readonly isRunning: boolean;
}

/**
 * Keeps the progress of the stages of the run on the screen in its state: of those that run while they run,
 * of others once. Arms no timer while none runs. Returns the way out.
 */
export function followStreams(
  store: ScreenStore,
  ticker: Ticker,
  backend: Pick<Backend, 'streamProgress'>,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const seen = new Set<string>();
  const look = async (watched: Watched): Promise<void> => {
    const { runId, stage } = watched;
    const steps = await backend.streamProgress(runId, stage);
    if (isOver || steps.length === 0) return;
    ticker.later((state) => withProgress(state, watched, steps));
  };
  const arrange = (state: ScreenState): void => {
    for (const watched of streamsOf(state)) {
      const key = keyOf(watched);
      if (seen.has(key)) continue;
      seen.add(key);
      void look(watched);
    }
    if (timer || isOver || !streamsOf(state).some(({ isRunning }) => isRunning)) return;
    timer = setTimeout(() => {
      timer = undefined;
      const running = streamsOf(store.getState()).filter(({ isRunning }) => isRunning);
      void Promise.all(running.map(look)).then(() => arrange(store.getState()));
    }, LOOK_MS);
  };
  const unsubscribe = store.subscribe(arrange);
  return () => {
    isOver = true;
    unsubscribe();
    clearTimeout(timer);
  };
}

function streamsOf({ run, screen }: ScreenState): readonly Watched[] {
  const runId = run?.runId;
  if (screen !== 'run' || runId === undefined) return [];
  return Object.values(run?.state?.stages ?? {}).flatMap(({ name, attempt, status }) =>
    attempt > 0 ? [{ runId, stage: name, attempt, isRunning: status === 'running' }] : [],
  );
}

function keyOf({ runId, stage, attempt, isRunning }: Watched): string {
  return [runId, stage, attempt, isRunning].join('\u0000');
}

function withProgress(
  state: ScreenState,
  { runId, stage, attempt }: Watched,
  steps: readonly StepProgress[],
): ScreenState {
  const { run } = state;
  if (!run || run.runId !== runId || run.state?.stages[stage]?.attempt !== attempt) return state;
  return { ...state, run: { ...run, streams: { ...run.streams, [stage]: merged(run, stage, steps) } } };
}

function merged(run: RunView, stage: string, steps: readonly StepProgress[]): readonly StepProgress[] {
  return mergeProgress(run.streams[stage] ?? [], steps);
}
