import fs, { constants } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RunEvent } from '../core/events.ts';
import type { Identity, Journal } from '../core/ports.ts';
import { JournalError } from '../core/ports.ts';
import { crash, crashDue, crashPoint, crashRequested } from './crash-point.ts';
import { openRegular, syncFolder, writeAll } from './safe-files.ts';
import type { Fence } from './segment.ts';
import { CHAIN_START, encodeRecord, segmentFile } from './segment.ts';
import { unwritable } from './write-failure.ts';

/** A journal whose segment belongs to this process. */
export interface SegmentJournal extends Journal {
  /** Waits for writes under way; later appends reject. */
  readonly close: () => Promise<void>;
}

interface Entry {
  readonly types: readonly string[];
  readonly lines: string;
  readonly resolve: () => void;
  readonly reject: (error: JournalError) => void;
}

/**
 * Opens a new segment. It becomes durable, with the names in `folders`, together with its first events.
 * Throws errors of the operating system; `EEXIST` where another owner of this epoch got there first.
 */
export function openSegment(
  folder: string,
  fence: { readonly epoch: number; readonly prev: Fence | null },
  author: { readonly at: string; readonly identity: Identity },
  folders: readonly string[],
): SegmentJournal {
  const file = segmentFile(folder, fence.epoch);
  const { O_WRONLY, O_CREAT, O_EXCL } = constants;
  const fd = openRegular(file, O_WRONLY | O_CREAT | O_EXCL);
  const { line, head } = encodeRecord(CHAIN_START, {
    type: 'segment.opened',
    format: 1,
    epoch: fence.epoch,
    at: author.at,
    pid: process.pid,
    host: author.identity.host,
    prev: fence.prev,
  });
  const text = createText(fd);
  try {
    text.write(Buffer.from(line));
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
  return createWriter({ file, text, head, folders: [folder, ...folders] });
}

/** Written in advance as zeros: a sync that changes neither size nor place of a file takes half the time. */
const ROOM_BYTES = 64 * 1024;

/** What a segment says so far, and room for more. Readers take zeros at its end for nothing. */
interface SegmentFile {
  readonly fd: number;
  /** Throws errors of the operating system. */
  readonly write: (data: Uint8Array) => void;
  /** As a crash in the middle of `write` leaves it. */
  readonly tear: (data: Uint8Array) => void;
  readonly close: () => void;
}

function createText(fd: number): SegmentFile {
  let length = 0;
  let roomEnd = 0;
  const makeRoom = () => {
    const from = length;
    roomEnd = from + ROOM_BYTES;
    try {
      writeAll(fd, Buffer.alloc(ROOM_BYTES), from);
    } catch {
      // A full disk: what can be written is written without, and says so itself when it cannot.
      roomEnd = Infinity;
    }
  };
  return {
    fd,
    write: (data) => {
      writeAll(fd, data, length);
      length += data.length;
      if (length >= roomEnd) makeRoom();
    },
    tear: (data) => void fs.writeSync(fd, data, 0, data.length >> 1, length),
    close: () => {
      try {
        fs.ftruncateSync(fd, length);
      } catch {
        // Zeros stay.
      }
      fs.closeSync(fd);
    },
  };
}

function createWriter(segment: {
  readonly file: string;
  readonly text: SegmentFile;
  readonly head: string;
  readonly folders: readonly string[];
}): SegmentJournal {
  let { head, folders } = segment;
  let queue: Entry[] = [];
  let flushing: Promise<void> | undefined;
  let broken: JournalError | undefined;
  let closed = false;

  const flush = async () => {
    // Callers of the same turn share one write and one sync: the end of a step and the start of the next one.
    await nextTurn();
    while (queue.length > 0 && !broken) {
      const batch = queue;
      queue = [];
      try {
        // The names, where they are new, at the same time as the first events.
        await Promise.all([writeBatch(segment.text, batch), ...folders.map(syncFolder)]);
        folders = [];
        acknowledge(batch);
      } catch (error) {
        // Never retried: after a failed sync the kernel may call lost pages clean.
        broken = new JournalError(unwritable(error, segment.file));
        for (const entry of [...batch, ...queue]) entry.reject(broken);
        queue = [];
      }
    }
    flushing = undefined;
  };

  return {
    append: (events) => {
      if (broken) return Promise.reject(broken);
      if (closed) return Promise.reject(new Error(`the journal ${segment.file} was closed`));
      if (events.length === 0) return Promise.resolve();
      return new Promise((resolve, reject) => {
        const encoded = encodeAll(head, events);
        head = encoded.head;
        queue.push({ ...encoded, resolve, reject });
        flushing ??= flush();
      });
    },
    close: async () => {
      if (closed) return;
      closed = true;
      await flushing;
      segment.text.close();
    },
  };
}

function encodeAll(head: string, events: readonly RunEvent[]) {
  let chained = head;
  let lines = '';
  for (const event of events) {
    const record = encodeRecord(chained, event);
    chained = record.head;
    lines += record.line;
  }
  return { head: chained, lines, types: events.map(({ type }) => type) };
}

async function writeBatch(text: SegmentFile, batch: readonly Entry[]): Promise<void> {
  const data = Buffer.from(batch.map(({ lines }) => lines).join(''));
  if (crashRequested) crashWhileWriting(text, data, batch);
  text.write(data);
  if (crashRequested) crashAt(batch, 'before-sync');
  await sync(text.fd);
  if (crashRequested) crashAt(batch, 'after-sync');
}

/** A sync that is done sooner is waited for on the spot: handing it to a thread and back costs as much again. */
const QUICK_MS = 1.5;
/** So many in a row: a disk that is slow now and then holds up nobody but the journal. */
const QUICK_IN_A_ROW = 4;
let quickInARow = 0;

async function sync(fd: number): Promise<void> {
  const beganMs = performance.now();
  if (quickInARow >= QUICK_IN_A_ROW) fs.fdatasyncSync(fd);
  else await syncInThread(fd);
  quickInARow = performance.now() - beganMs < QUICK_MS ? quickInARow + 1 : 0;
}

function syncInThread(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.fdatasync(fd, (error) => (error ? reject(error) : resolve()));
  });
}

function acknowledge(batch: readonly Entry[]): void {
  for (const entry of batch) entry.resolve();
  // After everyone who waited has had the turn in which to act on it.
  if (crashRequested) setImmediate(() => crashAt(batch, 'after-ack'));
}

function crashAt(batch: readonly Entry[], phase: string): void {
  for (const type of batch.flatMap(({ types }) => types)) crashPoint(`${type}:${phase}`);
}

function crashWhileWriting(text: SegmentFile, data: Buffer, batch: readonly Entry[]): void {
  crashAt(batch, 'before-write');
  for (const type of batch.flatMap(({ types }) => types)) {
    if (!crashDue(`${type}:torn-write`)) continue;
    text.tear(data);
    crash();
  }
}
