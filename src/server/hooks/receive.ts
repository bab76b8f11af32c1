import type { HookJob } from '../../core/deliveries.ts';
import type { Ids } from '../../core/ports.ts';
import { type Exchange, refuse, sendFailure, sendJson } from '../answer.ts';
import type { ServedHook, ServerParts } from '../parts.ts';
import { readPayload } from './payload.ts';
import type { HookQueue } from './queue.ts';
import { headerOf, isSigned } from './signature.ts';

type HookParts = Pick<ServerParts, 'hooks' | 'settings' | 'clock' | 'launcher' | 'log'> & {
  readonly ids: Pick<Ids, 'runId'>;
  readonly queue: HookQueue;
  /** For the metrics. */
  readonly count: (hook: string, outcome: string) => void;
};

/** `POST /hooks/<name>`: 202 with the id of the run once the delivery is on disk. */
export async function receiveHook(exchange: Exchange, parts: HookParts): Promise<void> {
  const name = exchange.segments[1] ?? '';
  const hook = Object.hasOwn(parts.hooks, name) ? parts.hooks[name] : undefined;
  if (!hook) return refuse(exchange, 404, 'There is no such hook.');
  const outcome = await takeDelivery(exchange, hook, parts);
  parts.count(name, outcome);
  parts.log(outcome === 'accepted' ? 'info' : 'warn', `hook.${outcome}`, { hook: name });
}

/** Answers, and says how in a word. */
async function takeDelivery(exchange: Exchange, hook: ServedHook, parts: HookParts): Promise<string> {
  const { headers } = exchange.request;
  const body = await readBody(exchange, parts.settings.max_body);
  if (!body) {
    exchange.response.setHeader('Connection', 'close');
    refuse(exchange, 413, `The body is larger than ${parts.settings.max_body} bytes.`);
    return 'too_large';
  }
  if (!isSigned(hook, headers, body)) {
    refuse(exchange, 401, 'The signature is missing or wrong.');
    return 'unsigned';
  }
  if (headerOf(headers, 'X-GitHub-Event') === 'ping') {
    sendJson(exchange, 200, { status: 'pong' });
    return 'ping';
  }
  const reading = readPayload(hook, headers, body);
  if (reading.kind === 'ignored') {
    sendJson(exchange, 200, { status: 'ignored', reason: reading.why });
    return 'ignored';
  }
  if (reading.kind === 'wrong') {
    refuse(exchange, reading.status, reading.why);
    return 'wrong';
  }
  const runId = parts.ids.runId(parts.clock.nowMs(), reading.job.commit);
  return offer(exchange, parts, { job: { run_id: runId, ...reading.job }, keys: reading.keys });
}

async function offer(
  exchange: Exchange,
  { launcher, queue }: HookParts,
  { job, keys }: { readonly job: HookJob; readonly keys: readonly string[] },
): Promise<string> {
  const checked = await launcher.check(job);
  if (!checked.ok) {
    if (checked.failure.reason === 'invalid') refuse(exchange, 422, checked.failure.message);
    else sendFailure(exchange, checked.failure);
    return 'wrong';
  }
  const taken = await queue.offer(job, keys);
  switch (taken.kind) {
    case 'accepted':
      exchange.response.setHeader('Location', `/runs/${job.run_id}`);
      sendJson(exchange, 202, { status: 'accepted', run_id: job.run_id, pipeline: job.pipeline });
      return 'accepted';
    case 'duplicate':
      sendJson(exchange, 200, { status: 'duplicate', run_id: taken.runId });
      return 'duplicate';
    case 'full':
      exchange.response.setHeader('Retry-After', '60');
      refuse(exchange, 503, 'Too many deliveries wait already.');
      return 'full';
    case 'unwritten':
      refuse(exchange, 503, `The delivery cannot be written down (${taken.detail}), so it was not taken.`);
      return 'unwritten';
    default:
      return taken satisfies never;
  }
}

/** Undefined when it is larger than that; the rest is not read. */
async function readBody({ request }: Exchange, maxBytes: number): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return undefined;
  const chunks: Buffer[] = [];
  let length = 0;
  const pieces: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
  for await (const chunk of pieces) {
    length += chunk.length;
    if (length > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
