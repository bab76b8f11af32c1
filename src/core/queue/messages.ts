import { z } from 'zod';
import type { CommandOutcome } from '../ports.ts';
import type { Failure } from '../failure.ts';
import { failed, ok, type Result } from '../failure.ts';
import { isObject } from '../json.ts';
import type { Sealer, SealProblem } from './broker.ts';

/** Of the shape of everything below. */
const VERSION = 1;

/** A step on its way to a worker. */
export const stepJobSchema = z.strictObject({
  version: z.literal(VERSION),
  /** The same as the job's own: a copy under another id is refused. */
  id: z.string(),
  /** `recover`: only find out what became of it. */
  op: z.enum(['run', 'recover']),
  run_id: z.string().regex(/^[\w.@-]{1,200}$/),
  token: z.string().regex(/^[\w.@-]{1,200}$/),
  /** Tells apart the same step sent again because it never ran. */
  send: z.int().min(1),
  /** `commit`: in that commit of the worker's own clone; `here`: in the worker's project as it is. */
  tree: z.enum(['commit', 'here']),
  commit: z
    .string()
    .regex(/^[0-9a-f]{7,64}$/)
    .optional(),
  script: z.string(),
  env: z.record(z.string(), z.string()),
  /** Relative to the tree, or absolute. */
  workdir: z.string(),
  secrets: z.array(z.string()),
  capture_bytes: z.int().min(0).optional(),
  memory_bytes: z.number().optional(),
  cpus: z.number().optional(),
  /** Absent: it goes on without its producer. */
  finish_ms: z.number().optional(),
  hidden: z.array(z.string()),
  /** Milliseconds since 1970. */
  issued_at_ms: z.number(),
  expires_at_ms: z.number(),
});
export type StepJob = z.output<typeof stepJobSchema>;

/** A worker, as others see it. */
const workerPlaceSchema = z.strictObject({
  worker: z.string(),
  host: z.string(),
  /** Which machine and which state folder: whoever has the same can look at the same files. */
  place: z.string(),
  process: z.strictObject({ pid: z.number(), start: z.string(), boot: z.string(), namespace: z.string() }),
});
export type WorkerPlace = z.output<typeof workerPlaceSchema>;

/** Who has a step. */
export const claimSchema = z.discriminatedUnion('by', [
  workerPlaceSchema.extend({ by: z.literal('worker') }),
  z.strictObject({ by: z.literal('producer') }),
]);
export type Claim = z.output<typeof claimSchema>;

const outcomeSchema = z.custom<CommandOutcome>(
  (value) => isObject(value) && (value['failure'] === undefined || isFailure(value['failure'])),
);

/** How a step ended. */
export const settledSchema = z.discriminatedUnion('state', [
  z.strictObject({
    state: z.literal('finished'),
    outcome: outcomeSchema,
    /** Of its output, all that there is. */
    log_bytes: z.number(),
    /** Until then the worker that has it sends it. */
    worker: z.string(),
  }),
  z.strictObject({ state: z.literal('lost'), detail: z.string() }),
  z.strictObject({ state: z.literal('never-ran') }),
]);
export type Settled = z.output<typeof settledSchema>;

/** From workers to the producer of a run. */
export const reportSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('begun'), key: z.string(), worker: z.string(), host: z.string() }),
  /** Its bytes follow. */
  z.strictObject({ type: z.literal('output'), key: z.string(), offset: z.number() }),
  z.strictObject({ type: z.literal('settled'), key: z.string(), settled: settledSchema }),
  z.strictObject({ type: z.literal('refused'), key: z.string(), detail: z.string() }),
  z.strictObject({ type: z.literal('swept'), worker: z.string(), commands: z.array(z.string()) }),
]);
export type Report = z.output<typeof reportSchema>;

/** From a producer to one worker. */
export const orderSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('cancel'), key: z.string(), reason: z.string() }),
  /** End all that is left of a run. */
  z.strictObject({ type: z.literal('sweep'), run_id: z.string() }),
  /** Remove what is older than this. */
  z.strictObject({ type: z.literal('clean'), older_than_ms: z.number() }),
]);
export type Order = z.output<typeof orderSchema>;

/** A document, and bytes that belong to it. */
export interface Parcel<T> {
  readonly head: T;
  readonly body: Uint8Array;
}

/** The document as one line, then the bytes; sealed. */
export function pack(
  sealer: Sealer,
  about: string,
  head: object,
  body: Uint8Array = new Uint8Array(),
): Uint8Array {
  const line = new TextEncoder().encode(`${JSON.stringify(head)}\n`);
  const bytes = new Uint8Array(line.length + body.length);
  bytes.set(line);
  bytes.set(body, line.length);
  return sealer.seal(about, bytes);
}

/** Fails with `forged` also for what is sealed and not what it should be. */
export function unpack<S extends z.ZodType>(
  sealer: Sealer,
  about: string,
  sealed: Uint8Array,
  schema: S,
): Result<Parcel<z.output<S>>, SealProblem> {
  const opened = sealer.open(about, sealed);
  if (!opened.ok) return opened;
  const end = opened.value.indexOf(LINE_FEED);
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(opened.value.subarray(0, end));
    const head = schema.safeParse(JSON.parse(text));
    if (head.success) return ok({ head: head.data, body: opened.value.subarray(end + 1) });
  } catch {
    // Not JSON: as wrong as JSON of another shape.
  }
  return { ok: false, failure: 'forged' };
}

const LINE_FEED = 10;

/** The same for documents alone, as text. */
export function packText(sealer: Sealer, about: string, head: object): string {
  return toBase64(pack(sealer, about, head));
}

export function unpackText<S extends z.ZodType>(
  sealer: Sealer,
  about: string,
  sealed: string,
  schema: S,
): Result<z.output<S>, SealProblem> {
  const parcel = unpack(sealer, about, fromBase64(sealed), schema);
  return parcel.ok ? ok(parcel.value.head) : parcel;
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function fromBase64(text: string): Uint8Array {
  return Buffer.from(text, 'base64');
}

function isFailure(value: unknown): value is Failure {
  return isObject(value) && typeof value['reason'] === 'string';
}

/** Names one sending of one try of a step, everywhere. */
export function stepKey(runId: string, token: string, send: number): string {
  return `${runId}~${token}~${send}`;
}

/** The parts of a key; undefined for an id that is none. */
export function parseStepKey(key: string): { readonly runId: string; readonly token: string } | undefined {
  const [runId, token, send, ...more] = key.split('~');
  if (runId === undefined || token === undefined || send === undefined || more.length > 0) return undefined;
  return { runId, token };
}

/** Channels, and what their messages are sealed about. */
export const runChannel = (runId: string): string => `run/${runId}`;
export const workerChannel = (worker: string): string => `worker/${worker}`;
/** Names of those who are present. */
export const producerName = (runId: string): string => `producer/${runId}`;
export const workerName = (worker: string): string => `worker/${worker}`;

/** What workers of another configuration would not understand. */
export function unreachable(place: string, detail: string): ReturnType<typeof failed> {
  return failed({ reason: 'executor-unreachable', executor: 'queue', detail: `${place}: ${detail}` });
}
