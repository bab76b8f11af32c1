import type { RunEvent } from '../../src/core/events.ts';
import { canonical, createLab, type Ended, keyOf, type Lab, type StartOptions } from './lab.ts';
import { describe, processesOfRun, processesWith, until } from './processes.ts';
import type { Story } from './stories.ts';

/** What one story under attack came to. */
export interface Played {
  /** What should not have been; empty when all went well. */
  readonly violations: readonly string[];
  /** Processes of Pipewright that died by SIGKILL. */
  readonly kills: number;
  /** Events that a process had shown before. */
  readonly acked: number;
  /** Of the last command, milliseconds: how long it took to finish what was left. */
  readonly recoveryMs: number;
  /** Of all segments, oldest first. */
  readonly events: readonly RunEvent[];
}

/** What to do to the n-th process (from 0); `kills` is how many have died by SIGKILL so far. */
export type Attack = (turn: number, kills: number) => StartOptions;

const MOST_COMMANDS = 30;

/** Plays a story to its end in a folder of its own, restarting what was killed, and checks everything. */
export async function play(story: Story, attack: Attack): Promise<Played> {
  const lab = createLab(story.pipelines);
  try {
    return await playIn(lab, story, attack);
  } finally {
    lab.dispose();
  }
}

/** As `play`, in a lab that the caller made and removes. */
export async function playIn(lab: Lab, story: Story, attack: Attack): Promise<Played> {
  const history: string[] = [];
  let kills = 0;
  let recoveryMs = 0;
  for (let turn = 0; turn < MOST_COMMANDS; turn += 1) {
    const args = story.next(currentRun(lab));
    if (!args) break;
    const options = attack(turn, kills);
    const ended = await lab.cli(args, options);
    if (ended.signal === 'SIGKILL') kills += 1;
    recoveryMs = ended.durationMs;
    history.push(`${args.join(' ')} ${JSON.stringify(options)} -> ${sayEnd(ended)}`);
  }
  const violations = await check(lab, story);
  const told = violations.length > 0 ? [...violations, ...history.map((line) => `    ${line}`)] : [];
  return {
    violations: told,
    kills,
    acked: lab.acked.size,
    recoveryMs,
    events: lab.runIds().flatMap((runId) => lab.replay(runId).events),
  };
}

/** How a process ended, and what it complained about. */
export function sayEnd({ code, signal, stderr }: Ended): string {
  return `${signal ?? code}${stderr.trim() === '' ? '' : ` | ${stderr.trim().slice(0, 400)}`}`;
}

/** The run whose journal has begun; a crash before that leaves a folder that means nothing. */
export function currentRun(lab: Lab) {
  const runId = lab.runIds().findLast((id) => lab.replay(id).events.length > 0);
  return runId === undefined ? undefined : lab.runState(runId);
}

/** All invariants of a story that has ended. */
export async function check(lab: Lab, story: Pick<Story, 'status' | 'world'>): Promise<readonly string[]> {
  return [
    ...checkJournal(lab),
    ...checkWorld(lab.world(), story.world),
    ...checkStatus(lab, story),
    ...(await checkProcesses(lab)),
    ...(await checkCommands(lab, story)),
  ];
}

/** Acknowledged is durable: what a process showed is in the journal, unchanged, and no journal is damaged. */
export function checkJournal(lab: Lab): readonly string[] {
  const replays = lab.runIds().map((runId) => ({ runId, ...lab.replay(runId) }));
  const found = new Map(
    replays.flatMap(({ events }) => events.map((event) => [keyOf(event), canonical(event)] as const)),
  );
  return [
    ...[...lab.acked].flatMap(([key, text]) => {
      if (!found.has(key)) return [`lost: acknowledged event ${key} ${text.slice(0, 120)}`];
      return found.get(key) === text ? [] : [`changed: acknowledged event ${key}`];
    }),
    ...replays.flatMap(({ runId, damage }) =>
      damage.map(({ file, byte, detail }) => `damaged: ${runId} ${file} byte ${byte}: ${detail}`),
    ),
    ...replays.flatMap(({ runId, events }) =>
      events.flatMap(({ seq }, index) => (seq === index ? [] : [`gap: ${runId} has seq ${seq} at ${index}`])),
    ),
  ];
}

/** Every line exactly once, and no other. */
export function checkWorld(actual: readonly string[], expected: readonly string[]): readonly string[] {
  const counts = new Map(expected.map((line) => [line, 0]));
  for (const line of actual) counts.set(line, (counts.get(line) ?? 0) + 1);
  return [...counts].flatMap(([line, count]) => {
    if (!expected.includes(line)) return [`unexpected in the world: ${JSON.stringify(line)}`];
    return count === 1 ? [] : [`${line} happened ${count} times`];
  });
}

/** The last run has come to this end, with no stage open. */
export function checkStatus(lab: Lab, story: Pick<Story, 'status'>): readonly string[] {
  const run = currentRun(lab);
  if (!run) return ['no run was left'];
  const open = Object.values(run.stages).filter(({ status }) => status === 'running' || status === 'waiting');
  return [
    ...(run.status === story.status ? [] : [`the run ended as ${run.status}, not ${story.status}`]),
    ...open.map(({ name, status }) => `stage ${name} stayed ${status}`),
  ];
}

async function checkProcesses(lab: Lab): Promise<readonly string[]> {
  const left = lab.runIds().flatMap((runId) => processesOfRun(runId));
  // A keeper whose owner was killed looks around for a moment after its successor has ended the run.
  const isKeeperGone = await until(() => processesWith(lab.folder).length === 0, 8_000);
  return [
    ...(left.length > 0 ? [`processes left: ${describe(left)}`] : []),
    ...(isKeeperGone ? [] : [`keeper left: ${describe(processesWith(lab.folder))}`]),
  ];
}

interface RunsDocument {
  readonly pipelines: readonly { readonly pipeline_id: string; readonly status: string }[];
}

/** `runs` shows no ghost and the right end; `audit verify` is content. */
export async function checkCommands(lab: Lab, story: Pick<Story, 'status'>): Promise<readonly string[]> {
  const run = currentRun(lab);
  const runs = await lab.cli(['runs', '--json', '--limit', '0']);
  if (runs.code !== 0) return [`runs --json ended with ${sayEnd(runs)}`];
  const document: unknown = JSON.parse(runs.stdout);
  const listed = isRunsDocument(document) ? document.pipelines : [];
  const ghosts = listed.filter(({ status }) => status === 'running' || status === 'interrupted');
  const own = listed.filter(({ pipeline_id: id }) => id === run?.run_id);
  const audit = run && (await lab.cli(['audit', 'verify', run.run_id]));
  return [
    ...ghosts.map(({ pipeline_id: id, status }) => `ghost in runs --json: ${id} ${status}`),
    ...(own.length === 1 && own[0]?.status === story.status
      ? []
      : [
          `runs --json says ${JSON.stringify(own.map(({ status }) => status))} of a run that is ${story.status}`,
        ]),
    ...(audit && audit.code !== 0 ? [`audit verify ended with ${sayEnd(audit)} ${audit.stdout}`] : []),
  ];
}

/** Whether it is what `runs --json` prints. */
export function isRunsDocument(value: unknown): value is RunsDocument {
  return (
    typeof value === 'object' && value !== null && 'pipelines' in value && Array.isArray(value.pipelines)
  );
}
