import { readFileSync } from 'node:fs';

/** The process and all below it, parents first. Only the process itself where there is no /proc. */
export function processTree(pid: number): readonly number[] {
  const found = [pid];
  // Grows while it is walked.
  for (const parent of found) found.push(...childrenOf(parent));
  return found;
}

function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1');
    return text.split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/**
 * To each of them at once: they are stopped before they are signalled. Otherwise a shell whose child ended
 * first would go on with its next command before its own signal came.
 */
export function signalTree(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  const tree = processTree(pid);
  for (const step of ['SIGSTOP', signal, 'SIGCONT'] as const) {
    for (const each of tree) send(each, step);
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended meanwhile.
  }
}
