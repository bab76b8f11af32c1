import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BOOT_ID, isAlive, readText } from './processes.ts';
import {
  CALLED_OFF,
  type ExitRecord,
  parseClaim,
  isOfLane,
  parseExitRecord,
  type ProcessIdentity,
  type StepFiles,
} from './records.ts';

/** What the claim of an earlier try says. */
export type Began =
  | { readonly type: 'never-ran' }
  | { readonly type: 'running'; readonly identity: ProcessIdentity }
  /** The claim cannot be read: the machine lost power, or the disk was full. */
  | { readonly type: 'unknown' };

/** A claim is written in one piece right after it was created. */
const CLAIM_WAIT_MS = 1000;
const FIRST_POLL_MS = 20;
const LAST_POLL_MS = 200;

/** Creates the claim if nobody has: then the try never ran and never will. */
export async function callOff(files: StepFiles): Promise<Began> {
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
  { identity, files }: { readonly identity: ProcessIdentity; readonly files: StepFiles },
  signal: AbortSignal,
  stop: () => Promise<void>,
): Promise<boolean> {
  const isRunning = (): boolean => isAlive(identity) && !isOfLane(readText(files.exit) ?? '');
  for (let waitMs = FIRST_POLL_MS; isRunning(); waitMs = Math.min(waitMs * 1.5, LAST_POLL_MS)) {
    if (signal.aborted) {
      await stop();
      return true;
    }
    await delay(waitMs, undefined, { signal }).catch(() => undefined);
  }
  return false;
}

export function readExitRecord(files: StepFiles): ExitRecord | undefined {
  return parseExitRecord(readText(files.exit) ?? '');
}
