import path from 'node:path';
import { errorCode, hasCode } from '../core/error-code.ts';
import type { RunEvent } from '../core/events.ts';
import { listFolder, readRegular } from './safe-files.ts';
import type { Fence, SegmentOpened, SegmentScan } from './segment.ts';
import { asSegmentOpened, scanSegment, segmentEpoch, segmentFile, withoutRoom } from './segment.ts';

/** Damage that no crash explains: `byte` is the first one of the record that does not verify. */
interface Damage {
  readonly file: string;
  readonly byte: number;
  readonly detail: string;
}

/** One segment as it counts for the run, oldest first. */
interface ReplayedSegment {
  readonly epoch: number;
  readonly file: string;
  readonly records: number;
  readonly bytes: number;
  readonly head: string;
  /** Bytes beyond the fence: written by an owner that had lost the run. Ignored. */
  readonly ignoredBytes: number;
  readonly damage?: Damage;
}

/** A run's journal, read as a whole. */
export interface Replay {
  /** Up to the first damage. */
  readonly events: readonly RunEvent[];
  readonly segments: readonly ReplayedSegment[];
  readonly damage: readonly Damage[];
  readonly tornBytes: number;
  /** Where the next segment continues; null for a run without records. */
  readonly tail: Fence | null;
}

interface Link extends ReplayedSegment {
  readonly opened: SegmentOpened | undefined;
  readonly events: readonly RunEvent[];
}

/**
 * Reads the segments of a run: the newest one that begins properly counts as a whole, each
 * earlier one up to the fence that its successor names. Writes nothing.
 */
export function replay(folder: string): Replay {
  const epochs = listFolder(folder)
    .flatMap((name) => segmentEpoch(name) ?? [])
    .toSorted((a, b) => b - a);
  const start = findTail(folder, epochs);
  const links = start.tail ? [start.tail, ...followBack(folder, start.tail)].toReversed() : [];
  const firstBad = links.findIndex((link) => link.damage);
  const readable = firstBad < 0 ? links : links.slice(0, firstBad + 1);
  return {
    events: readable.flatMap((link) => link.events),
    segments: [...links, ...start.unopened],
    damage: [...links, ...start.unopened].flatMap((link) => link.damage ?? []),
    tornBytes: start.tornBytes,
    tail: start.tail && { epoch: start.tail.epoch, bytes: start.tail.bytes, head: start.tail.head },
  };
}

function findTail(
  folder: string,
  epochs: readonly number[],
): { readonly tail: Link | null; readonly unopened: readonly Link[]; readonly tornBytes: number } {
  const unopened: Link[] = [];
  let tornBytes = 0;
  for (const epoch of epochs) {
    const file = segmentFile(folder, epoch);
    const scan = scanFile(file);
    const link = toLink(epoch, file, scan);
    if (!scan.damage && !scan.damaged) tornBytes += scan.rest;
    if (link.opened) return { tail: link, unopened, tornBytes };
    if (link.damage) unopened.unshift(link);
  }
  return { tail: null, unopened, tornBytes };
}

function followBack(folder: string, from: Link): readonly Link[] {
  const links: Link[] = [];
  let fence = from.opened?.prev;
  while (fence) {
    const link = fencedLink(folder, fence);
    links.push(link);
    // Epochs only fall: a changed record must not lead us in a circle.
    const before: Fence | null | undefined = link.opened?.prev;
    fence = before && before.epoch < link.epoch ? before : null;
  }
  return links;
}

function fencedLink(folder: string, fence: Fence): Link {
  const file = segmentFile(folder, fence.epoch);
  const scan = scanFile(file, fence.bytes);
  const link = toLink(fence.epoch, file, { ...scan, rest: 0, damaged: false });
  if (link.damage || (scan.bytes === fence.bytes && scan.head === fence.head)) return link;
  const detail =
    scan.rest === 0
      ? `the file ends ${fence.bytes - scan.bytes} bytes before the place where the next segment continues it`
      : 'a record does not match its checksum';
  return { ...link, damage: { file, byte: scan.bytes, detail } };
}

interface FileScan extends SegmentScan {
  readonly size: number;
  readonly damage?: Damage;
}

function scanFile(file: string, limit = Number.MAX_SAFE_INTEGER): FileScan {
  try {
    const buffer = withoutRoom(readRegular(file));
    return { ...scanSegment(buffer.subarray(0, limit)), size: buffer.length };
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    const detail = hasCode(error, 'ENOENT')
      ? 'the file is missing'
      : `it cannot be read (${errorCode(error)})`;
    return { ...scanSegment(Buffer.alloc(0)), size: 0, damage: { file, byte: 0, detail } };
  }
}

function toLink(epoch: number, file: string, scan: FileScan): Link {
  const [first, ...rest] = scan.records;
  const opened = asSegmentOpened(first);
  const damage =
    scan.damage ??
    (scan.damaged ? { file, byte: scan.bytes, detail: 'a record does not match its checksum' } : undefined);
  return {
    epoch,
    file,
    records: scan.records.length,
    bytes: scan.bytes,
    head: scan.head,
    ignoredBytes: Math.max(0, scan.size - scan.bytes - scan.rest),
    opened,
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the chain proves that our `append` wrote them
    events: (opened ? rest : []) as readonly RunEvent[],
    ...(damage && { damage }),
  };
}

/** The journal's part of `audit verify`; JSON as it is printed. */
export interface AuditReport {
  readonly ok: boolean;
  readonly records: number;
  readonly bytes: number;
  /** Hash of the last record: keep it elsewhere to prove later that nothing was cut off. */
  readonly head?: string;
  readonly torn_bytes: number;
  readonly segments: readonly AuditedSegment[];
}

/** One segment of an audited journal. */
interface AuditedSegment {
  readonly file: string;
  readonly epoch: number;
  readonly ok: boolean;
  readonly records: number;
  readonly bytes: number;
  readonly head: string;
  /** Written after the run was lost to another process; not part of the run. */
  readonly ignored_bytes: number;
  readonly bad_byte?: number;
  readonly detail?: string;
}

/** Verifies the hash chain of the run in `folder` (`state/runs/<id>`). File names are relative to it. */
export function auditRun(folder: string): AuditReport {
  const result = replay(path.join(folder, 'journal'));
  const segments = result.segments.map((segment) => ({
    file: path.relative(folder, segment.file),
    epoch: segment.epoch,
    ok: !segment.damage,
    records: segment.records,
    bytes: segment.bytes,
    head: segment.head,
    ignored_bytes: segment.ignoredBytes,
    ...(segment.damage && { bad_byte: segment.damage.byte, detail: segment.damage.detail }),
  }));
  return {
    ok: result.damage.length === 0,
    records: segments.reduce((sum, { records }) => sum + records, 0),
    bytes: segments.reduce((sum, { bytes }) => sum + bytes, 0),
    ...(result.tail && { head: result.tail.head }),
    torn_bytes: result.tornBytes,
    segments,
  };
}
