import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setInterval } from 'node:timers';
import { errorCode, hasCode } from '../core/error-code.ts';
import type { Identity } from '../core/ports.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { isAlive, thisProcess } from './process-identity.ts';
import { listFolder, readTextIfPresent, removeQuietly, temporaryName } from './safe-files.ts';

/** How often an owner shows processes of other machines and containers that it lives, milliseconds. */
const HEARTBEAT_MS = 5_000;
/** After this long without one they take it for dead. */
const SILENCE_MS = 30_000;
/** A bound against names that somebody planted; contenders need one or two. */
const MOST_TRIES = 1_000;

interface OwnerRecord extends ProcessIdentity {
  readonly host: string;
  readonly user: string;
  readonly at: string;
}

/** The newest claim on a run. */
export interface Owner {
  readonly epoch: number;
  readonly pid: number;
  readonly host: string;
  readonly alive: boolean;
}

/** A run that this process holds until `release`. */
export interface Claim {
  readonly epoch: number;
  readonly release: () => void;
}

/** Claims whose release could not be written (a full disk): known here at least. */
const releasedHere = new Set<string>();

/** The newest claim on the run in `folder`, if it was ever claimed. */
export function readOwner(folder: string): Owner | undefined {
  const names = listFolder(folder);
  const epoch = newestEpoch(names);
  if (epoch === 0) return undefined;
  const file = ownerFile(folder, epoch);
  const record = readRecord(file);
  const released = names.includes(path.basename(releaseFile(folder, epoch))) || releasedHere.has(file);
  return {
    epoch,
    pid: record?.pid ?? 0,
    host: record?.host ?? '',
    alive: !released && record !== undefined && lives(record, file),
  };
}

/**
 * Takes the run unless a live process holds it; then that owner is the answer.
 * The claim is a name made by link() from a complete file and never removed, so of any number of
 * contenders one gets it, and its number, above `usedEpoch`, fences the journal.
 * Throws errors of the operating system.
 */
export function claimRun(
  folder: string,
  author: { readonly identity: Identity; readonly at: string },
  usedEpoch: number,
): Claim | Owner {
  const { identity, at } = author;
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const owner = readOwner(folder);
    if (owner?.alive) return owner;
    const epoch = Math.max(owner?.epoch ?? 0, usedEpoch) + 1;
    if (linkClaim(folder, epoch, { ...thisProcess(), host: identity.host, user: identity.user, at }))
      return holdClaim(folder, epoch);
  }
  throw Object.assign(new Error(`no claim to be had in ${folder}`), { code: 'EBUSY' });
}

/** Tells the two answers of `claimRun` apart. */
export function isClaim(answer: Claim | Owner): answer is Claim {
  return 'release' in answer;
}

function linkClaim(folder: string, epoch: number, record: OwnerRecord): boolean {
  const file = ownerFile(folder, epoch);
  const temporary = temporaryName(file);
  try {
    fs.writeFileSync(temporary, `${JSON.stringify(record)}\n`, { flag: 'wx', mode: 0o600 });
    fs.linkSync(temporary, file);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    removeQuietly(temporary);
  }
}

function holdClaim(folder: string, epoch: number): Claim {
  const file = ownerFile(folder, epoch);
  const heartbeat = setInterval(() => touch(file), HEARTBEAT_MS);
  heartbeat.unref();
  return {
    epoch,
    release: () => {
      clearInterval(heartbeat);
      try {
        // A second name for the same file: needs no free block on a full disk.
        fs.linkSync(file, releaseFile(folder, epoch));
      } catch {
        releasedHere.add(file);
      }
    },
  };
}

function touch(file: string): void {
  try {
    fs.utimesSync(file, new Date(), new Date());
  } catch {
    // Processes on this machine do not need it.
  }
}

/**
 * On this machine and boot the process table decides, so a suspended owner keeps its run. Elsewhere
 * (a container, a shared disk) only the heartbeat tells. After a reboot nobody of before is left.
 */
function lives(record: OwnerRecord, file: string): boolean {
  const here = isAlive(record);
  if (here !== undefined) return here;
  const self = thisProcess();
  if (record.boot !== self.boot && record.host === os.hostname()) return false;
  const touched = fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return Date.now() - touched < SILENCE_MS;
}

function readRecord(file: string): OwnerRecord | undefined {
  try {
    const value: unknown = JSON.parse(readTextIfPresent(file) ?? '');
    return isOwnerRecord(value) ? value : undefined;
  } catch (error) {
    // Empty after a power cut, or planted: no process can stand behind it.
    if (error instanceof SyntaxError || errorCode(error) !== undefined) return undefined;
    throw error;
  }
}

function isOwnerRecord(value: unknown): value is OwnerRecord {
  if (typeof value !== 'object' || value === null) return false;
  const record = new Map<string, unknown>(Object.entries(value));
  return (
    Number.isSafeInteger(record.get('pid')) &&
    ['start', 'boot', 'namespace', 'host'].every((key) => typeof record.get(key) === 'string')
  );
}

function newestEpoch(names: readonly string[]): number {
  return names.reduce((newest, name) => {
    const digits = /^owner\.(\d{1,9})$/.exec(name)?.[1];
    return digits === undefined ? newest : Math.max(newest, Number(digits));
  }, 0);
}

function ownerFile(folder: string, epoch: number): string {
  return path.join(folder, `owner.${epoch}`);
}

function releaseFile(folder: string, epoch: number): string {
  return path.join(folder, `owner.${epoch}.released`);
}
