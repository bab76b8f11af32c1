import { constants, fstatSync, openSync, readdirSync, readSync, writeSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hasCode } from '../../core/error-code.ts';
import { isAlive, readText, send } from './processes.ts';
import { type ExitRecord, parseClaim, parseExitRecord, type ProcessIdentity } from './records.ts';

/**
 * Every lane appends what becomes of its jobs to one file in `<run>/steps`, where a step with a shell of its
 * own has a claim and an exit record: a new file costs more than everything else about a short step.
 *
 *     <boot id> <line of /proc/<pid>/stat>      the lane, as in a claim; nothing ran before this line was there
 *     begin <token>                             the lane has one job at a time
 *     exit 0 12 3                               as in an exit record; `refused` when nothing ran, `orphan-killed` by the keeper
 *     0m0.00s 0m0.00s …
 *
 * Of two ends of one job the first counts.
 */
export const BEGIN = 'begin';

/** No token of a step has a `+`. */
const LANE_FILE = /^lane\+/;

/** Its first look is soon: a lane whose owner is gone ends at once. */
const FIRST_POLL_MS = 2;
const LAST_POLL_MS = 50;
/** A lane that neither begins nor ends has an owner that hangs: it is ended. */
const PATIENCE_MS = 1000;
/** What KILL does not end hangs in the kernel. */
const KILL_WAIT_MS = 5000;

/** A lane's file, in the hands of the process that gives it jobs. */
export class LaneFile {
  readonly fd: number;
  readonly name: string;
  /** Bytes that were read or written by us. */
  #position = 0;

  private constructor(fd: number, name: string) {
    this.fd = fd;
    this.name = name;
  }

  /** Throws what the file system throws. */
  static create(folder: string): LaneFile {
    const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants;
    for (;;) {
      created += 1;
      const name = `lane+${process.pid}-${created}`;
      try {
        const flags = O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW;
        return new LaneFile(openSync(path.join(folder, name), flags, 0o600), name);
      } catch (error) {
        // Of an earlier owner with our process number.
        if (!hasCode(error, 'EEXIST')) throw error;
      }
    }
  }

  /** Before its first job. Throws what the file system throws. */
  introduce(claimText: string): void {
    this.#position += writeSync(this.fd, `${claimText}\n`);
  }

  /** How the job ended that the lane has just reported. */
  exitOf(token: string): ExitRecord | undefined {
    const size = fstatSync(this.fd).size;
    const buffer = Buffer.allocUnsafe(size - this.#position);
    const length = readSync(this.fd, buffer, 0, buffer.length, this.#position);
    this.#position = size;
    const part = partOf(`\n${buffer.toString('latin1', 0, length)}`, token);
    return part === undefined ? undefined : parseExitRecord(part);
  }
}

let created = 0;

/** What the file says after the begin of that try; undefined when it has not begun there. */
function partOf(text: string, token: string): string | undefined {
  const begin = `\n${BEGIN} ${token}\n`;
  const start = text.indexOf(begin);
  if (start === -1) return undefined;
  const part = text.slice(start + begin.length);
  const next = part.search(new RegExp(`^${BEGIN} `, 'm'));
  return next === -1 ? part : part.slice(0, next);
}

/** A try that a lane has begun. */
export interface LaneTry {
  readonly file: string;
  readonly token: string;
  readonly identity: ProcessIdentity;
}

export function laneExit({ file, token }: Pick<LaneTry, 'file' | 'token'>): ExitRecord | undefined {
  return parseExitRecord(partOf(readText(file) ?? '', token) ?? '');
}

/**
 * The lane that has begun the try; undefined when none has, and none will: asked after the try was called
 * off, which every job looks at first. A job may still be on its way to a lane, so a lane that has none
 * is waited for: without its owner it ends. `unknown` when one cannot be ended.
 */
export async function laneTryOf(folder: string, token: string): Promise<LaneTry | 'unknown' | undefined> {
  for (const name of readdirSync(folder)) {
    if (!LANE_FILE.test(name)) continue;
    const found = await settled(path.join(folder, name), token);
    if (found) return found;
  }
  return undefined;
}

async function settled(file: string, token: string): Promise<LaneTry | 'unknown' | undefined> {
  const beganMs = performance.now();
  for (let waitMs = FIRST_POLL_MS; ; waitMs = Math.min(waitMs * 2, LAST_POLL_MS)) {
    // In this order: what it wrote before it ended is read.
    const identity = identityIn(readText(file) ?? '');
    const isOver = !identity || !isAlive(identity);
    const text = readText(file) ?? '';
    if (identity && partOf(text, token) !== undefined) return { file, token, identity };
    // It got no other job before the end of its present one.
    if (isOver || isBusy(text)) return undefined;
    const waitedMs = performance.now() - beganMs;
    if (waitedMs > PATIENCE_MS + KILL_WAIT_MS) return 'unknown';
    if (waitedMs > PATIENCE_MS) send(identity.pid, 'SIGKILL');
    await delay(waitMs);
  }
}

/** Undefined for a lane that was not introduced, and so had no job. */
function identityIn(text: string): ProcessIdentity | undefined {
  const claim = parseClaim(text.slice(0, text.indexOf('\n') + 1));
  return typeof claim === 'object' ? claim : undefined;
}

function isBusy(text: string): boolean {
  const last = text.lastIndexOf(`\n${BEGIN} `);
  if (last === -1) return false;
  const end = text.indexOf('\n', last + 1);
  return parseExitRecord(text.slice(end + 1)) === undefined;
}
