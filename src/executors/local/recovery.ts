import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { laneExit, type LaneTry, laneTryOf } from './lane-records.ts';
import { BOOT_ID, isAlive, readText } from './processes.ts';
import {
  CALLED_OFF,
  type ExitRecord,
  parseClaim,
  parseExitRecord,
  type ProcessIdentity,
  type StepFiles,
} from './records.ts';

/** A try that had begun, in a shell of its own or in a lane. */
export interface BegunTry {
  readonly identity: ProcessIdentity;
  readonly lane?: LaneTry;
}

/** What the claim of an earlier try, or a lane, says. */
export type Began =
  | { readonly type: 'never-ran' }
  | ({ readonly type: 'running' } & BegunTry)
  /** The claim cannot be read: the machine lost power, or the disk was full. */
  | { readonly type: 'unknown' };

/** A claim is written in one piece right after it was created. */
const CLAIM_WAIT_MS = 1000;
const FIRST_POLL_MS = 20;
const LAST_POLL_MS = 200;

/** Creates the claim if nobody has: then the try never ran and never will, unless a lane has begun it. */
export async function callOff(files: StepFiles): Promise<Began> {
  const claimed = await claimOf(files);
  if (claimed.type !== 'never-ran') return claimed;
  const lane = await laneTryOf(path.dirname(files.claim), files.token);
  if (lane === undefined) return claimed;
  return lane === 'unknown' ? { type: 'unknown' } : { type: 'running', identity: lane.identity, lane };
}

async function claimOf(files: StepFiles): Promise<Began> {
  if (createClaim(files.claim)) return { type: 'never-ran' };
  const deadline = performance.now() + CLAIM_WAIT_MS;
  do {
    const claim = parseClaim(readText(files.claim) ?? '');
    if (claim === CALLED_OFF) return { type: 'never-ran' };
    if (claim) return { type: 'running', identity: claim };
    await delay(FIRST_POLL_MS);
  } while (performance.now() < deadline);
  return { type: 'unknown' };
}

/**
 * The machine has been restarted since somebody owned this run: a claim that is not there may have been
 * lost with the power, so it proves nothing.
 */
export function wasRestarted(runFolder: string): boolean {
  const owners = readdirSync(runFolder).filter((name) => /^owner\.\d+$/.test(name));
  return owners.some((name) => !(readText(path.join(runFolder, name)) ?? '').includes(BOOT_ID));
}

/** Owners of a run are numbered; whoever takes it over from us creates the next `owner.<n>`, before it looks at anything. */
export function successorFile(runFolder: string): string {
  const newest = Math.max(
    0,
    ...readdirSync(runFolder).map((name) => Number(/^owner\.(\d+)$/.exec(name)?.[1] ?? 0)),
  );
  return path.join(runFolder, `owner.${newest + 1}`);
}

function createClaim(file: string): boolean {
  try {
    writeFileSync(file, `${CALLED_OFF}\n`, { flag: 'wx', mode: 0o600 });
    return true;
  } catch {
    return false;
  }
}

/** Until the step's shell is gone, or done with it, ended by `stop` if `signal` aborts; true in that case. */
export async function waitForEnd(
  { identity, lane }: BegunTry,
  signal: AbortSignal,
  stop: () => Promise<void>,
): Promise<boolean> {
  // A lane may go on with others.
  const isRunning = (): boolean => isAlive(identity) && !(lane && laneExit(lane));
  for (let waitMs = FIRST_POLL_MS; isRunning(); waitMs = Math.min(waitMs * 1.5, LAST_POLL_MS)) {
    if (signal.aborted) {
      await stop();
      return true;
    }
    await delay(waitMs, undefined, { signal }).catch(() => undefined);
  }
  return false;
}

export function readExitRecord(files: StepFiles, { lane }: BegunTry): ExitRecord | undefined {
  return lane ? laneExit(lane) : parseExitRecord(readText(files.exit) ?? '');
}
