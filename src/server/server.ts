import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setInterval } from 'node:timers';
import { errorCode } from '../core/error-code.ts';
import { failed, ok, type Result, toFailure } from '../core/failure.ts';
import { type Exchange, refuse, secure } from './answer.ts';
import { HookQueue } from './hooks/queue.ts';
import { Collector } from './metrics/collect.ts';
import type { ServerParts } from './parts.ts';
import { createRoutes, type Route } from './routes.ts';

/** Connections at the same time; more wait in the kernel or are closed. */
const MOST_CONNECTIONS = 256;
const MOST_HEADER_BYTES = 16 * 1024;
/** A stop waits so long for answers under way, milliseconds. */
const STOP_MS = 5_000;
const SWEEP_MS = 50;

/** A server that listens. */
export interface RunningServer {
  readonly url: string;
  /** Takes nothing new, ends what is followed, lets answers under way end for up to 5 s. */
  readonly stop: () => Promise<void>;
}

/** Begins to listen and to run what waits. Fails with `invalid` when the address cannot be had. */
export async function startServer(parts: ServerParts): Promise<Result<RunningServer>> {
  const queue = new HookQueue({
    deliveries: parts.deliveries,
    launcher: parts.launcher,
    hooks: parts.hooks,
    clock: parts.clock,
    log: parts.log,
    maxRunning: parts.settings.max_running,
    maxWaiting: parts.settings.max_waiting,
  });
  const collector = new Collector({ ...parts, queue });
  const stopping = new AbortController();
  const route = createRoutes({ ...parts, queue, collector });
  const { request_timeout: requestTimeout } = parts.settings;
  const server = http.createServer(
    {
      maxHeaderSize: MOST_HEADER_BYTES,
      headersTimeout: requestTimeout,
      requestTimeout,
      connectionsCheckingInterval: Math.min(1000, requestTimeout),
      keepAliveTimeout: 5_000,
    },
    (request, response) => {
      void answer(request, response, { parts, collector, route, stopping: stopping.signal });
    },
  );
  server.maxConnections = MOST_CONNECTIONS;
  const listening = await listen(server, parts);
  if (!listening.ok) return listening;
  queue.start();
  // What history there is is read before somebody asks for it.
  void collector.text().catch((error: unknown) => {
    parts.log('error', 'index.unreadable', { detail: errorCode(error) ?? String(error) });
  });
  return ok({
    url: listening.value,
    stop: async () => {
      queue.stop();
      stopping.abort();
      await close(server);
    },
  });
}

async function listen(
  server: http.Server,
  { host, port }: Pick<ServerParts, 'host' | 'port'>,
): Promise<Result<string>> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  server.once('error', (error) => resolve(errorCode(error) ?? error.message));
  server.listen({ host, port, backlog: 128 }, () => resolve(undefined));
  const problem = await promise;
  if (problem !== undefined) {
    const message = `cannot listen at ${host}, port ${port}: ${problem}`;
    return failed({
      reason: 'invalid',
      message,
      ...(problem === 'EADDRINUSE' && { hint: 'Another port: --port N.' }),
    });
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a server that listens at a port has such an address
  const address = server.address() as AddressInfo;
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return ok(`http://${shown}:${address.port}`);
}

async function close(server: http.Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  // A connection whose answer ends now would be kept for the next request.
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  const timer = setTimeout(() => server.closeAllConnections(), STOP_MS);
  await promise;
  clearInterval(sweep);
  clearTimeout(timer);
}

interface Answering {
  readonly parts: ServerParts;
  readonly collector: Collector;
  readonly route: (exchange: Exchange) => Route;
  readonly stopping: AbortSignal;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { parts, collector, route, stopping }: Answering,
): Promise<void> {
  const beganMs = parts.clock.monotonicMs();
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  // A client that goes away is no failure of ours.
  response.on('error', () => gone.abort());
  request.on('error', () => gone.abort());
  secure(response);
  if (stopping.aborted) response.setHeader('Connection', 'close');
  const signal = AbortSignal.any([gone.signal, stopping]);
  const parsed = parseTarget(request.url ?? '');
  const exchange: Exchange = { request, response, signal, ...(parsed ?? NOWHERE) };
  const found = route(exchange);
  try {
    if (parsed) await found.answer();
    else refuse(exchange, 400, 'The address cannot be read.');
  } catch (error) {
    // The body broke off, or the other end is gone: there is nobody to answer.
    if (!gone.signal.aborted) sendBug(exchange, error, parts);
  }
  collector.countRequest(found.name, response.statusCode);
  parts.log('info', 'request', {
    method: request.method ?? '',
    path: exchange.url.pathname,
    status: response.statusCode,
    duration_ms: Math.round(parts.clock.monotonicMs() - beganMs),
    from: request.socket.remoteAddress ?? null,
  });
}

/** The one place where a bug in an answer becomes 500; its stack is for the log alone. */
function sendBug(exchange: Exchange, error: unknown, { log }: ServerParts): void {
  const failure = toFailure(error);
  const detail = failure.reason === 'unexpected' ? (failure.stack ?? failure.message) : failure.reason;
  log('error', 'request.failed', { path: exchange.url.pathname, detail });
  if (exchange.response.headersSent) exchange.response.destroy();
  else refuse(exchange, 500, 'Something went wrong here; the log of the server says what.');
}

const NOWHERE = { url: new URL('http://localhost/'), segments: [] };

/** Undefined for what is no path: `*`, other addresses, `%` that stands for nothing, names with a NUL. */
function parseTarget(target: string): Pick<Exchange, 'url' | 'segments'> | undefined {
  const url = target.startsWith('/') ? URL.parse(`http://localhost${target}`) : null;
  if (!url || url.host !== 'localhost') return undefined;
  try {
    // Split before it is decoded: a name may hold a slash as %2F.
    const segments = url.pathname.split('/').slice(1).map(decodeURIComponent);
    return segments.some((segment) => segment.includes('\0')) ? undefined : { url, segments };
  } catch {
    return undefined;
  }
}
