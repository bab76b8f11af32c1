import fs from 'node:fs';
import { hasCode } from '../core/error-code.ts';
import type { RunRecord } from '../core/run-index.ts';
import type { RunState } from '../core/run-state.ts';
import { foldRun } from '../core/run-state.ts';
import { openIndex, readRecords } from './index-log.ts';
import { endRecord } from './index-view.ts';
import { replay } from './replay.ts';
import { listFolder, removeQuietly, replaceFile, syncFolder, temporaryName } from './safe-files.ts';
import { runExists, runLayout } from './state-layout.ts';
import type { StateLayout } from './state-layout.ts';

/** `safety.max_consecutive_failures` where neither project nor index says: spec 2. */
const DEFAULT_MOST_FAILURES = 3;

/** The records that the journals of all runs add up to, oldest first. Reads only. */
export function recordsFromJournals(
  layout: StateLayout,
  known: readonly RunRecord[] = [],
): readonly RunRecord[] {
  const limits = new Map(
    known.flatMap((record) =>
      record.type === 'run.ended' ? [[record.run_id, record.max_consecutive_failures] as const] : [],
    ),
  );
  const fromRuns = listFolder(layout.runs)
    .filter((runId) => runExists(layout, runId))
    .flatMap((runId) => {
      const { events } = replay(runLayout(layout, runId).journal);
      const state = foldRun(runId, events);
      return recordsOf(state, limits.get(runId) ?? DEFAULT_MOST_FAILURES);
    });
  // Journals do not know of unlocking; what is left of the old index does.
  const unlocks = known.filter((record) => record.type === 'unlocked');
  return [...fromRuns, ...unlocks].toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

function recordsOf(state: RunState, maxConsecutiveFailures: number): readonly RunRecord[] {
  const { created } = state;
  if (!created) return [];
  const started: RunRecord = {
    type: 'run.started',
    run_id: state.run_id,
    pipeline: created.pipeline,
    environment: created.environment,
    trigger: created.trigger,
    at: created.at,
    stages: Object.keys(state.stages),
  };
  return state.status === 'running' ? [started] : [started, endRecord(state, maxConsecutiveFailures)];
}

/** Writes `index.ndjson` anew from the journals; the old one is replaced. Rejects with errors of the operating system. */
export async function rebuildIndexFile(layout: StateLayout): Promise<number> {
  const records = recordsFromJournals(layout, knownRecords(layout));
  await replaceFile(layout.index, toText(records));
  return records.length;
}

/**
 * Makes sure that there is an index before something is appended to one: a state folder whose
 * index was deleted gets it back. The end of `exceptRun` is left out: the caller is about to record it.
 */
export async function ensureIndex(layout: StateLayout, exceptRun?: string): Promise<void> {
  if (fs.existsSync(layout.index)) return;
  const records = recordsFromJournals(layout).filter(
    (record) => record.type !== 'run.ended' || record.run_id !== exceptRun,
  );
  const temporary = temporaryName(layout.index);
  await replaceFile(temporary, toText(records), false);
  try {
    // Not rename: another process may have made it meanwhile, and appended to it.
    fs.linkSync(temporary, layout.index);
    await syncFolder(layout.root);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  } finally {
    removeQuietly(temporary);
  }
}

function knownRecords(layout: StateLayout): readonly RunRecord[] {
  const fd = openIndex(layout.index);
  if (fd === undefined) return [];
  try {
    return [...readRecords(fd, 0)].flatMap((tail) => tail.records);
  } finally {
    fs.closeSync(fd);
  }
}

function toText(records: readonly RunRecord[]): string {
  return records.map((record) => `\n${JSON.stringify(record)}\n`).join('');
}
