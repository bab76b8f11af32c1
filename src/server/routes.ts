import { RUN_STATUSES } from '../core/definition.ts';
import { mayRead } from './access.ts';
import { type Exchange, refuse, sendFailure, sendJson, sendText } from './answer.ts';
import { sendEvents } from './events.ts';
import { readHealth } from './health.ts';
import type { HookQueue } from './hooks/queue.ts';
import { receiveHook } from './hooks/receive.ts';
import { sendLogs } from './logs.ts';
import type { Collector } from './metrics/collect.ts';
import { METRICS_TYPE } from './metrics/text.ts';
import { PAGE } from './page.ts';
import type { RunsQuery, ServerParts } from './parts.ts';

/** Who follows a run at the same time, at most. */
const MOST_FOLLOWERS = 64;
const MOST_RUNS = 500;

type RouteParts = ServerParts & { readonly queue: HookQueue; readonly collector: Collector };

/** Where a request goes: `name` is for the metrics, one of a few. */
export interface Route {
  readonly name: string;
  readonly answer: () => Promise<void> | void;
}

/** Chooses what answers a request. */
export function createRoutes(parts: RouteParts): (exchange: Exchange) => Route {
  let followers = 0;
  const admit: Admit = () => {
    if (followers >= MOST_FOLLOWERS) return undefined;
    followers += 1;
    return () => {
      followers -= 1;
    };
  };
  return (exchange) => {
    const [first = ''] = exchange.segments;
    const { method = '' } = exchange.request;
    if (first === 'hooks') {
      const answer = (): Promise<void> =>
        receiveHook(exchange, {
          ...parts,
          count: (hook, outcome) => parts.collector.countDelivery(hook, outcome),
        });
      return { name: 'hooks', answer: method === 'POST' ? answer : () => notAllowed(exchange, 'POST') };
    }
    const route = readingRoute(exchange, parts, admit);
    if (!route) return { name: 'none', answer: () => refuse(exchange, 404, 'There is nothing here.') };
    if (method !== 'GET' && method !== 'HEAD') {
      return { name: route.name, answer: () => notAllowed(exchange, 'GET, HEAD') };
    }
    const isOpen = route.name === 'health' || mayRead(exchange.request, parts.token);
    return isOpen ? route : { name: route.name, answer: () => unknownReader(exchange, parts.token) };
  };
}

type Answer = (exchange: Exchange, parts: RouteParts, admit: Admit) => Promise<void> | void;
type Admit = () => (() => void) | undefined;

/** By the form of the address: `*` is a name. */
const READING: Readonly<Record<string, readonly [name: string, answer: Answer]>> = {
  health: ['health', sendHealth],
  'health/*': ['health', sendHealth],
  metrics: ['metrics', sendMetrics],
  deliveries: [
    'deliveries',
    (exchange, { queue }) => sendJson(exchange, 200, { deliveries: queue.list().slice(0, MOST_RUNS) }),
  ],
  runs: ['runs', sendRuns],
  'runs/*': ['run', (exchange, parts) => onRun(exchange, parts, sendRun)],
  'runs/*/events': [
    'events',
    (exchange, parts, admit) =>
      onRun(exchange, parts, async (runId) => sendEvents(exchange, runId, { ...parts, admit })),
  ],
  'runs/*/logs/*': [
    'logs',
    (exchange, parts) => onRun(exchange, parts, async (runId) => sendLogs(exchange, runId, parts)),
  ],
};

function readingRoute(exchange: Exchange, parts: RouteParts, admit: Admit): Route | undefined {
  const { segments } = exchange;
  const [first = ''] = segments;
  const file = segments.length === 1 && Object.hasOwn(PAGE, first) ? PAGE[first] : undefined;
  if (file) return { name: 'page', answer: () => sendPage(exchange, file) };
  // Names stand at odd places: runs/<id>/logs/<stage>.
  const form = segments.map((segment, index) => (index % 2 === 0 ? segment : '*')).join('/');
  const [name, answer] = (Object.hasOwn(READING, form) ? READING[form] : undefined) ?? [];
  return name !== undefined && answer ? { name, answer: () => answer(exchange, parts, admit) } : undefined;
}

function notAllowed(exchange: Exchange, allowed: string): void {
  exchange.response.setHeader('Allow', allowed);
  refuse(exchange, 405, `Only ${allowed} is answered here.`);
}

function unknownReader(exchange: Exchange, token: string | undefined): void {
  if (token === undefined) {
    return refuse(exchange, 403, 'Without serve.token only this machine is answered, under its own name.');
  }
  exchange.response.setHeader('WWW-Authenticate', 'Basic realm="pipewright", charset="UTF-8"');
  refuse(exchange, 401, 'The token is missing or wrong.');
}

function sendPage(
  exchange: Exchange,
  { type, text, policy }: { readonly type: string; readonly text: string; readonly policy?: string },
): void {
  if (policy !== undefined) exchange.response.setHeader('Content-Security-Policy', policy);
  sendText(exchange, 200, { type, text });
}

/** Whoever may not read learns only whether it works. */
async function sendHealth(exchange: Exchange, parts: RouteParts): Promise<void> {
  const [, part = 'ready'] = exchange.segments;
  if (part === 'live') return sendJson(exchange, 200, { status: 'pass', live: true });
  if (part !== 'ready') return refuse(exchange, 404, 'There are /health, /health/live and /health/ready.');
  const { isReady, document } = await readHealth(parts);
  const told = mayRead(exchange.request, parts.token)
    ? document
    : { status: isReady ? 'pass' : 'fail', live: true, ready: isReady };
  sendJson(exchange, isReady ? 200 : 503, told);
}

async function sendMetrics(exchange: Exchange, { collector }: RouteParts): Promise<void> {
  sendText(exchange, 200, { type: METRICS_TYPE, text: await collector.text() });
}

async function sendRuns(exchange: Exchange, { documents }: RouteParts): Promise<void> {
  const query = readQuery(exchange.url.searchParams);
  if (typeof query === 'string') return refuse(exchange, 400, query);
  const runs = await documents.runs(query);
  if (runs.ok) sendJson(exchange, 200, runs.value);
  else sendFailure(exchange, runs.failure);
}

/** A sentence when it cannot be meant. */
function readQuery(search: URLSearchParams): RunsQuery | string {
  const limit = search.get('limit') ?? '20';
  if (!/^\d{1,3}$/.test(limit) || Number(limit) < 1 || Number(limit) > MOST_RUNS) {
    return `limit is a number from 1 to ${MOST_RUNS}.`;
  }
  const statuses = search.getAll('status').flatMap((text) => text.split(','));
  const unknown = statuses.find((status) => !RUN_STATUSES.some((known) => known === status));
  if (unknown !== undefined) return `status is one of ${RUN_STATUSES.join(', ')}.`;
  const pipeline = search.get('pipeline');
  return { limit: Number(limit), statuses, ...(pipeline !== null && { pipeline }) };
}

/** The run that the address names as the command line would; one that waits for its turn is told apart. */
async function onRun(
  exchange: Exchange,
  parts: RouteParts,
  next: (runId: string, exchange: Exchange, parts: RouteParts) => Promise<void>,
): Promise<void> {
  const query = exchange.segments[1] ?? '';
  const found = await parts.store.find(query);
  if (found.ok) return next(found.value, exchange, parts);
  const delivery = parts.queue.list().find(({ run_id: runId }) => runId === query);
  if (delivery) return sendJson(exchange, 404, { error: found.failure, delivery });
  sendFailure(exchange, found.failure);
}

async function sendRun(runId: string, exchange: Exchange, { documents }: RouteParts): Promise<void> {
  const shown = await documents.show(runId);
  if (shown.ok) sendJson(exchange, 200, shown.value);
  else sendFailure(exchange, shown.failure);
}
