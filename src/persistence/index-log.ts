import fs, { constants } from 'node:fs';
import { createHash } from 'node:crypto';
import type { DeliveryRecord } from '../core/deliveries.ts';
import { hasCode } from '../core/error-code.ts';
import { isObject } from '../core/json.ts';
import type { RunRecord } from '../core/run-index.ts';
import { crash, crashDue, crashPoint } from './crash-point.ts';
import { openRegular, readAt } from './safe-files.ts';

const NEWLINE = 10;
const CHUNK_BYTES = 1 << 20;
/** Bytes before a position that prove a snapshot belongs to this file. */
const ANCHOR_BYTES = 256;

/**
 * Appends one durable record. It brings its own line ends, so that one torn by a crash cannot
 * swallow its neighbour; written in one call, so that other processes cannot get in between.
 * Throws errors of the operating system.
 */
export async function appendRecord(file: string, record: RunRecord | DeliveryRecord): Promise<void> {
  const fd = openRegular(file, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT);
  try {
    const data = Buffer.from(`\n${JSON.stringify(record)}\n`);
    crashPoint('index:before-write');
    if (crashDue('index:torn-write')) {
      fs.writeSync(fd, data.subarray(0, data.length >> 1));
      crash();
    }
    // After a short write the whole record again: another process may have written meanwhile.
    while (fs.writeSync(fd, data) < data.length);
    crashPoint('index:before-sync');
    await new Promise<void>((resolve, reject) => {
      fs.fdatasync(fd, (error) => (error ? reject(error) : resolve()));
    });
    crashPoint('index:after-sync');
  } finally {
    fs.closeSync(fd);
  }
}

/** What `readRecords` found: `through` is where the next call begins. */
export interface IndexTail {
  readonly records: readonly RunRecord[];
  readonly through: number;
  readonly skippedLines: number;
}

/** An open index for one reader; undefined when there is none yet. */
export function openIndex(file: string): number | undefined {
  try {
    return openRegular(file, constants.O_RDONLY);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Complete records from byte `from` on, a megabyte or so at a time; lines that are none are skipped. */
export function* readRecords(fd: number, from: number): Generator<IndexTail> {
  let through = from;
  let length = CHUNK_BYTES;
  for (;;) {
    const chunk = readAt(fd, through, length);
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end === 0) {
      // A record longer than the chunk, or the half-written last one.
      if (chunk.length < length) return;
      length *= 2;
      continue;
    }
    through += end;
    length = CHUNK_BYTES;
    yield { ...parseRecords(chunk.toString('utf8', 0, end)), through };
  }
}

/** All complete records, newest first, without holding the file in memory. */
export function* readRecordsBackwards(fd: number): Generator<RunRecord> {
  let before = fs.fstatSync(fd).size;
  let carried = Buffer.alloc(0);
  while (before > 0) {
    const length = Math.min(CHUNK_BYTES, before);
    before -= length;
    const chunk = Buffer.concat([readAt(fd, before, length), carried]);
    // The first line may begin in the chunk before.
    const cut = before === 0 ? 0 : chunk.indexOf(NEWLINE) + 1;
    if (before > 0 && cut === 0) {
      carried = chunk;
      continue;
    }
    carried = chunk.subarray(0, cut);
    yield* parseRecords(chunk.toString('utf8', cut)).records.toReversed();
  }
}

/** Hash over the bytes just before `through`: tells a snapshot of this file from one of another. */
export function anchorOf(fd: number, through: number): string {
  const from = Math.max(0, through - ANCHOR_BYTES);
  return createHash('sha256')
    .update(readAt(fd, from, through - from))
    .digest('hex')
    .slice(0, 16);
}

function parseRecords(text: string): { readonly records: RunRecord[]; readonly skippedLines: number } {
  const records: RunRecord[] = [];
  let skippedLines = 0;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const record = parseRecord(line);
    if (record) records.push(record);
    else skippedLines += 1;
  }
  return { records, skippedLines };
}

function parseRecord(line: string): RunRecord | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is RunRecord {
  if (!isObject(value) || typeof value['at'] !== 'string') return false;
  if (value['type'] === 'unlocked') return true;
  if (typeof value['run_id'] !== 'string') return false;
  if (value['type'] === 'run.started')
    return typeof value['pipeline'] === 'string' && Array.isArray(value['stages']);
  return value['type'] === 'run.ended' && isSummary(value['summary']);
}

/** Whether the fields that the fold reads are there. */
export function isSummary(value: unknown): boolean {
  return (
    isObject(value) &&
    ['pipeline_id', 'pipeline', 'environment', 'status', 'started_at'].every(
      (key) => typeof value[key] === 'string',
    ) &&
    Array.isArray(value['stages'])
  );
}
