import fs from 'node:fs';
import type { Low } from 'lowdb';
import { errorCode } from '../core/error-code.ts';
import { isObject } from '../core/json.ts';
import type { IndexFold } from '../core/fold-index.ts';
import { EMPTY_INDEX, foldIndex, toStateIndex } from '../core/fold-index.ts';
import type { PipelineLock, RunRecord, RunStats, RunSummary } from '../core/run-index.ts';
import { anchorOf, appendRecord, isSummary, openIndex, readRecords } from './index-log.ts';
import { createLowdbFile } from './lowdb-file.ts';
import { sweepTemporaries } from './safe-files.ts';
import type { StateLayout } from './state-layout.ts';

/** Between two snapshots by one process while runs go on, milliseconds. */
const SNAPSHOT_EVERY_MS = 1_000;

/** `state/pipeline.json`: the fields of spec 2, and what is needed to go on from there. */
interface PipelineFile {
  readonly v: 1;
  /** Byte of `index.ndjson` up to which everything is counted in here. */
  readonly through: number;
  /** Hash over the bytes before it. */
  readonly through_anchor: string;
  readonly pipelines: readonly RunSummary[];
  /** The newest run; null before the first. */
  readonly current: string | null;
  readonly stats: RunStats;
  readonly locked: readonly PipelineLock[];
  readonly consecutive: Readonly<Record<string, number>>;
  readonly open: readonly string[];
  readonly totals: IndexFold['totals'];
  readonly last_pair: string | null;
}

const EMPTY_FILE: PipelineFile = toFile(EMPTY_INDEX, 0, '');

/** The index of a state folder: `index.ndjson` is the truth, `pipeline.json` saves reading it from the start. */
export interface IndexFile {
  /** The fold over every record on disk now, also those of other processes. */
  readonly read: () => Promise<IndexFold>;
  /** Durable when it resolves. Rejects with errors of the operating system. */
  readonly append: (record: RunRecord) => Promise<void>;
}

/** Opens nothing before it is used. One per process and state folder. */
export function createIndexFile(layout: StateLayout): IndexFile {
  let database: Low<PipelineFile> | undefined;
  let fold: IndexFold | undefined;
  let through = 0;
  let anchor = '';
  let writtenAtMs = -SNAPSHOT_EVERY_MS;

  const read = async (): Promise<IndexFold> => {
    if (!database || !fold) {
      sweepTemporaries(layout.root);
      database = await createLowdbFile(layout.snapshot, isPipelineFile, EMPTY_FILE);
      fold = toFold(database.data);
      through = database.data.through;
      anchor = database.data.through_anchor;
    }
    const fd = openIndex(layout.index);
    if (fd === undefined) return reset();
    try {
      // Another file stands there than the one we counted: begin anew.
      if (fs.fstatSync(fd).size < through || anchorOf(fd, through) !== anchor) reset();
      const before = through;
      for (const tail of readRecords(fd, through)) {
        fold = foldIndex(fold, tail.records);
        through = tail.through;
      }
      if (through !== before || anchor === '') anchor = anchorOf(fd, through);
      return fold;
    } finally {
      fs.closeSync(fd);
    }
  };

  const reset = () => {
    through = 0;
    anchor = '';
    fold = EMPTY_INDEX;
    return fold;
  };

  const snapshot = async () => {
    writtenAtMs = performance.now();
    try {
      const now = await read();
      if (!database) return;
      database.data = toFile(now, through, anchor);
      await database.write();
    } catch (error) {
      // The record is durable; readers count it from index.ndjson.
      if (errorCode(error) === undefined) throw error;
    }
  };

  return {
    read,
    append: async (record) => {
      await appendRecord(layout.index, record);
      const isDue = performance.now() - writtenAtMs >= SNAPSHOT_EVERY_MS;
      if (isDue || record.type !== 'run.started') await snapshot();
    },
  };
}

function toFile(fold: IndexFold, through: number, anchor: string): PipelineFile {
  const { runs, stats, locked, consecutive } = toStateIndex(fold);
  return {
    v: 1,
    through,
    through_anchor: anchor,
    pipelines: runs,
    current: fold.open.at(-1) ?? runs[0]?.pipeline_id ?? null,
    stats,
    locked,
    consecutive,
    open: fold.open,
    totals: fold.totals,
    last_pair: fold.last_pair ?? null,
  };
}

function toFold(file: PipelineFile): IndexFold {
  return {
    summaries: file.pipelines,
    open: file.open,
    totals: file.totals,
    consecutive: file.consecutive,
    locked: file.locked,
    ...(file.last_pair !== null && { last_pair: file.last_pair }),
  };
}

function isPipelineFile(value: unknown): value is PipelineFile {
  return (
    isObject(value) &&
    value['v'] === 1 &&
    Number.isSafeInteger(value['through']) &&
    typeof value['through_anchor'] === 'string' &&
    isListOf(value['pipelines'], isSummary) &&
    isListOf(value['open'], (id) => typeof id === 'string') &&
    isListOf(value['locked'], isLock) &&
    isCounts(value['consecutive']) &&
    isTotals(value['totals']) &&
    (value['last_pair'] === null || typeof value['last_pair'] === 'string')
  );
}

function isListOf(value: unknown, isMember: (member: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isMember);
}

function isLock(value: unknown): boolean {
  return isObject(value) && typeof value['pipeline'] === 'string' && typeof value['environment'] === 'string';
}

function isCounts(value: unknown): boolean {
  return isObject(value) && Object.values(value).every((count) => typeof count === 'number');
}

function isTotals(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { per_stage: stages, ...counts } = value;
  return (
    isObject(stages) &&
    Object.values(stages).every(isCounts) &&
    isCounts(counts) &&
    Object.keys(EMPTY_INDEX.totals).every((key) => key in value)
  );
}
