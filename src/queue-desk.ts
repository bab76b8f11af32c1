import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import type { Problems, ProjectPlaces, ProjectSettings, QueueDesk, WorkerRequest } from './cli/services.ts';
import { type Failure, failed, ok, type Result } from './core/failure.ts';
import type { RunPlace } from './core/engine/api.ts';
import type { Secrets } from './core/ports.ts';
import type { OpenQueue, QueueLink } from './core/queue/link.ts';
import type { RunningWorker } from './core/queue/worker.ts';
import { secretReferences, type StageSettings } from './core/settings/index.ts';
import type { StagePorts } from './core/stage-ports.ts';
import { createExecutors } from './executors/index.ts';
import { isAlive, thisProcess } from './persistence/process-identity.ts';
import { connectQueue, type ConnectedQueue } from './queue/index.ts';
import { backendOf } from './queue/options.ts';
import { isOld, Trees } from './queue/trees.ts';
import type { WorkerParts } from './queue/worker/parts.ts';
import { startWorker } from './queue/worker/worker.ts';
import { systemClock } from './system/clock.ts';

// Part of the composition root: what fills the ports of the queue.

interface DeskParts {
  readonly project: ProjectPlaces;
  readonly env: NodeJS.ProcessEnv;
  readonly secrets: Secrets;
  readonly say: (line: string) => void;
}

/** How the steps of one run get to workers; with an embedded queue its worker is in this process. */
export function linkOf(run: RunPlace, parts: DeskParts & { readonly vcs: StagePorts['vcs'] }): QueueLink {
  const settings = run.settings.queue;
  const { tree, job_expires, patience, lease, lock_duration } = settings;
  return {
    clock: systemClock,
    tree: backendOf(settings, parts.env) === 'embedded' ? 'here' : tree,
    open: async () => {
      const queue = await connectQueue(settings, parts);
      if (!queue.ok) return queue;
      const { broker, sealer, options } = queue.value;
      const worker =
        options.backend === 'embedded' ? await embeddedWorker(run, queue.value, parts) : ok(undefined);
      if (!worker.ok) return worker;
      const close = async (): Promise<void> => {
        await worker.value?.stop(0);
        await broker.close();
      };
      return ok({ broker, sealer, close } satisfies OpenQueue);
    },
    commit: () => committed(run.project, parts.vcs),
    timing: { expiresMs: job_expires, patienceMs: patience, leaseMs: lease, lockMs: lock_duration },
    say: parts.say,
  };
}

/** What is checked out; workers would not see what is not committed. */
async function committed(project: string, openVcs: StagePorts['vcs']): Promise<Result<string>> {
  const vcs = await openVcs(project);
  if (!vcs.ok) return vcs;
  if (vcs.value.kind !== 'git') {
    return failed({
      reason: 'invalid',
      message: 'workers prepare commits of git; with another system say queue: {tree: here}',
    });
  }
  const changes = await vcs.value.changes({ to: 'worktree' }, { lines: false });
  if (!changes.ok) return changes;
  const [first] = changes.value;
  if (first) {
    const more = changes.value.length > 1 ? ` and ${changes.value.length - 1} more` : '';
    return failed({
      reason: 'invalid',
      message: `${first.path}${more} differ from the commit, and workers prepare the commit`,
      hint: 'Commit them, or say queue: {tree: here} where workers share this folder.',
    });
  }
  return vcs.value.head();
}

async function embeddedWorker(
  run: RunPlace,
  { broker, sealer, options }: ConnectedQueue,
  parts: DeskParts,
): Promise<Result<RunningWorker>> {
  const { concurrency } = options;
  const { project } = parts;
  return startWorker(
    {
      clock: systemClock,
      ...identityOf(project.stateDir),
      broker,
      sealer,
      executor: localExecutor({ ...run, project: run.project }),
      // The same files as without a queue: another process finds what became of a step.
      runFolder: () => run.folder,
      tree: () => Promise.resolve(ok(run.project)),
      here: run.project,
      clean: () => Promise.resolve([]),
      timing: { lockMs: 5000, leaseMs: 30_000 },
      say: () => undefined,
    },
    { queues: ['test-execution'], concurrency, maxConcurrency: concurrency },
  );
}

/** What the commands `worker` and `queue` do. */
export function createQueueDesk(
  parts: DeskParts,
  settings: () => Promise<Result<ProjectSettings, Problems>>,
): QueueDesk {
  const connect = async (): Promise<
    Result<{ readonly queue: ConnectedQueue; readonly stage: StageSettings }, Problems | Failure>
  > => {
    const known = await settings();
    if (!known.ok) return known;
    const { stage } = known.value;
    if (backendOf(stage.queue, parts.env) === 'embedded') return failed(NO_REDIS);
    const queue = await connectQueue(stage.queue, parts);
    return queue.ok ? ok({ queue: queue.value, stage }) : queue;
  };
  return {
    hasRedis: async () => {
      const known = await settings();
      return known.ok && backendOf(known.value.stage.queue, parts.env) === 'redis';
    },
    broker: async () => {
      const connected = await connect();
      return connected.ok ? ok(connected.value.queue.broker) : connected;
    },
    work: async (request) => {
      const connected = await connect();
      if (!connected.ok) return connected;
      const worker = await startProjectWorker({ ...connected.value, request }, parts);
      if (!worker.ok) await connected.value.queue.broker.close();
      return worker;
    },
  };
}

const NO_REDIS: Failure = {
  reason: 'invalid',
  message:
    'there is no queue on Redis: neither queue.redis in pipewright.yaml nor REDIS_HOST says where it is',
  hint: 'Without Redis, run --executor queue uses a queue inside its own process.',
};

/** A worker of this project. */
async function startProjectWorker(
  given: {
    readonly queue: ConnectedQueue;
    readonly stage: StageSettings;
    readonly request: WorkerRequest;
  },
  { project }: DeskParts,
): Promise<Result<RunningWorker>> {
  const { stage: settings, queue, request } = given;
  const { isHere, say, queues } = request;
  const concurrency = request.concurrency ?? queue.options.concurrency;
  const folder = path.join(project.stateDir, 'worker');
  const trees = new Trees({ project: project.root, folder: path.join(folder, 'trees'), isAlive: isProcess });
  const { lock_duration: lockMs, lease: leaseMs } = settings.queue;
  fs.mkdirSync(path.join(folder, 'runs'), { recursive: true, mode: 0o700 });
  fs.mkdirSync(path.join(folder, 'trees'), { recursive: true, mode: 0o700 });
  const hidden = secretReferences(settings).flatMap((reference) =>
    reference.startsWith('env:') ? [reference.slice('env:'.length)] : [],
  );
  const identity = identityOf(project.stateDir);
  const started = await startWorker(
    {
      clock: systemClock,
      ...identity,
      broker: queue.broker,
      sealer: queue.sealer,
      // Told apart from what other workers and the producer have of the run: who dies takes only its own along.
      executor: ({ runId, ...run }) =>
        localExecutor({ project: project.root, hiddenVariables: hidden })({
          ...run,
          runId: `${runId}@${identity.self.worker}`,
        }),
      runFolder: (runId) => path.join(folder, 'runs', runId),
      tree: (runId, commit) => trees.prepare(runId, commit),
      ...(isHere && { here: project.root }),
      clean: async (olderThanMs, busy) => [
        ...(await trees.clean(olderThanMs, busy)),
        ...cleanRuns(path.join(folder, 'runs'), olderThanMs, busy),
      ],
      timing: { lockMs, leaseMs },
      say,
    },
    { queues, concurrency, maxConcurrency: Math.max(concurrency, request.maxConcurrency ?? concurrency) },
  );
  if (!started.ok) return started;
  const { facts, stop } = started.value;
  const stopAll = async (graceMs: number): Promise<void> => {
    await stop(graceMs);
    await queue.broker.close();
  };
  return ok({ facts, stop: stopAll });
}

function localExecutor(of: {
  readonly project: string;
  readonly hiddenVariables: readonly string[];
}): WorkerParts['executor'] {
  return ({ runId, folder, hidden }) =>
    createExecutors({
      runId,
      folder,
      project: of.project,
      hiddenVariables: [...new Set([...of.hiddenVariables, ...hidden])],
    }).open('local');
}

function identityOf(stateDir: string): Pick<WorkerParts, 'self' | 'isGone'> {
  const self = thisProcess();
  const host = hostname();
  const folder = createHash('sha256').update(path.resolve(stateDir)).digest('hex').slice(0, 12);
  return {
    self: {
      worker: `${host}-${process.pid}-${self.start}`.replaceAll(/[^\w.@-]/g, '-'),
      host,
      place: `${self.boot}/${folder}`,
      process: self,
    },
    isGone: (other) => {
      const alive = isAlive(other);
      return alive === undefined ? undefined : !alive;
    },
  };
}

function isProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Outputs and records of runs that nobody has touched for so long. */
function cleanRuns(folder: string, olderThanMs: number, busy: readonly string[]): readonly string[] {
  const names = fs.readdirSync(folder).filter((name) => !busy.includes(name));
  const old = names.filter((name) => isOld(path.join(folder, name), olderThanMs));
  for (const name of old) fs.rmSync(path.join(folder, name), { recursive: true, force: true });
  return old;
}
