import process from 'node:process';

/** Milliseconds of CPU time that this process has used: what a busy machine does to the clock does not count. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
