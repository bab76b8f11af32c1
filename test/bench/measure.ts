import { spawn } from 'node:child_process';

/** A command under the stopwatch. */
export interface Subject {
  readonly name: string;
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Before each run, outside the measured time. */
  readonly before?: () => void;
  /** Exit codes that count as done; default 0 alone. */
  readonly codes?: readonly number[];
}

/** Milliseconds of each round, in order. */
export type Times = Readonly<Record<string, readonly number[]>>;

/**
 * Runs the subjects in turn, `rounds` times, in rotating order, so that whatever else the machine does
 * falls on all of them. One round before is not counted.
 */
export async function interleaved(subjects: readonly Subject[], rounds: number): Promise<Times> {
  const times: Record<string, number[]> = Object.fromEntries(subjects.map(({ name }) => [name, []]));
  for (let round = -1; round < rounds; round += 1) {
    for (let place = 0; place < subjects.length; place += 1) {
      const subject = subjects[(place + round + subjects.length) % subjects.length];
      if (!subject) continue;
      subject.before?.();
      const took = await time(subject);
      if (round >= 0) times[subject.name]?.push(took);
    }
  }
  return times;
}

/** Milliseconds from the spawn to the exit. Rejects when it fails: a quick failure is no good time. */
export function time({ name, command, cwd, env, codes = [0] }: Subject): Promise<number> {
  const [program = '', ...args] = command;
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(program, args, {
      cwd,
      env: { ...baseEnvironment(), ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      if (stderr.length < 2000) stderr += chunk.toString();
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      const took = performance.now() - began;
      if (code !== null && codes.includes(code)) resolve(took);
      else reject(new Error(`${name} ended with ${signal ?? code}: ${stderr.trim()}`));
    });
  });
}

/** Ours without what would change the subjects. */
export function baseEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value === undefined || /^(PIPEWRIGHT_|WIREIT_|npm_|NODE_OPTIONS$|MAKE)/.test(name)
        ? []
        : [[name, value]],
    ),
  );
}

/** Least, middle and greatest of some numbers. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  const lower = sorted.length % 2 === 0 ? (sorted[middle - 1] ?? upper) : upper;
  return { min: sorted[0] ?? Number.NaN, median: (lower + upper) / 2, max: sorted.at(-1) ?? Number.NaN };
}

/** Of each round by itself: what slowed both down cancels out. */
export function ratios(times: Times, subject: string, against: string): Spread {
  const base = times[against] ?? [];
  return spread((times[subject] ?? []).map((value, round) => value / (base[round] ?? Number.NaN)));
}
