import { parseArgs } from 'node:util';
import { crashCases, nameOf, playCrash } from './crash-matrix.ts';
import { playCases } from './cases.ts';
import { playDeploys } from './deploys.ts';
import { playDisks } from './disks.ts';
import type { Finding } from './finding.ts';
import { play, type Played } from './play.ts';
import { inTurn } from './pool.ts';
import { playPowerCuts } from './power-cut.ts';
import { sample, seeded } from './random.ts';
import { playRandomKills } from './random-kills.ts';
import { playSharing } from './sharing.ts';
import { playOrphans, playSignals } from './signals.ts';
import { spawnStory } from './stories.ts';

/**
 * The long pass: `npm run chaos -- [experiment…] [--rounds 200] [--seed 1] [--minutes 60] [--width 2]`.
 * Ends with 1 when anything went wrong, or could not be done where CI is set.
 */
const EXPERIMENTS = {
  matrix,
  kills,
  spawn,
  signals: () => playSignals(),
  orphans: () => playOrphans(),
  sharing: () => playSharing(),
  disks: () => playDisks(),
  deploys: async () => [await playDeploys({ ...options, rounds: Number(values.rounds ?? 15) })],
  cases: async () => [await playCases({ ...options, rounds: Number(values.rounds ?? 20) })],
  power: () => playPowerCuts(Math.max(1, Math.round(options.rounds / 10)), options.seed),
} satisfies Record<string, () => Promise<readonly Finding[]>>;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '60' },
    width: { type: 'string', default: '2' },
  },
});
const options = {
  rounds: Number(values.rounds ?? 200),
  seed: Number(values.seed),
  width: Number(values.width),
  deadlineMs: performance.now() + Number(values.minutes) * 60_000,
};

async function kills(): Promise<readonly Finding[]> {
  const seeds = Array.from({ length: options.rounds }, (_, round) => options.seed * 1_000_000 + round);
  const rounds = await inTurn(seeds, options.width, (seed) => timely(() => playRandomKills(seed)));
  return [summary('random kills', rounds, (round) => `--seed ${seeds[round]}`)];
}

async function matrix(): Promise<readonly Finding[]> {
  // In an order of its own for each seed: with too little time another part is tried each time.
  const all = await crashCases();
  const cases = sample(seeded(options.seed), all, all.length);
  const played = await inTurn(cases, options.width, (crash) => timely(() => playCrash(crash)));
  const missed = cases.flatMap((crash, index) => (played[index]?.hasFired === false ? [nameOf(crash)] : []));
  const finding = summary('crash points', played, (index) => {
    const crash = cases[index];
    return crash ? nameOf(crash) : '';
  });
  return [
    { ...finding, violations: [...finding.violations, ...missed.map((name) => `not reached: ${name}`)] },
  ];
}

async function spawn(): Promise<readonly Finding[]> {
  const rounds = Array.from({ length: Math.max(1, Math.round(options.rounds / 10)) }, (_, round) => round);
  return [
    summary(
      'killed by the step',
      await inTurn(rounds, options.width, () => timely(() => play(spawnStory, () => ({})))),
      String,
    ),
  ];
}

/** Undefined once the time is up. */
async function timely<T>(work: () => Promise<T>): Promise<T | undefined> {
  return performance.now() > options.deadlineMs ? undefined : work();
}

function summary(
  name: string,
  rounds: readonly (Played | undefined)[],
  label: (index: number) => string,
): Finding {
  const done = rounds.flatMap((round) => round ?? []);
  const recoveries = done
    .flatMap(({ kills: count, recoveryMs }) => (count > 0 ? [recoveryMs] : []))
    .toSorted((a, b) => a - b);
  const count = (pick: (round: Played) => number): number =>
    done.reduce((sum, round) => sum + pick(round), 0);
  const cut = rounds.length - done.length;
  return {
    name,
    violations: rounds.flatMap((round, index) =>
      (round?.violations ?? []).map((line) => `${label(index)}: ${line}`),
    ),
    note: [
      `${done.length} rounds`,
      `${count(({ kills: killed }) => killed)} kills`,
      `${count(({ acked }) => acked)} acknowledged events`,
      `recovery p50 ${Math.round(recoveries[Math.floor(recoveries.length / 2)] ?? 0)} ms, max ${Math.round(recoveries.at(-1) ?? 0)} ms`,
      ...(cut > 0 ? [`${cut} rounds left out: time is up`] : []),
    ].join(', '),
  };
}

function isExperiment(name: string): name is keyof typeof EXPERIMENTS {
  return Object.hasOwn(EXPERIMENTS, name);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function main(): Promise<void> {
  const unknown = positionals.filter((name) => !isExperiment(name));
  if (unknown.length > 0) {
    say(`no such experiment: ${unknown.join(', ')}; there are ${Object.keys(EXPERIMENTS).join(', ')}`);
    process.exitCode = 2;
    return;
  }
  const chosen = (positionals.length > 0 ? positionals : Object.keys(EXPERIMENTS)).filter(isExperiment);
  for (const name of chosen) {
    for (const finding of await EXPERIMENTS[name]()) report(finding);
  }
}

function report({ name, violations, skipped, note }: Finding): void {
  const isBad = violations.length > 0 || (skipped !== undefined && process.env['CI'] !== undefined);
  const word = violations.length > 0 ? 'FAILED ' : skipped === undefined ? 'ok     ' : 'SKIPPED';
  say(
    `${word} ${name}${note === undefined ? '' : ` (${note})`}${skipped === undefined ? '' : `: ${skipped}`}`,
  );
  for (const line of violations) say(`        ${line}`);
  if (isBad) process.exitCode = 1;
}

await main();
