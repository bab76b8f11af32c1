import { createHash, hash } from 'node:crypto';
import path from 'node:path';

/** The hash that a segment's first record is chained to. */
export const CHAIN_START = '0'.repeat(32);

const NEWLINE = 10;
const HASH_LENGTH = 32;

/** How far an earlier segment counts: later bytes came from an owner that had lost the run. */
export interface Fence {
  readonly epoch: number;
  readonly bytes: number;
  readonly head: string;
}

/** First record of each segment. Internal to the journal: no `RunEvent`. */
export interface SegmentOpened {
  readonly type: 'segment.opened';
  readonly format: 1;
  readonly epoch: number;
  readonly at: string;
  readonly pid: number;
  readonly host: string;
  readonly prev: Fence | null;
}

/** What a segment's bytes say, up to the first record that does not verify. */
export interface SegmentScan {
  readonly records: readonly unknown[];
  /** Bytes of the records that verify. */
  readonly bytes: number;
  /** Hash of the last of them. */
  readonly head: string;
  /** Bytes after them. */
  readonly rest: number;
  /** Whether that rest can be no half-written record: something changed the file. */
  readonly damaged: boolean;
}

/** `state/runs/<id>/journal/<epoch, 6 digits>.ndjson`. */
export function segmentFile(folder: string, epoch: number): string {
  return path.join(folder, `${String(epoch).padStart(6, '0')}.ndjson`);
}

/** The epoch of a segment's file name; undefined for other files. */
export function segmentEpoch(name: string): number | undefined {
  const digits = /^(\d{6,9})\.ndjson$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** One line, and the hash the next one is chained to. */
export function encodeRecord(head: string, record: object): { readonly line: string; readonly head: string } {
  const body = JSON.stringify(record);
  const next = hash('sha256', head + body, 'hex').slice(0, HASH_LENGTH);
  return { line: `${next} ${body}\n`, head: next };
}

/** Verifies the chain from `head` on and parses what verifies. */
export function scanSegment(buffer: Buffer, head = CHAIN_START): SegmentScan {
  const records: unknown[] = [];
  let position = 0;
  let chained = head;
  for (;;) {
    const end = buffer.indexOf(NEWLINE, position);
    if (end < 0) break;
    const next = verify(buffer.subarray(position, end), chained);
    if (next === undefined) break;
    records.push(JSON.parse(buffer.toString('utf8', position + HASH_LENGTH + 1, end)));
    chained = next;
    position = end + 1;
  }
  const rest = withoutRoom(buffer.subarray(position));
  return {
    records,
    bytes: position,
    head: chained,
    rest: rest.length,
    damaged: isDamage(rest, chained),
  };
}

/** The line's hash when it is the right one. */
function verify(line: Buffer, head: string): string | undefined {
  if (line.length < HASH_LENGTH + 2 || line[HASH_LENGTH] !== 32) return undefined;
  const expected = createHash('sha256')
    .update(head)
    .update(line.subarray(HASH_LENGTH + 1))
    .digest('hex')
    .slice(0, HASH_LENGTH);
  return line.toString('latin1', 0, HASH_LENGTH) === expected ? expected : undefined;
}

/** Compared with at a time: the zeros at the end of a segment are many. */
const ZEROS = Buffer.alloc(4096);

/** Without the zeros at its end: room that a writer had made, or what a power cut leaves. */
export function withoutRoom(buffer: Buffer): Buffer {
  let end = buffer.length;
  while (end >= ZEROS.length && ZEROS.compare(buffer, end - ZEROS.length, end) === 0) end -= ZEROS.length;
  while (end > 0 && buffer[end - 1] === 0) end -= 1;
  return buffer.subarray(0, end);
}

/** A crash leaves a prefix of a record; anything else was changed later. */
function isDamage(rest: Buffer, head: string): boolean {
  // A whole record whose line end is another byte: it was written, and then changed.
  return rest.includes(NEWLINE) || verify(rest.subarray(0, -1), head) !== undefined;
}

/** The record that opens a segment, where this is one. */
export function asSegmentOpened(record: unknown): SegmentOpened | undefined {
  return isSegmentOpened(record) ? record : undefined;
}

function isSegmentOpened(record: unknown): record is SegmentOpened {
  return (
    typeof record === 'object' &&
    record !== null &&
    'type' in record &&
    record.type === 'segment.opened' &&
    'prev' in record
  );
}
