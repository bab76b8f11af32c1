import { setTimeout as delay } from 'node:timers/promises';
import { type LoadResult, startLoad } from '../delivery/support/load.ts';
import type { Finding } from './finding.ts';
import type { Ended } from './lab.ts';
import { checkCommands, checkJournal, checkStatus, currentRun, sayEnd } from './play.ts';
import { describe, processesIn, processesOfRun, processesWith, until } from './processes.ts';
import { sample, seeded } from './random.ts';
import { openShopLab, type ServiceName, type ShopLab } from './shop.ts';

const STAGES = ['analyze', 'test', 'build', 'deploy', 'verify'] as const;
type StageName = (typeof STAGES)[number];

/** After each stage was hit once: what touches the host is hit more often. */
const WEIGHTED: readonly StageName[] = ['deploy', 'deploy', 'deploy', 'verify', 'verify', ...STAGES];
const SERVICES: readonly ServiceName[] = ['api', 'web'];
const JSON_LINES = ['-y', '--output', 'json'];
const MOST_COMMANDS = 10;

interface Options {
  readonly rounds: number;
  readonly seed: number;
  /** By `performance.now()`; no round begins after it. */
  readonly deadlineMs: number;
}

/** What was seen over all rounds. */
interface Tally {
  readonly violations: string[];
  readonly hits: Record<string, number>;
  readonly recoveriesMs: number[];
  /** Of each stage when nothing disturbed it. */
  readonly durationsMs: Readonly<Record<string, number>>;
}

/**
 * Two services are deployed again and again by the autopilot while clients ask both. Each time Pipewright is killed in a
 * chosen stage, at a random moment of it, and taken up by `continue`, which may be killed once too.
 */
export async function playDeploys(options: Options): Promise<Finding> {
  const shop = await openShopLab();
  try {
    shop.commit({ api: 'api 0', web: 'web 0' });
    const first = await shop.lab.cli(['run', 'autopilot', ...JSON_LINES]);
    if (first.code !== 0) {
      return { name: 'deploys', violations: [`the first deploy ended with ${sayEnd(first)}`] };
    }
    const stages = Object.values(currentRun(shop.lab)?.stages ?? {});
    const durationsMs = Object.fromEntries(stages.map(({ name, duration_ms: ms = 0 }) => [name, ms]));
    const tally: Tally = { violations: [], hits: {}, recoveriesMs: [], durationsMs };
    return await playRounds(shop, options, tally);
  } finally {
    await shop.close();
  }
}

async function playRounds(shop: ShopLab, options: Options, tally: Tally): Promise<Finding> {
  const random = seeded(options.seed);
  const order = sample(random, STAGES, STAGES.length);
  const loads = SERVICES.flatMap((service) => [
    startLoad(shop.urls[service], { workers: 2 }),
    startLoad(shop.urls[service], { workers: 1, keepAlive: false }),
  ]);
  const stop = (): Promise<LoadResult[]> => Promise.all(loads.map((load) => load.stop()));
  try {
    let round = 0;
    while (round < options.rounds && performance.now() < options.deadlineMs) {
      const stage = order[round] ?? WEIGHTED[Math.floor(random() * WEIGHTED.length)] ?? 'deploy';
      round += 1;
      const problems = await playRound(shop, { round, stage, random, tally });
      tally.violations.push(...problems.map((line) => `round ${round}, ${stage}: ${line}`));
    }
    return summary(tally, await stop(), round);
  } finally {
    await stop();
  }
}

interface Round {
  readonly round: number;
  readonly stage: StageName;
  readonly random: () => number;
  readonly tally: Tally;
}

async function playRound(shop: ShopLab, { round, stage, random, tally }: Round): Promise<readonly string[]> {
  const expected = { api: `api ${round}`, web: `web ${round}` };
  shop.commit(expected);
  const afterMs = random() * (tally.durationsMs[stage] ?? 0);
  const history = [`run killed ${Math.round(afterMs)} ms into ${stage}`];
  count(shop, await killedIn(shop, stage, afterMs), tally);
  // As often as not the one that goes on is killed as well.
  const killAfterMs = random() < 0.5 ? 200 + random() * 2500 : undefined;
  history.push(...(await goOn(shop, tally, killAfterMs)));
  const violations = await checkRound(shop, expected);
  return violations.length > 0 ? [...violations, ...history.map((line) => `    ${line}`)] : [];
}

/** Continues the last run until it has ended; the first process that does so may be killed. Tells what it did. */
async function goOn(
  shop: ShopLab,
  tally: Tally,
  killAfterMs: number | undefined,
): Promise<readonly string[]> {
  const history: string[] = [];
  while (history.length < MOST_COMMANDS) {
    const run = currentRun(shop.lab);
    if (run?.status !== 'running' && run?.status !== 'interrupted') break;
    const attack = history.length === 0 && killAfterMs !== undefined ? { killAfterMs } : {};
    const ended = await shop.lab.cli(['continue', run.run_id, ...JSON_LINES], attack);
    history.push(`continue ${JSON.stringify(attack)} -> ${sayEnd(ended)}`);
    count(shop, ended, tally);
    if (ended.signal !== 'SIGKILL') tally.recoveriesMs.push(ended.durationMs);
  }
  return history;
}

/** `run autopilot`, killed so long after the stage has begun; the end of the run may come first. */
async function killedIn({ lab }: ShopLab, stage: StageName, afterMs: number): Promise<Ended> {
  const { child, ended } = lab.start(['run', 'autopilot', ...JSON_LINES]);
  let shown = '';
  const { promise: begun, resolve } = Promise.withResolvers<void>();
  child.stdout?.on('data', (text: string) => {
    shown += text;
    if (new RegExp(`^.*"type":"stage.started".*"stage":"${stage}"`, 'm').test(shown)) resolve();
  });
  await Promise.race([begun.then(() => delay(afterMs)), ended]);
  child.kill('SIGKILL');
  return ended;
}

/** Where the kill hit, by the journal: the stage that had begun and not ended. */
function count({ lab }: ShopLab, { signal }: Ended, { hits }: Tally): void {
  if (signal !== 'SIGKILL') return;
  const stages = Object.values(currentRun(lab)?.stages ?? {});
  const stage = stages.find(({ status }) => status === 'running')?.name ?? 'between stages';
  hits[stage] = (hits[stage] ?? 0) + 1;
}

async function checkRound(
  shop: ShopLab,
  expected: Readonly<Record<ServiceName, string>>,
): Promise<readonly string[]> {
  const { lab } = shop;
  const said = await Promise.all(
    SERVICES.map(async (service) => {
      const text = await shop.says(service);
      return text === expected[service] ? [] : [`${service} says "${text}", not "${expected[service]}"`];
    }),
  );
  return [
    ...said.flat(),
    ...checkStatus(lab, { status: 'success' }),
    ...checkJournal(lab),
    ...(await checkCommands(lab, { status: 'success' })),
    ...(await checkProcesses(shop)),
  ];
}

/** One instance a service and its proxy; nothing of the run, no keeper. */
async function checkProcesses({ lab }: ShopLab): Promise<readonly string[]> {
  const instances = () =>
    processesIn(lab.folder).filter(({ command }) => command.endsWith('node server.mjs'));
  const isSettled = await until(() => instances().length === SERVICES.length, 8000);
  const keepers = () => processesWith(lab.state);
  const isKeeperGone = await until(() => keepers().length === 0, 8000);
  const left = lab.runIds().flatMap((runId) => processesOfRun(runId));
  return [
    ...(isSettled ? [] : [`instances left, or missing: ${describe(instances())}`]),
    ...(isKeeperGone ? [] : [`keeper left: ${describe(keepers())}`]),
    ...(left.length > 0 ? [`processes left: ${describe(left)}`] : []),
  ];
}

function summary(
  { violations, hits, recoveriesMs }: Tally,
  counts: readonly LoadResult[],
  rounds: number,
): Finding {
  const sum = (pick: (load: LoadResult) => number): number =>
    counts.reduce((total, load) => total + pick(load), 0);
  const lost = sum(({ failed }) => failed);
  const missed = rounds < STAGES.length ? [] : STAGES.filter((stage) => hits[stage] === undefined);
  const recoveries = recoveriesMs.toSorted((a, b) => a - b);
  return {
    name: 'deploys',
    violations: [
      ...violations,
      ...(lost > 0 ? [`${lost} requests failed: ${JSON.stringify(counts.map(({ errors }) => errors))}`] : []),
      ...missed.map((stage) => `no kill hit ${stage}`),
    ],
    note: [
      `${rounds} deploys`,
      `${Object.values(hits).reduce((total, hit) => total + hit, 0)} kills: ${Object.entries(hits)
        .map(([stage, hit]) => `${stage} ${hit}`)
        .join(' ')}`,
      `${sum(({ sent }) => sent)} requests, ${lost} failed, slowest ${Math.max(...counts.map(({ max_ms: max }) => max))} ms`,
      `continue p50 ${Math.round(recoveries[Math.floor(recoveries.length / 2)] ?? 0)} ms`,
    ].join(', '),
  };
}
