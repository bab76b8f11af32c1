import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { HookJob } from '../../core/deliveries.ts';
import { isObject } from '../../core/json.ts';
import type { ServedHook } from '../parts.ts';
import { headerOf } from './signature.ts';

/** Longest value of a parameter, in characters. */
const LONGEST_VALUE = 16_384;

/** What a delivery asks for. */
export type Reading =
  | { readonly kind: 'job'; readonly job: Omit<HookJob, 'run_id'>; readonly keys: readonly string[] }
  /** Nothing is to be run, and that is right. */
  | { readonly kind: 'ignored'; readonly why: string }
  /** The sender made a mistake. */
  | { readonly kind: 'wrong'; readonly status: 400 | 422; readonly why: string };

/** Reads a signed body. Everything in it is data: it chooses neither pipeline nor options. */
export function readPayload(hook: ServedHook, headers: IncomingHttpHeaders, body: Buffer): Reading {
  const payload = parseBody(headers, body);
  if (!payload) return { kind: 'wrong', status: 400, why: 'the body is no JSON object' };
  const branch = text(fieldOf(payload, hook.branch))?.replace(/^refs\/heads\//, '');
  const ignored = whyIgnored(hook, headers, payload) ?? whyNotMeant(hook, branch);
  if (ignored !== undefined) return { kind: 'ignored', why: ignored };
  const fields = readFields(hook, payload);
  if ('why' in fields) return { kind: 'wrong', status: 422, why: fields.why };
  const { name, pipeline, environment } = hook;
  const job = {
    hook: name,
    pipeline,
    ...fields,
    ...(environment !== undefined && { environment }),
    ...(branch !== undefined && { branch: branch.slice(0, 255) }),
  };
  return { kind: 'job', job, keys: keysOf(hook, headers, body) };
}

/** What the run is given, or what the payload lacks. */
function readFields(
  { params, commit: commitField }: ServedHook,
  payload: object,
): Pick<HookJob, 'params' | 'commit'> | { readonly why: string } {
  const values = Object.entries(params).map(([name, field]) => ({
    name,
    field,
    value: text(fieldOf(payload, field)),
  }));
  const missing = values.find(({ value }) => value === undefined);
  if (missing) return { why: `the field ${missing.field} holds no text, number, true or false` };
  const read = { params: Object.fromEntries(values.map(({ name, value }) => [name, value ?? ''])) };
  if (commitField === undefined) return read;
  const commit = text(fieldOf(payload, commitField)) ?? '';
  return /^[0-9a-f]{7,64}$/.test(commit)
    ? { ...read, commit }
    : { why: `the field ${commitField} holds no id of a commit` };
}

function whyNotMeant(
  { branches, isBranchMeant }: ServedHook,
  branch: string | undefined,
): string | undefined {
  const isMeant = branches.length === 0 || (branch !== undefined && isBranchMeant(branch));
  return isMeant ? undefined : 'its branch is none of those that count';
}

/** GitHub sends forms unless told otherwise. */
function parseBody(
  headers: IncomingHttpHeaders,
  body: Buffer,
): Readonly<Record<string, unknown>> | undefined {
  const isForm = headerOf(headers, 'Content-Type').startsWith('application/x-www-form-urlencoded');
  const json = isForm
    ? (new URLSearchParams(body.toString('utf8')).get('payload') ?? '')
    : body.toString('utf8');
  try {
    const value: unknown = JSON.parse(json);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function whyIgnored(
  { kind, events }: ServedHook,
  headers: IncomingHttpHeaders,
  payload: Readonly<Record<string, unknown>>,
): string | undefined {
  if (kind !== 'generic') {
    const event = kind === 'github' ? headerOf(headers, 'X-GitHub-Event') : text(payload['object_kind']);
    if (event === undefined || !events.includes(event)) return 'its event is none of those that count';
  }
  const after = text(payload['after']) ?? '';
  const isGone = payload['deleted'] === true || /^0{40,64}$/.test(after);
  return isGone ? 'the branch was deleted' : undefined;
}

/** `commits.0.id`; undefined where one of them is not there. */
function fieldOf(payload: unknown, field: string): unknown {
  let here = payload;
  for (const name of field.split('.')) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, name)) return undefined;
    here = Object.entries(here).find(([key]) => key === name)?.[1];
  }
  return here;
}

function text(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string' || value.length > LONGEST_VALUE) return undefined;
  return value.includes('\0') || !value.isWellFormed() ? undefined : value;
}

/** Ids are not signed, bodies are: one that was seen is not taken again under another id. */
function keysOf({ kind, name }: ServedHook, headers: IncomingHttpHeaders, body: Buffer): readonly string[] {
  const bodyKey = `${name} body ${createHash('sha256').update(body).digest('hex')}`;
  if (kind === 'generic') return [bodyKey];
  const id =
    kind === 'github'
      ? headerOf(headers, 'X-GitHub-Delivery')
      : headerOf(headers, 'Idempotency-Key') || headerOf(headers, 'X-Gitlab-Event-UUID');
  if (id === '') return [bodyKey];
  const idKey = `${name} id ${createHash('sha256').update(id).digest('hex')}`;
  return kind === 'github' ? [idKey, bodyKey] : [idKey];
}
