import { plainPipeline, plainShell } from './definitions.ts';
import { createHash } from 'node:crypto';
import type {
  StageDefinition,
  PipelineDefinition,
  StepDefinition,
  CommandTemplate,
} from '../../src/core/definition.ts';
import type { Drive, EngineDeps, StartRequest } from '../../src/core/engine/api.ts';
import type { RunEvent } from '../../src/core/events.ts';
import { failed, ok } from '../../src/core/failure.ts';
import type {
  CachedResult,
  Clock,
  Command,
  CommandOutcome,
  Executor,
  Recovered,
  RunHandle,
  RunRequest,
  RunStore,
} from '../../src/core/ports.ts';
import type { RunRecord, StateIndex } from '../../src/core/run-index.ts';
import { defaultSettings } from '../../src/core/settings/index.ts';
import { stageKinds } from '../../src/stages/index.ts';

/** A clock that moves one millisecond per look; sleepers wake in the order of their times when all else is idle. */
export function fakeClock(): Clock & { readonly advance: (ms: number) => void } {
  let ms = Date.UTC(2026, 0, 1);
  return {
    now: () => new Date(ms).toISOString(),
    nowMs: () => ms,
    monotonicMs: () => ms++,
    advance: (by) => void (ms += by),
    sleep: async (delayMs, signal) => {
      // Deadlines are long, back-offs short: only the short ones pass by themselves.
      if (delayMs >= 30_000) {
        await new Promise<void>((resolve) => {
          if (signal.aborted) resolve();
          else signal.addEventListener('abort', () => resolve(), { once: true });
        });
        return false;
      }
      await Promise.resolve();
      if (signal.aborted) return false;
      ms += delayMs;
      return true;
    },
  };
}

export type Script = Readonly<
  Record<string, CommandOutcome | ((signal: AbortSignal) => Promise<CommandOutcome>)>
>;

/** An executor that answers by the command's text; unknown commands succeed. Remembers what it ran. */
export function scriptedExecutor(script: Script): Executor & {
  readonly ran: Command[];
  readonly recoveries: Record<string, Recovered>;
} {
  const ran: Command[] = [];
  const recoveries: Record<string, Recovered> = {};
  return {
    name: 'local',
    ran,
    recoveries,
    run: async (asked, _output, signal) => {
      ran.push(asked);
      const answer = script[asked.script] ?? {};
      return typeof answer === 'function' ? answer(signal) : answer;
    },
    recover: (asked) => Promise.resolve(recoveries[asked.token] ?? { state: 'never-ran' }),
    stopLeftovers: () => Promise.resolve([]),
    close: () => Promise.resolve(),
  };
}

export interface MemoryStore extends RunStore {
  readonly journals: Map<string, RunEvent[]>;
  readonly records: RunRecord[];
  /** Delivered to the owner of the run, as if another process had asked. */
  readonly deliver: (request: RunRequest) => void;
  readonly artifacts: Map<string, string>;
  locked: StateIndex['locked'];
  consecutive: Record<string, number>;
}

/** A store that forgets when the process ends. */
export function memoryStore(): MemoryStore {
  const journals = new Map<string, RunEvent[]>();
  const records: RunRecord[] = [];
  const listeners = new Set<(request: RunRequest) => void>();
  const artifacts = new Map<string, string>();
  const handleOf = (runId: string): RunHandle => ({
    runId,
    folder: `/state/runs/${runId}`,
    events: [...(journals.get(runId) ?? [])],
    journal: {
      append: (events) => {
        journals.get(runId)?.push(...events);
        return Promise.resolve();
      },
    },
    onRequest: (handle) => {
      listeners.add(handle);
      return () => listeners.delete(handle);
    },
    writeArtifact: (name, text) => {
      artifacts.set(name, text);
      return Promise.resolve(name);
    },
    writeProgress: (name, text) => {
      artifacts.set(name, text);
      return Promise.resolve();
    },
    appendLog: () => Promise.resolve(),
    snapshot: () => Promise.resolve(),
    release: () => Promise.resolve(),
  });
  const store: MemoryStore = {
    journals,
    records,
    artifacts,
    locked: [],
    consecutive: {},
    deliver: (request) => {
      for (const listener of listeners) listener(request);
    },
    create: (runId) => {
      journals.set(runId, []);
      return Promise.resolve(ok(handleOf(runId)));
    },
    open: (runId) => Promise.resolve(ok(handleOf(runId))),
    read: (runId) =>
      Promise.resolve(
        ok({
          runId,
          folder: `/state/runs/${runId}`,
          events: journals.get(runId) ?? [],
          damage: [],
          tornBytes: 0,
        }),
      ),
    find: (query) =>
      Promise.resolve(
        journals.has(query) ? ok(query) : failed({ reason: 'run-not-found', query, candidates: [] }),
      ),
    request: () => Promise.resolve(ok(undefined)),
    follow: async function* follow() {
      // Nothing follows a run in memory.
    },
    index: () =>
      Promise.resolve(
        ok({
          runs: records
            .flatMap((record) => (record.type === 'run.ended' ? [record.summary] : []))
            .toReversed(),
          stats: {
            total_runs: 0,
            success_count: 0,
            failure_count: 0,
            consecutive_failures: 0,
            per_stage: {},
          },
          consecutive: store.consecutive,
          locked: store.locked,
        }),
      ),
    record: (record) => {
      records.push(record);
      return Promise.resolve(ok(undefined));
    },
  };
  return store;
}

export interface TestBench {
  readonly deps: EngineDeps;
  readonly store: MemoryStore;
  readonly executor: ReturnType<typeof scriptedExecutor>;
  readonly clock: ReturnType<typeof fakeClock>;
  readonly cache: Map<string, CachedResult>;
}

/** Everything the engine needs, in memory, with a scripted executor. */
export function testBench(script: Script = {}, change: Partial<EngineDeps> = {}): TestBench {
  const store = memoryStore();
  const executor = scriptedExecutor(script);
  const clock = fakeClock();
  const cache = new Map<string, CachedResult>();
  let runs = 0;
  const deps: EngineDeps = {
    clock,
    ids: {
      runId: () => `20260101-000000-${String(++runs).padStart(7, '0')}`,
      sha256: (text) => createHash('sha256').update(text).digest('hex'),
      random: () => 0.5,
    },
    identity: { user: 'ann', host: 'desk', pid: 1 },
    store,
    cache: {
      get: (key) => Promise.resolve(cache.get(key)),
      put: (key, result) => {
        cache.set(key, result);
        return Promise.resolve();
      },
    },
    files: {
      fingerprint: (_root, globs) => Promise.resolve({ hash: globs.join(), count: globs.length }),
      tail: () => Promise.resolve(['last line']),
      size: () => Promise.resolve(9),
    },
    conditions: {
      evaluate: (expression, variables) =>
        expression === 'bad'
          ? failed({ reason: 'condition-invalid', expression, detail: 'bad' })
          : ok({
              value: variables[expression] === true,
              read: [{ name: expression, value: variables[expression] ?? null }],
            }),
      reads: (expression) => [expression],
    },
    secrets: { resolve: (name) => Promise.resolve(ok(`secret of ${name}`)) },
    prompter: {
      confirm: () => Promise.resolve({ answer: 'nobody' }),
      interrupted: () => Promise.resolve('nobody'),
    },
    notifier: { send: () => Promise.resolve([]) },
    kinds: stageKinds,
    executors: () => ({
      contexts: ['local'],
      open: (context) =>
        Promise.resolve(
          context === 'local'
            ? ok(executor)
            : failed({ reason: 'invalid', message: `no context ${context}` }),
        ),
      ...noWorld,
    }),
    ...noPorts,
    ...change,
  };
  return { deps, store, executor, clock, cache };
}

function unused(): never {
  throw new Error('not part of this test');
}

/** Machines that no stage of these tests asks for. */
const noWorld = {
  hosts: { open: unused, copy: unused, close: () => Promise.resolve() },
  engines: { open: unused, builder: unused, close: () => Promise.resolve() },
  close: () => Promise.resolve(),
};

/** Ports that no stage of these tests asks for. */
const noPorts = {
  http: { request: unused },
  vcs: unused,
  models: () => ({ isConfigured: false, recipient: 'nobody', complete: unused }),
  releases: { read: unused, services: unused, record: unused, markBad: unused },
};

export function command(text: string): CommandTemplate {
  return { text, script: text, values: [] };
}

export function step(text: string, change: Partial<StepDefinition> = {}): StepDefinition {
  return { name: text, command: command(text), env: {}, ...change };
}

/** A shell stage that runs one command named like it; needs the stages given. */
export function stage(
  name: string,
  needs: readonly string[] = [],
  change: Partial<StageDefinition> = {},
): StageDefinition {
  const { retry } = plainShell(name);
  return plainShell(name, {
    needs: Object.fromEntries(needs.map((need) => [need, ['passed', 'warning'] as const])),
    retry: { ...retry, backoff: 'fixed', jitter: 0 },
    config: JSON.parse(JSON.stringify({ steps: [step(name)] })),
    ...change,
  });
}

export function pipelineOf(
  stages: readonly StageDefinition[],
  change: Partial<PipelineDefinition> = {},
): PipelineDefinition {
  return plainPipeline('demo', stages, { max_workers: 4, ...change });
}

export function requestFor(definition: PipelineDefinition, change: Partial<StartRequest> = {}): StartRequest {
  return {
    definition,
    params: {},
    environment: 'default',
    trigger: 'manual',
    commits: [],
    selection: { skip: [], only: [] },
    project: '/project',
    context: 'local',
    settings: defaultSettings('demo'),
    assumeYes: false,
    maxConsecutiveFailures: 3,
    ...change,
  };
}

export function driveWith(change: Partial<Drive> = {}): Drive {
  return {
    signal: new AbortController().signal,
    observers: [],
    assumeYes: false,
    maxConsecutiveFailures: 3,
    ...change,
  };
}

export const exitOne: CommandOutcome = { exitCode: 1, failure: { reason: 'exit-non-zero', exit_code: 1 } };

/** Of all runs of a bench, in the order they were recorded. */
export function eventsOf<T extends RunEvent['type']>(bench: TestBench, type: T) {
  const events = [...bench.store.journals.values()].flat();
  return events.filter((event): event is Extract<RunEvent, { readonly type: T }> => event.type === type);
}
