import type { Problems, ProjectSettings } from './cli/services.ts';
import type { Failure, Result } from './core/failure.ts';
import type { RunHandle, RunStore, Secrets } from './core/ports.ts';
import type { ResultsDesk } from './core/results.ts';
import type { ResultsLedger } from './persistence/results/ledger.ts';

interface KeeperParts {
  readonly stateDir: string;
  readonly secrets: Secrets;
  readonly store: () => Promise<RunStore>;
  readonly settings: () => Promise<Result<ProjectSettings, Problems>>;
  /** For a person. */
  readonly say: (line: string) => void;
}

interface ResultsKeeper {
  /** Undefined where `results` of pipewright.yaml names no database. */
  readonly desk: () => Promise<ResultsDesk | undefined>;
  /** The store, through which runs are brought to the database as they end. */
  readonly store: () => Promise<RunStore>;
  /** Resolves when nothing is under way to the database. */
  readonly told: () => Promise<void>;
}

type Desk = ResultsDesk & Pick<ResultsLedger, 'owe'>;

/** Runs go to the database of results beside what they do: one that is away costs them nothing but a line. */
export function keepResults({ stateDir, secrets, store, settings, say }: KeeperParts): ResultsKeeper {
  let made: Promise<Desk | undefined> | undefined;
  const make = async (): Promise<Desk | undefined> => {
    const known = await settings();
    const results = known.ok ? known.value.stage.results : undefined;
    if (results?.url === undefined) return undefined;
    const { createResultsDesk } = await import('./results-desk.ts');
    const { url, ...rest } = results;
    return createResultsDesk({ stateDir, secrets, store: await store(), settings: { ...rest, url } });
  };
  const desk = (): Promise<Desk | undefined> => (made ??= make());
  let waiting: Promise<void> | undefined;
  let told: Promise<void> = Promise.resolve();
  let said = '';
  const deliver = async (to: Desk): Promise<void> => {
    const { pending, failure } = await to.deliver();
    const line = failure ? await lineOf(failure, pending) : '';
    if (line !== '' && line !== said) say(line);
    said = line;
  };
  // Runs that end while a delivery is under way go with the next one, all together.
  const soon = (to: Desk): void => {
    waiting ??= told.then(() => {
      waiting = undefined;
      return deliver(to);
    });
    told = waiting;
  };
  return {
    desk,
    store: async () => {
      const [inner, to] = await Promise.all([store(), desk()]);
      if (!to) return inner;
      return {
        ...inner,
        create: async (runId) => owing(await inner.create(runId), to),
        open: async (runId) => owing(await inner.open(runId), to),
        record: async (record) => {
          const recorded = await inner.record(record);
          if (recorded.ok && record.type === 'run.ended') soon(to);
          return recorded;
        },
      };
    },
    told: () => told,
  };
}

/** Noted before anything happens in the run: whatever becomes of this process, the run is brought later. */
async function owing(handle: Result<RunHandle>, desk: Desk): Promise<Result<RunHandle>> {
  if (!handle.ok) return handle;
  const owed = await desk.owe(handle.value.runId);
  if (owed.ok) return handle;
  await handle.value.release();
  return owed;
}

async function lineOf(failure: Failure, pending: number): Promise<string> {
  const { describeFailure } = await import('./reporters/describe-failure.ts');
  const runs = pending === 1 ? '1 run waits' : `${pending} runs wait`;
  return `pipewright: results: ${describeFailure(failure)}; ${runs} to be brought there later`;
}
