import path from 'node:path';
import { failed, ok, type Result } from '../../core/failure.ts';
import { isObject } from '../../core/json.ts';
import { listFolder, makeFolder, readTextIfPresent, removeQuietly, replaceFile } from '../safe-files.ts';
import { ensureState, isSafeName, stateLayout } from '../state-layout.ts';
import { unwritable } from '../write-failure.ts';

/** A run of which the database may not have everything. */
export interface OwedRun {
  readonly runId: string;
  /** Its last event that the database has; -1: none. */
  readonly deliveredSeq: number;
}

/** What the database is owed: one file for each such run, durable before the run's first event. */
export interface ResultsLedger {
  /** From now on the run is owed. Fails with `state-unwritable`. */
  readonly owe: (runId: string) => Promise<Result<void>>;
  readonly owed: () => readonly OwedRun[];
  /** The database has the run up to this event. Fails with `state-unwritable`. */
  readonly delivered: (runId: string, seq: number) => Promise<Result<void>>;
  /** Nothing more is to come of it. */
  readonly settle: (runId: string) => void;
}

const SUFFIX = '.json';
const MOST_BYTES = 4096;

/** Below `results/` of a state folder; made when something is owed. */
export function openLedger(stateDir: string): ResultsLedger {
  const layout = stateLayout(stateDir);
  const folder = path.join(layout.root, 'results');
  const fileOf = (runId: string): string => path.join(folder, `${runId}${SUFFIX}`);
  const write = (runId: string, seq: number): Promise<void> =>
    replaceFile(fileOf(runId), `${JSON.stringify({ delivered_seq: seq })}\n`);
  const translating = async (work: () => Promise<void>): Promise<Result<void>> => {
    try {
      await work();
      return ok(undefined);
    } catch (error) {
      return failed(unwritable(error, folder));
    }
  };
  return {
    owe: (runId) =>
      translating(async () => {
        ensureState(layout);
        makeFolder(folder);
        if (readTextIfPresent(fileOf(runId), MOST_BYTES) === undefined) await write(runId, -1);
      }),
    owed: () =>
      listFolder(folder)
        .filter((name) => name.endsWith(SUFFIX))
        .map((name) => name.slice(0, -SUFFIX.length))
        .filter(isSafeName)
        .toSorted()
        .map((runId) => ({ runId, deliveredSeq: seqIn(readTextIfPresent(fileOf(runId), MOST_BYTES)) })),
    delivered: (runId, seq) => translating(() => write(runId, seq)),
    settle: (runId) => removeQuietly(fileOf(runId)),
  };
}

/** What a crash tore says nothing: the run is delivered once more. */
function seqIn(text: string | undefined): number {
  try {
    const value: unknown = JSON.parse(text ?? '');
    const seq = isObject(value) ? value['delivered_seq'] : undefined;
    return typeof seq === 'number' ? seq : -1;
  } catch {
    return -1;
  }
}
