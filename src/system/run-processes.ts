import { readdirSync, readFileSync } from 'node:fs';
import process from 'node:process';

/** A process that a run started, found by the variable that all its children inherit. */
export interface RunProcess {
  readonly pid: number;
  readonly runId: string;
  readonly command: string;
}

const COOKIE = 'PIPEWRIGHT_RUN=';

/** Processes of runs on this machine, this one not among them. Empty where there is no /proc. */
export function findRunProcesses(): readonly RunProcess[] {
  let entries: readonly string[];
  try {
    entries = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    const found = readProcess(Number(entry));
    return found && found.pid !== process.pid ? [found] : [];
  });
}

function readProcess(pid: number): RunProcess | undefined {
  try {
    const cookie = readFileSync(`/proc/${pid}/environ`, 'latin1')
      .split('\0')
      .find((variable) => variable.startsWith(COOKIE));
    if (cookie === undefined) return undefined;
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return { pid, runId: cookie.slice(COOKIE.length), command };
  } catch {
    // Ended meanwhile, or of another user.
    return undefined;
  }
}

/** SIGKILL to every process of a run: for a person who asks a second time. Returns how many there were. */
export function killRunProcesses(runId: string): number {
  const found = findRunProcesses().filter((candidate) => candidate.runId === runId);
  for (const { pid } of found) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Gone already.
    }
  }
  return found.length;
}
