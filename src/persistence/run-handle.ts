import fs, { constants } from 'node:fs';
import path from 'node:path';
import { isObject } from '../core/json.ts';
import type { RunEvent } from '../core/events.ts';
import type { Clock, Identity, RunHandle } from '../core/ports.ts';
import { JournalError } from '../core/ports.ts';
import type { RunState } from '../core/run-state.ts';
import { watchInbox } from './inbox.ts';
import { openSegment } from './journal-writer.ts';
import { createLowdbFile } from './lowdb-file.ts';
import type { Claim } from './owner-claim.ts';
import { openRegular, removeQuietly, replaceFile, temporaryName, writeAll } from './safe-files.ts';
import type { Fence } from './segment.ts';
import type { RunLayout, StateLayout } from './state-layout.ts';
import { unwritable } from './write-failure.ts';

/** Between two versions of `run.json` while the run goes on, milliseconds. */
const SNAPSHOT_EVERY_MS = 1_000;

/** What a handle is made from: a run that this process has claimed. */
export interface ClaimedRun {
  readonly runId: string;
  readonly layout: StateLayout;
  readonly run: RunLayout;
  readonly claim: Claim;
  /** No earlier owner left its marker. */
  readonly isNewMarker: boolean;
  readonly events: readonly RunEvent[];
  readonly tail: Fence | null;
  readonly clock: Clock;
  readonly identity: Identity;
}

/** Opens the journal's next segment and hands the run to its owner. Throws errors of the operating system. */
export function createRunHandle(claimed: ClaimedRun): RunHandle {
  const { runId, layout, run, claim, clock, identity } = claimed;
  const journal = openSegment(
    run.journal,
    { epoch: claim.epoch, prev: claimed.tail },
    { at: clock.now(), identity },
    [run.folder, layout.runs, layout.active, layout.root],
  );
  const snapshots = createSnapshots(run.snapshot);
  const watchers = new Set<() => void>();
  let released: Promise<void> | undefined;
  let hasAppended = false;
  return {
    runId,
    folder: run.folder,
    journal: {
      append: (events) => {
        hasAppended = true;
        return journal.append(events);
      },
    },
    events: claimed.events,
    onRequest: (handle) => {
      const stop = watchInbox(run.inbox, handle);
      watchers.add(stop);
      return () => {
        watchers.delete(stop);
        stop();
      };
    },
    writeArtifact: async (name, text) => {
      const file = inside(path.join(run.folder, 'artifacts'), name);
      return translated(file, async () => {
        fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
        await replaceFile(file, text);
        return file;
      });
    },
    writeProgress: async (name, text) => {
      const file = inside(path.join(run.folder, 'artifacts'), name);
      const temporary = temporaryName(file);
      try {
        await fs.promises.mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
        await fs.promises.writeFile(temporary, text, { mode: 0o600, flag: 'wx' });
        await fs.promises.rename(temporary, file);
      } catch {
        // Somebody sees an older look; whatever is wrong with the disk, the journal says.
        removeQuietly(temporary);
      }
    },
    appendLog: async (name, text) => {
      const file = inside(path.join(run.folder, 'logs'), name);
      return translated(file, async () => appendText(file, text));
    },
    snapshot: snapshots.offer,
    release: () => {
      released ??= (async () => {
        for (const stop of watchers) stop();
        await snapshots.finish();
        await journal.close();
        // What was appended may differ from the index: then its end record takes the marker down.
        if (claimed.isNewMarker && !hasAppended) removeQuietly(run.marker);
        claim.release();
      })();
      return released;
    },
  };
}

function appendText(file: string, text: string): void {
  const fd = openRegular(file, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT);
  try {
    writeAll(fd, Buffer.from(text));
  } finally {
    fs.closeSync(fd);
  }
}

/** Refuses names that lead out of `folder`; a `/` between names is fine. Another name is a bug of ours: throws. */
function inside(folder: string, name: string): string {
  if (!/^[A-Za-z0-9@_-][A-Za-z0-9@._-]*(\/[A-Za-z0-9@_-][A-Za-z0-9@._-]*)*$/.test(name))
    throw new Error(`not a file name: ${JSON.stringify(name)}`);
  return path.join(folder, name);
}

async function translated<T>(file: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw new JournalError(unwritable(error, file));
  }
}

/** What `run.json` holds: a convenience for people and scripts, never read to decide anything. */
interface RunFile {
  readonly v: 1;
  readonly run: RunState | null;
}

function isRunFile(value: unknown): value is RunFile {
  return isObject(value) && value['v'] === 1 && 'run' in value;
}

/** Writes `run.json` at once when a run ends, at most every second before that, and the last one always. */
function createSnapshots(file: string) {
  let pending: RunState | undefined;
  let writtenAtMs = -SNAPSHOT_EVERY_MS;
  const write = async () => {
    if (!pending) return;
    const state = pending;
    pending = undefined;
    writtenAtMs = performance.now();
    try {
      const database = await createLowdbFile<RunFile>(file, isRunFile, { v: 1, run: null });
      database.data = { v: 1, run: state };
      await database.write();
    } catch {
      // Rebuilt from the journal by whoever needs it.
    }
  };
  let writing: Promise<void> = Promise.resolve();
  const writeNext = () => {
    writing = writing.then(write);
    return writing;
  };
  return {
    offer: async (state: RunState) => {
      pending = state;
      const isDue = performance.now() - writtenAtMs >= SNAPSHOT_EVERY_MS;
      if (isDue || state.status !== 'running') await writeNext();
    },
    finish: writeNext,
  };
}
