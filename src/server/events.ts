import { setInterval } from 'node:timers';
import type { RunEvent } from '../core/events.ts';
import { isObject } from '../core/json.ts';
import { JournalError } from '../core/ports.ts';
import { harmlessJson } from '../core/terminal-text.ts';
import { type Exchange, refuse, sendFailure, sendJson, writePiece } from './answer.ts';
import type { ServerParts } from './parts.ts';

type EventParts = Pick<ServerParts, 'store' | 'documents' | 'clock'> & {
  /** Called when a follower comes; undefined when there are too many, otherwise the function that lets it go. */
  readonly admit: () => (() => void) | undefined;
};

/** A proxy that sees nothing for a minute ends the connection. */
const HEARTBEAT_MS = 15_000;
/** How often, and how long between, somebody waits for the first event of a run. */
const MOST_LOOKS = 50;
const LOOK_MS = 100;
/** Events of one document, at most. */
const MOST_EVENTS = 10_000;

/** `GET /runs/<id>/events`: a document, or what comes as it comes for whoever accepts `text/event-stream`. */
export async function sendEvents(exchange: Exchange, runId: string, parts: EventParts): Promise<void> {
  const written = exchange.url.searchParams.get('from') ?? '0';
  if (!/^\d{1,9}$/.test(written)) return refuse(exchange, 400, 'from is the number of an event: 0, 1, 2, …');
  const from = Number(written);
  const isLive = (exchange.request.headers.accept ?? '').includes('text/event-stream');
  return isLive ? follow(exchange, runId, { ...parts, from }) : document(exchange, runId, { ...parts, from });
}

interface From {
  /** Number of the first event that is wanted. */
  readonly from: number;
}

async function document(
  exchange: Exchange,
  runId: string,
  { store, from }: EventParts & From,
): Promise<void> {
  const stored = await store.read(runId);
  if (!stored.ok) return sendFailure(exchange, stored.failure);
  const wanted = stored.value.events.filter(({ seq }) => seq >= from);
  const events = wanted.slice(0, MOST_EVENTS);
  const after = wanted.length > events.length ? (events.at(-1)?.seq ?? 0) + 1 : null;
  sendJson(exchange, 200, { pipeline_id: runId, events, next: after });
}

/**
 * Server-sent events: the number of each is its id, so that `Last-Event-ID` goes on after it. The last one is `end`
 * with the status, once no process drives the run. Source: WHATWG HTML, "Server-sent events".
 */
async function follow(exchange: Exchange, runId: string, parts: EventParts & From): Promise<void> {
  const leave = parts.admit();
  if (!leave) {
    exchange.response.setHeader('Retry-After', '10');
    return refuse(exchange, 503, 'Too many follow already.');
  }
  exchange.response.writeHead(200, {
    'Content-Type': 'text/event-stream; charset=utf-8',
    'X-Accel-Buffering': 'no',
  });
  if (exchange.request.method === 'HEAD') {
    leave();
    return void exchange.response.end();
  }
  const heartbeat = setInterval(() => exchange.response.write(': still here\n\n'), HEARTBEAT_MS);
  const ended = new AbortController();
  const signal = AbortSignal.any([exchange.signal, ended.signal]);
  try {
    if (!(await writePiece(exchange, 'retry: 2000\n\n'))) return;
    let next = firstWanted(exchange, parts.from);
    do {
      for await (const event of parts.store.follow(runId, next, signal)) {
        next = event.seq + 1;
        if (!(await writePiece(exchange, eventText(event)))) return;
      }
    } while (await goesOn(runId, parts, signal));
    if (exchange.signal.aborted) return;
    await writePiece(exchange, `event: end\ndata: ${harmlessJson(await endOf(runId, parts))}\n\n`);
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    await writePiece(exchange, `event: end\ndata: ${harmlessJson({ error: error.failure })}\n\n`);
  } finally {
    ended.abort();
    clearInterval(heartbeat);
    leave();
    exchange.response.end();
  }
}

/** A run that was just made has no owner for a moment, and one that somebody continues has another. */
async function goesOn(runId: string, { store, clock }: EventParts, signal: AbortSignal): Promise<boolean> {
  for (let looks = 0; looks < MOST_LOOKS && !signal.aborted; looks += 1) {
    const stored = await store.read(runId);
    if (!stored.ok) return false;
    if (stored.value.owner) return true;
    if (stored.value.events.length > 0) return false;
    await clock.sleep(LOOK_MS, signal);
  }
  return false;
}

function firstWanted({ request }: Exchange, from: number): number {
  const last = request.headers['last-event-id'];
  return typeof last === 'string' && /^\d{1,9}$/.test(last) ? Number(last) + 1 : from;
}

function eventText(event: RunEvent): string {
  return `id: ${event.seq}\nevent: ${event.type}\ndata: ${harmlessJson(event)}\n\n`;
}

async function endOf(runId: string, { documents }: EventParts): Promise<object> {
  const shown = await documents.show(runId);
  return { status: shown.ok && isObject(shown.value) ? (shown.value['status'] ?? null) : null };
}
