import { type Failure, failed, ok, type Result } from '../../core/failure.ts';
import { type FailedJob, type JobBroker, QUEUES, STEP_QUEUE } from '../../core/queue/broker.ts';
import { parseStepKey, workerName } from '../../core/queue/messages.ts';
import { type WorkerFacts, workerFactsSchema } from '../../core/queue/worker.ts';
import { formatDuration } from '../../core/quantities.ts';
import type { ResultsDelivery } from '../../core/results.ts';
import type { QueueCommand } from '../command.ts';
import { isProblems, printFailure, printJson, printProblems } from '../print.ts';
import { askKey } from '../prompter.ts';
import type { Problems, Services } from '../services.ts';

/** `queue stats|failed|retry|drain`. */
export async function queue(command: QueueCommand, services: Services): Promise<number> {
  if (command.verb === 'stats') return showStats(command, services);
  const broker = await (await services.queue()).broker();
  if (!broker.ok) return refused(command, services, broker.failure);
  try {
    const done = await VERBS[command.verb](command, services, broker.value);
    return done.ok ? done.value : await refused(command, services, done.failure);
  } finally {
    await broker.value.close();
  }
}

type Verb = (command: QueueCommand, services: Services, broker: JobBroker) => Promise<Result<number>>;

const VERBS: Readonly<Record<Exclude<QueueCommand['verb'], 'stats'>, Verb>> = {
  failed: listFailed,
  retry,
  drain,
};

function refused(command: QueueCommand, services: Services, failure: Failure | Problems): Promise<number> {
  return isProblems(failure)
    ? printProblems(services, command, failure)
    : printFailure(services, command, failure);
}

/** Of the queue and of the results of runs; a project may have either without the other. */
async function showStats(command: QueueCommand, services: Services): Promise<number> {
  const desk = await services.results();
  const results = desk && (await desk.deliver());
  const queues = await services.queue();
  // Without both the queue says what is missing.
  if (results && !(await queues.hasRedis())) {
    if (command.json)
      await printJson(services, { place: null, queues: [], workers: [], refused: {}, results });
    else await services.terminal.print(await resultLines(results, services));
    return 0;
  }
  const broker = await queues.broker();
  if (!broker.ok) return refused(command, services, broker.failure);
  try {
    const done = await stats({ command, services, broker: broker.value, results });
    return done.ok ? done.value : await refused(command, services, done.failure);
  } finally {
    await broker.value.close();
  }
}

async function resultLines(
  { delivered, pending, failure }: ResultsDelivery,
  services: Services,
): Promise<readonly string[]> {
  const { describeFailure } = await services.views();
  return [
    `Results: ${countOf(delivered)} brought now, ${countOf(pending)} pending`,
    ...(failure ? [`  ${describeFailure(failure)}`] : []),
  ];
}

function countOf(runs: number): string {
  return `${runs} run${runs === 1 ? '' : 's'}`;
}

async function stats({
  command,
  services,
  broker,
  results,
}: {
  readonly command: QueueCommand;
  readonly services: Services;
  readonly broker: JobBroker;
  readonly results: ResultsDelivery | undefined;
}): Promise<Result<number>> {
  const counts = await broker.counts();
  if (!counts.ok) return counts;
  const workers = await workersOf(broker);
  if (!workers.ok) return workers;
  const refusals = await broker.refused();
  if (!refusals.ok) return refusals;
  const queues = counts.value.filter((each) => command.queue === undefined || each.queue === command.queue);
  if (command.json) {
    const rows = queues.map((each) => ({ ...each, oldest_waiting_ms: each.oldest_waiting_ms ?? null }));
    await printJson(services, {
      place: broker.place,
      queues: rows,
      workers: workers.value,
      refused: refusals.value,
      results: results ?? null,
    });
    return ok(0);
  }
  const { table } = await services.views();
  const rows = queues.map(({ queue: name, oldest_waiting_ms: oldest, ...each }) => [
    name,
    ...[each.waiting, each.active, each.delayed, each.completed, each.failed].map(String),
    oldest === undefined ? '-' : formatDuration(oldest),
    each.per_minute.toFixed(1),
  ]);
  const busy = workers.value.map((each) => [
    each.worker,
    `${each.active} of ${each.concurrency} busy`,
    `${each.passed} passed, ${each.failed} failed, ${each.lost} lost`,
  ]);
  const refusedJobs = Object.entries(refusals.value).map(([reason, count]) => `${count} ${reason}`);
  await services.terminal.print([
    broker.place,
    '',
    ...table([STATS_HEAD, ...rows]),
    '',
    ...(busy.length === 0 ? ['No worker is there.'] : table(busy)),
    ...(refusedJobs.length === 0 ? [] : ['', `Refused jobs: ${refusedJobs.join(', ')}`]),
    ...(results ? ['', ...(await resultLines(results, services))] : []),
  ]);
  return ok(0);
}

const STATS_HEAD = ['queue', 'waiting', 'active', 'delayed', 'completed', 'failed', 'oldest', 'per minute'];

async function workersOf(broker: JobBroker): Promise<Result<readonly WorkerFacts[]>> {
  const present = await broker.present(workerName(''));
  if (!present.ok) return present;
  const known = Object.values(present.value).flatMap((text) => {
    const facts = workerFactsSchema.safeParse(parsed(text));
    return facts.success ? [facts.data] : [];
  });
  return ok(known);
}

/** Whoever can write to Redis may have written it. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function failedOf(command: QueueCommand, broker: JobBroker): Promise<Result<readonly FailedJob[]>> {
  const jobs = await broker.failedJobs(command.verb === 'failed' ? command.limit : Number.MAX_SAFE_INTEGER);
  if (!jobs.ok) return jobs;
  return ok(jobs.value.filter((job) => command.queue === undefined || job.queue === command.queue));
}

async function listFailed(
  command: QueueCommand,
  services: Services,
  broker: JobBroker,
): Promise<Result<number>> {
  const jobs = await failedOf(command, broker);
  if (!jobs.ok) return jobs;
  if (command.json) {
    await printJson(services, { failed: jobs.value });
    return ok(0);
  }
  const { table } = await services.views();
  const rows = jobs.value.map((job) => [job.failed_at, job.queue, job.id, job.reason]);
  await services.terminal.print(rows.length === 0 ? [NONE] : table(rows));
  return ok(0);
}

async function retry(command: QueueCommand, services: Services, broker: JobBroker): Promise<Result<number>> {
  const jobs = await failedOf(command, broker);
  if (!jobs.ok) return jobs;
  const chosen = command.all ? jobs.value : jobs.value.filter(({ id }) => id === command.job);
  if (chosen.length === 0 && !command.all) {
    return failed({ reason: 'invalid', message: `no failed job is called ${command.job ?? ''}` });
  }
  const outcomes: Retried[] = [];
  for (const job of chosen) {
    const outcome = await retryJob(job, broker);
    if (!outcome.ok) return outcome;
    outcomes.push(outcome.value);
  }
  if (command.json) await printJson(services, { jobs: outcomes });
  else await services.terminal.print(outcomes.length === 0 ? [NONE] : outcomes.map(retryLine));
  return ok(command.all || outcomes.some(({ retried }) => retried) ? 0 : 1);
}

const NONE = 'No job has failed.';
const GONE = 'it is not among the failed ones any more';

interface Retried {
  readonly id: string;
  readonly retried: boolean;
  readonly reason?: string;
}

async function retryJob(job: FailedJob, broker: JobBroker): Promise<Result<Retried>> {
  const { id, queue: name } = job;
  const why = await whyNot(job, broker);
  if (!why.ok) return why;
  if (why.value !== undefined) return ok({ id, retried: false, reason: why.value });
  const again = await broker.retry(name, id);
  if (!again.ok) return again;
  return ok(again.value ? { id, retried: true } : { id, retried: false, reason: GONE });
}

function retryLine({ id, retried, reason = GONE }: Retried): string {
  return `${id}: ${retried ? 'waits again' : `not retried: ${reason}`}`;
}

/** A step that somebody has decided about never runs from the queue again: its run does that, under another name. */
async function whyNot(job: FailedJob, broker: JobBroker): Promise<Result<string | undefined>> {
  if (job.queue !== STEP_QUEUE) return ok(undefined);
  const record = await broker.record(job.id);
  if (!record.ok) return record;
  if (record.value.claim === undefined && record.value.settled === undefined) return ok(undefined);
  const runId = parseStepKey(job.id)?.runId ?? '<run>';
  return ok(`its run has moved on; pipewright continue ${runId} or rerun ${runId} sends the step again`);
}

async function drain(command: QueueCommand, services: Services, broker: JobBroker): Promise<Result<number>> {
  const queues = QUEUES.filter((name) => command.queue === undefined || name === command.queue);
  if (!command.yes) {
    const { terminal } = services;
    if (!terminal.isInteractive || command.json) {
      return failed({
        reason: 'invalid',
        message: 'drain removes jobs that runs wait for, and nobody here can be asked',
        hint: 'pipewright queue drain -y',
      });
    }
    const text = `Remove every job that waits in ${queues.join(' and ')}? Runs that wait for them fail.  y(es), n(o): `;
    const answer = await askKey(terminal, { text, keys: { y: 'yes', n: 'no' } }, terminal.closed);
    await terminal.write(`${answer ?? ''}\n`);
    if (answer !== 'yes') return ok(1);
  }
  const removed: Record<string, number> = {};
  for (const name of queues) {
    const count = await broker.drain(name);
    if (!count.ok) return count;
    removed[name] = count.value;
  }
  if (command.json) await printJson(services, { removed });
  else
    await services.terminal.print(
      Object.entries(removed).map(([name, count]) => `${name}: ${count} removed`),
    );
  return ok(0);
}
