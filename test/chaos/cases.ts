import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Finding } from './finding.ts';
import { createLab, type Ended, type Lab, type StartOptions } from './lab.ts';
import { between, seeded } from './random.ts';

const CASES = 24;
const AT_ONCE = 12;
const PIPELINE = `name: proc
params: {case: {type: path, required: true}}
stages:
  - name: work
    uses: shell
    on_interrupt: retry
    steps:
      - {name: wait, command: sleep 0.3}
      - {name: count, command: "n={{.case}}; echo \${n##*/} >> world"}
`;

interface Round {
  readonly violations: readonly string[];
  readonly kills: number;
  /** From the start of the last watcher to its first case, milliseconds. */
  readonly recoveryMs: number;
  readonly mostAtOnce: number;
  readonly peakBytes: number;
}

/**
 * A watcher with 24 cases, 12 at a time, is killed at random moments up to three times; the one after that may finish. No case
 * may be lost, and none run twice.
 */
export async function playCases(options: {
  readonly rounds: number;
  readonly seed: number;
  readonly deadlineMs: number;
}): Promise<Finding> {
  const rounds: Round[] = [];
  for (let round = 0; round < options.rounds && performance.now() < options.deadlineMs; round += 1) {
    rounds.push(await playRound(options.seed * 1_000_000 + round));
  }
  const most = (pick: (round: Round) => number): number => Math.max(0, ...rounds.map(pick));
  const kills = rounds.reduce((sum, each) => sum + each.kills, 0);
  return {
    name: 'cases, killed while they are watched',
    violations: rounds.flatMap(({ violations }, round) =>
      violations.map((line) => `round ${round}: ${line}`),
    ),
    note:
      `${rounds.length} rounds, ${rounds.length * CASES} cases, ${kills} kills, at most ${most((each) => each.mostAtOnce)} at once, ` +
      `first case after a restart within ${(most((each) => each.recoveryMs) / 1000).toFixed(1)} s, ` +
      `memory at most ${Math.round(most((each) => each.peakBytes) / 2 ** 20)} MiB`,
  };
}

async function playRound(seed: number): Promise<Round> {
  const lab = createLab({ 'proc.yaml': PIPELINE });
  const random = seeded(seed);
  try {
    writeFileSync(
      path.join(lab.folder, 'pipewright.yaml'),
      `cases: {proc: {folder: inbox, marker: '{case}.done', poll: 200ms, max_parallel: ${AT_ONCE}}}\n`,
    );
    const names = Array.from({ length: CASES }, (_, index) => `case-${index}`);
    mkdirSync(path.join(lab.folder, 'inbox'));
    for (const name of names) {
      writeFileSync(path.join(lab.folder, 'inbox', name), name);
      writeFileSync(path.join(lab.folder, 'inbox', `${name}.done`), '');
    }
    const kills = between(random, 1, 3);
    let peakBytes = 0;
    for (let kill = 0; kill < kills; kill += 1) {
      const watched = await watch(lab, { killAfterMs: between(random, 50, 2500) });
      peakBytes = Math.max(peakBytes, watched.peakBytes);
    }
    const startedMs = Date.now();
    const last = await watch(lab);
    const first = eventsOf(last.ended).find(({ type }) => type !== 'watch.started');
    return {
      violations: violationsOf(lab, names, last.ended),
      kills,
      recoveryMs: first ? Date.parse(first.at) - startedMs : 0,
      mostAtOnce: mostAtOnce(last.ended),
      peakBytes: Math.max(peakBytes, last.peakBytes),
    };
  } finally {
    lab.dispose();
  }
}

async function watch(
  lab: Lab,
  options?: StartOptions,
): Promise<{ readonly ended: Ended; readonly peakBytes: number }> {
  const { child, ended } = lab.start(['watch', 'proc', '--once', '--json'], options);
  let peakBytes = 0;
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, peakOf(child.pid));
  }, 50);
  try {
    return { ended: await ended, peakBytes };
  } finally {
    clearInterval(timer);
  }
}

function violationsOf(lab: Lab, names: readonly string[], last: Ended): readonly string[] {
  const counts = new Map<string, number>();
  for (const line of lab.world()) counts.set(line, (counts.get(line) ?? 0) + 1);
  return [
    ...(last.code === 0
      ? []
      : [`the last watcher ended with ${last.signal ?? last.code}: ${last.stderr.trim()}`]),
    ...names.flatMap((name) =>
      counts.get(name) === 1 ? [] : [`${name} was run ${counts.get(name) ?? 0} times`],
    ),
  ];
}

interface Told {
  readonly type: string;
  readonly at: string;
}

function eventsOf({ stdout }: Ended): readonly Told[] {
  return stdout
    .split('\n')
    .slice(0, -1)
    .flatMap((line) => {
      const event: unknown = JSON.parse(line);
      return isTold(event) ? [event] : [];
    });
}

function isTold(value: unknown): value is Told {
  return typeof value === 'object' && value !== null && 'type' in value && 'at' in value;
}

function mostAtOnce(ended: Ended): number {
  let now = 0;
  let most = 0;
  for (const { type } of eventsOf(ended)) {
    if (type === 'case.taken' || type === 'case.continued') now += 1;
    if (type === 'case.finished') now -= 1;
    most = Math.max(most, now);
  }
  return most;
}

/** Peak resident memory of the watcher, bytes; 0 once it is gone. */
function peakOf(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
