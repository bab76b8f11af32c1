import fs from 'node:fs';
import type { RunStatus } from '../core/definition.ts';
import { startedSummary } from '../core/fold-index.ts';
import type { RunRecord, RunSummary } from '../core/run-index.ts';
import { openIndex, readRecordsBackwards } from './index-log.ts';
import { isUnborn, readHeldRuns, viewSummary } from './index-view.ts';
import { recordsFromJournals } from './rebuild-index.ts';
import type { StateLayout } from './state-layout.ts';

/** Which runs are wanted; absent means any. */
export interface HistoryFilter {
  readonly pipeline?: string;
  readonly environment?: string;
  readonly status?: RunStatus;
  /** Started at or after this time, ISO 8601. */
  readonly since?: string;
  readonly limit?: number;
}

/**
 * Runs by their newest record, newest first. Reads the index backwards, only as far as it is consumed.
 * Throws errors of the operating system where it cannot be read.
 */
export async function* readHistory(
  layout: StateLayout,
  filter: HistoryFilter,
  nowMs: number,
): AsyncGenerator<RunSummary> {
  const held = new Map(readHeldRuns(layout).map((run) => [run.runId, run]));
  const seen = new Set<string>();
  let left = filter.limit ?? Number.POSITIVE_INFINITY;
  for (const record of newestRecords(layout)) {
    if (record.type === 'unlocked' || seen.has(record.run_id)) continue;
    seen.add(record.run_id);
    const holder = held.get(record.run_id);
    if (holder && isUnborn(holder)) continue;
    const summary = viewSummary(summaryOf(record), holder, nowMs);
    if (!isWanted(summary, filter)) continue;
    if (left <= 0) return;
    left -= 1;
    yield summary;
  }
}

function summaryOf(record: Exclude<RunRecord, { type: 'unlocked' }>): RunSummary {
  return record.type === 'run.ended' ? record.summary : startedSummary(record);
}

function isWanted(summary: RunSummary, filter: HistoryFilter): boolean {
  return (
    (filter.pipeline === undefined || summary.pipeline === filter.pipeline) &&
    (filter.environment === undefined || summary.environment === filter.environment) &&
    (filter.status === undefined || summary.status === filter.status) &&
    (filter.since === undefined || Date.parse(summary.started_at) >= Date.parse(filter.since))
  );
}

function* newestRecords(layout: StateLayout): Generator<RunRecord> {
  const fd = openIndex(layout.index);
  if (fd === undefined) {
    yield* recordsFromJournals(layout).toReversed();
    return;
  }
  try {
    yield* readRecordsBackwards(fd);
  } finally {
    fs.closeSync(fd);
  }
}
