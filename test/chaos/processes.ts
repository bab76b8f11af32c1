import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** A living process (a zombie is none). */
export interface FoundProcess {
  readonly pid: number;
  readonly command: string;
}

/** Processes that carry `PIPEWRIGHT_RUN=<runId>` in their environment: steps and what they started. */
export function processesOfRun(runId: string): readonly FoundProcess[] {
  return scan((pid) => read(`/proc/${pid}/environ`).split('\0').includes(`PIPEWRIGHT_RUN=${runId}`));
}

/** Processes with `text` in their command line. */
export function processesWith(text: string): readonly FoundProcess[] {
  return scan((pid) => read(`/proc/${pid}/cmdline`).includes(text));
}

/** Processes whose working folder lies in `folder`. */
export function processesIn(folder: string): readonly FoundProcess[] {
  return scan((pid) => workingFolder(pid).startsWith(`${folder}/`));
}

/** Asks every 50 ms until `isTrue` says so; false after `limitMs`. */
export async function until(isTrue: () => boolean, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (!isTrue()) {
    if (performance.now() > deadline) return false;
    await delay(50);
  }
  return true;
}

export function describe(found: readonly FoundProcess[]): string {
  return found.map(({ pid, command }) => `${pid} ${command.slice(0, 60)}`).join('; ');
}

function scan(isMeant: (pid: number) => boolean): readonly FoundProcess[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid && isMeant(pid) && !isZombie(pid))
    .map((pid) => ({ pid, command: read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim() }));
}

function workingFolder(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}

function isZombie(pid: number): boolean {
  return read(`/proc/${pid}/stat`).includes(') Z ');
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
