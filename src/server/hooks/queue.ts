import { errorCode } from '../../core/error-code.ts';
import type { DeliveryLog, DeliveryRecord, HookJob } from '../../core/deliveries.ts';
import type { Clock } from '../../core/ports.ts';
import type { LaunchEnd, Launcher, ServedHook, ServerLog } from '../parts.ts';

interface QueueOptions {
  readonly deliveries: DeliveryLog;
  readonly launcher: Launcher;
  readonly hooks: Readonly<Record<string, ServedHook>>;
  readonly clock: Clock;
  readonly log: ServerLog;
  readonly maxRunning: number;
  readonly maxWaiting: number;
}

type EndRecord = Extract<DeliveryRecord, { type: 'ended' }>;

/** What became of a delivery that was offered. */
export type Taken =
  | { readonly kind: 'accepted' }
  /** It came before: this run is its. */
  | { readonly kind: 'duplicate'; readonly runId: string }
  | { readonly kind: 'full' }
  /** It could not be written down, so it was not taken. */
  | { readonly kind: 'unwritten'; readonly detail: string };

/** A delivery as `GET /deliveries` tells it. */
export interface DeliveryState {
  readonly run_id: string;
  readonly hook: string;
  readonly pipeline: string;
  readonly branch: string | null;
  readonly commit: string | null;
  readonly accepted_at: string;
  readonly status: 'waiting' | 'running' | 'finished' | 'superseded' | 'refused';
  readonly exit_code: number | null;
  readonly detail: string | null;
}

/** Deliveries that are told, at most. */
const MOST_TOLD = 1000;
/** Keys that are remembered, at most; the file has those of 10 000 deliveries. */
const MOST_KEYS = 20_000;

/** Deliveries in the order in which they came; each is run once, also after a crash of this process. */
export class HookQueue {
  readonly #options: QueueOptions;
  readonly #states = new Map<string, DeliveryState>();
  /** Run ids by key. */
  readonly #known = new Map<string, string>();
  /** Accepted and not ended, by run id. */
  readonly #open = new Map<string, HookJob>();
  /** Whether a delivery that is being written down came to be, by run id. */
  readonly #writing = new Map<string, Promise<string | undefined>>();
  #waiting: HookJob[] = [];
  #running = 0;
  #isStopped = false;

  constructor(options: QueueOptions) {
    this.#options = options;
    for (const record of options.deliveries.records) this.#note(record);
  }

  /** Takes up what the process before us left. */
  start(): void {
    const { launcher, hooks } = this.#options;
    for (const [runId, job] of this.#open) {
      const whenEnded = launcher.ended(runId);
      if (whenEnded) void this.#adopt(runId, whenEnded);
      else if (hooks[job.hook]) this.#waiting.push(job);
      else void this.#end(job, { detail: 'the hook is not in pipewright.yaml any more' });
    }
    this.#next();
  }

  /** Begins nothing any more; what runs goes on, what waits is on disk. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Newest first. */
  list(): readonly DeliveryState[] {
    return [...this.#states.values()].toReversed();
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  get runningCount(): number {
    return this.#running;
  }

  /** Durable when it says `accepted`. */
  async offer(job: HookJob, keys: readonly string[]): Promise<Taken> {
    const before = keys.flatMap((key) => this.#known.get(key) ?? [])[0];
    if (before !== undefined) {
      const detail = await this.#writing.get(before);
      return detail === undefined ? { kind: 'duplicate', runId: before } : { kind: 'unwritten', detail };
    }
    const isFull = this.#waiting.length >= this.#options.maxWaiting;
    if (isFull && this.#olderThan(job).length === 0) return { kind: 'full' };
    const record = { type: 'accepted', at: this.#options.clock.now(), keys, job } as const;
    // Known before it is written: the same one may arrive meanwhile.
    this.#note(record);
    const written = this.#write(record);
    this.#writing.set(job.run_id, written);
    const detail = await written;
    this.#writing.delete(job.run_id);
    if (detail !== undefined) {
      this.#forget(job, keys);
      return { kind: 'unwritten', detail };
    }
    const older = this.#olderThan(job);
    this.#waiting = [...this.#waiting.filter((other) => !older.includes(other)), job];
    for (const { run_id: runId, hook } of older) {
      this.#options.log('info', 'hook.superseded', { hook, run_id: runId, by: job.run_id });
      await this.#recordEnd(runId, { outcome: 'superseded' });
    }
    this.#next();
    return { kind: 'accepted' };
  }

  /** Those that still wait and that it takes the place of. */
  #olderThan(job: HookJob): readonly HookJob[] {
    if (this.#options.hooks[job.hook]?.newest_only !== true || job.branch === undefined) return [];
    return this.#waiting.filter(({ hook, branch }) => hook === job.hook && branch === job.branch);
  }

  #next(): void {
    while (!this.#isStopped && this.#running < this.#options.maxRunning) {
      const job = this.#waiting.shift();
      if (!job) return;
      this.#running += 1;
      void this.#drive(job);
    }
  }

  async #drive(job: HookJob): Promise<void> {
    const { clock, launcher, hooks, log } = this.#options;
    await this.#record({ type: 'started', at: clock.now(), run_id: job.run_id });
    log('info', 'hook.started', { hook: job.hook, pipeline: job.pipeline, run_id: job.run_id });
    await this.#end(job, await launcher.run(job, hooks[job.hook]?.update));
    this.#running -= 1;
    this.#next();
  }

  /** A run that still goes on counts as one of ours. */
  async #adopt(runId: string, whenEnded: Promise<void>): Promise<void> {
    this.#running += 1;
    await whenEnded;
    this.#running -= 1;
    if (this.#isStopped) return;
    await this.#recordEnd(runId, { outcome: 'finished' });
    this.#next();
  }

  async #end(job: HookJob, { exitCode, detail }: LaunchEnd): Promise<void> {
    // 2: it could not be begun; 4: the pipeline is locked.
    const outcome = exitCode === undefined || exitCode === 2 || exitCode === 4 ? 'refused' : 'finished';
    await this.#recordEnd(job.run_id, {
      outcome,
      ...(exitCode !== undefined && { exit_code: exitCode }),
      ...(detail !== '' && { detail }),
    });
    this.#options.log(outcome === 'refused' ? 'warn' : 'info', `hook.${outcome}`, {
      hook: job.hook,
      run_id: job.run_id,
      exit_code: exitCode ?? null,
      ...(detail !== '' && { detail }),
    });
  }

  async #recordEnd(runId: string, how: Pick<EndRecord, 'outcome' | 'exit_code' | 'detail'>): Promise<void> {
    await this.#record({ type: 'ended', at: this.#options.clock.now(), run_id: runId, ...how });
  }

  /** What cannot be written is known here at least; after a restart the run itself tells that it was begun. */
  async #record(record: DeliveryRecord): Promise<void> {
    this.#note(record);
    const detail = await this.#write(record);
    if (detail !== undefined) this.#options.log('error', 'deliveries.unwritable', { detail });
  }

  /** Undefined, or why not. */
  async #write(record: DeliveryRecord): Promise<string | undefined> {
    try {
      await this.#options.deliveries.append(record);
      return undefined;
    } catch (error) {
      return errorCode(error) ?? String(error);
    }
  }

  #note(record: DeliveryRecord): void {
    if (record.type === 'accepted') {
      for (const key of record.keys) this.#known.set(key, record.job.run_id);
      this.#open.set(record.job.run_id, record.job);
      this.#states.set(record.job.run_id, acceptedState(record));
      dropOldest(this.#states, MOST_TOLD);
      dropOldest(this.#known, MOST_KEYS);
      return;
    }
    const before = this.#states.get(record.run_id);
    if (before) this.#states.set(record.run_id, stateAfter(before, record));
    if (record.type === 'ended') this.#open.delete(record.run_id);
  }

  #forget(job: HookJob, keys: readonly string[]): void {
    for (const key of keys) this.#known.delete(key);
    this.#open.delete(job.run_id);
    this.#states.delete(job.run_id);
  }
}

/** Maps keep the order in which things were put into them. */
function dropOldest(map: Map<string, unknown>, most: number): void {
  for (const key of map.keys()) {
    if (map.size <= most) return;
    map.delete(key);
  }
}

function acceptedState({ at, job }: Extract<DeliveryRecord, { type: 'accepted' }>): DeliveryState {
  return {
    run_id: job.run_id,
    hook: job.hook,
    pipeline: job.pipeline,
    branch: job.branch ?? null,
    commit: job.commit ?? null,
    accepted_at: at,
    status: 'waiting',
    exit_code: null,
    detail: null,
  };
}

function stateAfter(
  state: DeliveryState,
  record: Exclude<DeliveryRecord, { type: 'accepted' }>,
): DeliveryState {
  if (record.type === 'started') return { ...state, status: 'running' };
  const { outcome, exit_code: exitCode, detail } = record;
  return { ...state, status: outcome, exit_code: exitCode ?? null, detail: detail ?? null };
}
