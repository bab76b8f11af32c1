import type { Result } from '../failure.ts';

/** Steps of runs. */
export const STEP_QUEUE = 'test-execution';
/** What workers clear away. */
export const CLEANUP_QUEUE = 'cleanup';
/** Every queue that this version has. */
export const QUEUES = [STEP_QUEUE, CLEANUP_QUEUE] as const;
export type QueueName = (typeof QUEUES)[number];

/** What goes through a queue. */
export interface QueuedJob {
  /** Letters, digits, `.`, `_`, `-`, `@`, `~`: a second job with it is not taken. */
  readonly id: string;
  /** Sealed: see `Sealer`. */
  readonly data: string;
}

/** A job that a worker was given. */
export interface DeliveredJob extends QueuedJob {
  /** 1 for the first time that any worker got it. */
  readonly delivery: number;
  /** No other try follows when this one fails. */
  readonly isLast: boolean;
}

/** What became of a delivered job. */
export type Handled =
  | { readonly state: 'done' }
  /** Somebody else may still have it: give it to a worker again later. */
  | { readonly state: 'later'; readonly delayMs: number }
  /** `retry: false` makes it a dead letter at once. */
  | { readonly state: 'failed'; readonly reason: string; readonly retry: boolean };

export interface JobFacts {
  readonly state: 'waiting' | 'active' | 'completed' | 'failed' | 'absent';
  /** Why it failed, as whoever can write to the queue says. */
  readonly reason?: string;
}

/** A dead letter. */
export interface FailedJob {
  readonly id: string;
  readonly queue: QueueName;
  readonly reason: string;
  readonly attempts: number;
  readonly failed_at: string;
}

/** Of one queue at this moment. */
export interface QueueCounts {
  readonly queue: QueueName;
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly completed: number;
  readonly failed: number;
  /** Since the oldest job that waits was put in; absent when none does. */
  readonly oldest_waiting_ms?: number;
  /** Jobs that ended in the last ten minutes, per minute. */
  readonly per_minute: number;
}

/** The two facts about a step that are written once: who has it, and how it ended. Sealed. */
export interface StepRecord {
  readonly claim?: string;
  readonly settled?: string;
}

/** Takes jobs until it is closed. */
export interface JobConsumer {
  concurrency: number;
  /** Takes no more; what it has goes on. */
  readonly pause: () => Promise<void>;
  /** After `pause`: resolves when nothing is under way any more. */
  readonly close: () => Promise<void>;
}

export interface ConsumerOptions {
  readonly concurrency: number;
  readonly handle: (job: DeliveredJob) => Promise<Handled>;
}

/**
 * Where jobs wait, and what producers and workers tell each other: BullMQ on Redis, or this process.
 * What cannot be reached is `executor-unreachable` after at most three seconds; everything may then be tried again,
 * because nothing here does twice what was asked twice.
 */
export interface JobBroker {
  /** For messages: `Redis at 10.0.0.5:6379`. */
  readonly place: string;
  /** Claims and results are still there when this process is not. */
  readonly isDurable: boolean;
  readonly add: (queue: QueueName, job: QueuedJob) => Promise<Result<void>>;
  readonly facts: (queue: QueueName, id: string) => Promise<Result<JobFacts>>;
  /** False for a job that a worker has. */
  readonly remove: (queue: QueueName, id: string) => Promise<Result<boolean>>;
  /** Fails where jobs could be lost. */
  readonly consume: (queue: QueueName, options: ConsumerOptions) => Promise<Result<JobConsumer>>;

  /** The first claim of a key stays; the record as it then is. */
  readonly claim: (key: string, claim: string) => Promise<Result<StepRecord>>;
  /** The first result of a key stays; the record as it then is. */
  readonly settle: (key: string, settled: string) => Promise<Result<StepRecord>>;
  readonly record: (key: string) => Promise<Result<StepRecord>>;

  /** Messages keep their order. False, and nothing sent, when more than `limit` of them wait there already. */
  readonly publish: (channel: string, message: Uint8Array, limit?: number) => Promise<Result<boolean>>;
  /** Gives each message to `take`, then forgets it; until `signal` aborts. One reader per channel. */
  readonly subscribe: (
    channel: string,
    take: (message: Uint8Array) => void | Promise<void>,
    signal: AbortSignal,
  ) => Promise<void>;

  /** From now on `name` counts as present for so long. */
  readonly beat: (name: string, facts: string, ttlMs: number) => Promise<Result<void>>;
  readonly isPresent: (name: string) => Promise<Result<boolean>>;
  /** Facts of all whose name begins so, by name. */
  readonly present: (prefix: string) => Promise<Result<Readonly<Record<string, string>>>>;
  /** A small document for whoever watches: `progress:<run>`. */
  readonly showProgress: (runId: string, document: string) => Promise<Result<void>>;

  /** One more job that was refused for this reason. */
  readonly countRefused: (reason: string) => Promise<void>;
  readonly refused: () => Promise<Result<Readonly<Record<string, number>>>>;
  readonly counts: () => Promise<Result<readonly QueueCounts[]>>;
  /** Newest first. */
  readonly failedJobs: (limit: number) => Promise<Result<readonly FailedJob[]>>;
  /** Puts a dead letter back; false when there is none with this id. */
  readonly retry: (queue: QueueName, id: string) => Promise<Result<boolean>>;
  /** Removes what waits; how many jobs that were. */
  readonly drain: (queue: QueueName) => Promise<Result<number>>;
  readonly close: () => Promise<void>;
}

/** What was wrong with something sealed. */
export type SealProblem = 'unsigned' | 'forged';

/**
 * Bytes that only holders of the shared secret can read, and only they can have made. `about` says what they are:
 * what was sealed about one thing does not open about another.
 */
export interface Sealer {
  readonly seal: (about: string, bytes: Uint8Array) => Uint8Array;
  readonly open: (about: string, sealed: Uint8Array) => Result<Uint8Array, SealProblem>;
}
