import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import process from 'node:process';
import type { Duplex } from 'node:stream';

/*
 * A program of its own, shipped to hosts as one file; imports nothing but Node's own modules (18 and later).
 *   node proxy.mjs <folder> <port>
 * `<folder>/target` says where requests go, one line: generation, instance, host, port, open|paused, drain in ms.
 * It is replaced in one step and read again on SIGHUP, and when it was changed without one. `<folder>/status` says what
 * has been taken in. Nothing else controls it, so it goes on when whoever started it is gone.
 */

interface Target {
  readonly instance: string;
  readonly host: string;
  readonly port: number;
  /** Requests and upgraded connections that run on it; each knows how to end itself. */
  readonly running: Set<() => void>;
  readonly agent: http.Agent;
}

interface Order {
  readonly generation: string;
  readonly instance: string;
  readonly host: string;
  readonly port: number;
  readonly isPaused: boolean;
  readonly drainMs: number;
}

/** A request waits so long for a target that is open, milliseconds. */
const HOLD_MS = 30_000;
/** The file is looked at so often beside SIGHUP, milliseconds. */
const LOOK_MS = 250;
const STATUS_DELAY_MS = 20;
const TRIES = 4;
const RETRY_MS = 60;
const CLOSE_MS = 10_000;
/** Of one connection; RFC 9110 7.6.1. */
const HOP_BY_HOP = new Set(
  'connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade'.split(
    ' ',
  ),
);

const [folder = '.', portText = '0'] = process.argv.slice(2);
const draining = new Map<Target, NodeJS.Timeout>();
const waiters = new Set<() => void>();
let generation = '';
let orderText = '';
let target: Target | undefined;
let isPaused = false;
let statusTimer: NodeJS.Timeout | undefined;

function readOrder(): Order | undefined {
  let text: string;
  try {
    text = readFileSync(path.join(folder, 'target'), 'utf8').trim();
  } catch {
    return undefined;
  }
  if (text === orderText) return undefined;
  const [wanted = '', instance = '', host = '', port = '', mode = '', ms = ''] = text.split(' ');
  if (!/^\d+$/.test(port)) return undefined;
  orderText = text;
  return {
    generation: wanted,
    instance,
    host,
    port: Number(port),
    isPaused: mode === 'paused',
    drainMs: Number(ms) || 0,
  };
}

function obey(): void {
  const order = readOrder();
  if (!order) return;
  const isSame =
    target?.instance === order.instance && target.port === order.port && target.host === order.host;
  if (!isSame) turnTo(order);
  generation = order.generation;
  isPaused = order.isPaused;
  if (!isPaused) for (const go of waiters) go();
  writeStatus();
}

/** Back to one that still drains is a switch like any other. */
function turnTo({ instance, host, port, drainMs }: Order): void {
  const old = target;
  const known = [...draining.keys()].find(
    (other) => other.instance === instance && other.port === port && other.host === host,
  );
  if (known) {
    clearTimeout(draining.get(known));
    draining.delete(known);
  }
  target = known ?? {
    instance,
    host,
    port,
    running: new Set(),
    agent: new http.Agent({ keepAlive: true, maxFreeSockets: 64 }),
  };
  if (old) drain(old, drainMs);
}

function drain(old: Target, drainMs: number): void {
  if (old.running.size === 0) return old.agent.destroy();
  const timer = setTimeout(() => {
    for (const end of old.running) end();
    drained(old);
  }, drainMs);
  draining.set(old, timer);
}

function drained(old: Target): void {
  clearTimeout(draining.get(old));
  if (draining.delete(old)) old.agent.destroy();
  writeStatus();
}

function writeStatus(): void {
  clearTimeout(statusTimer);
  statusTimer = undefined;
  const lines = [
    `generation ${generation}`,
    `serving ${target?.instance ?? '-'}`,
    `mode ${isPaused ? 'paused' : 'open'}`,
    ...[...draining.keys()].map(({ instance, running }) => `draining ${instance} ${running.size}`),
  ];
  const file = path.join(folder, 'status');
  try {
    writeFileSync(`${file}.tmp`, `${lines.join('\n')}\n`, { mode: 0o600 });
    renameSync(`${file}.tmp`, file);
  } catch (error) {
    process.stderr.write(`status cannot be written: ${String(error)}\n`);
  }
}

/** An open target; undefined when none has come in time. */
async function openTarget(): Promise<Target | undefined> {
  if (target && !isPaused) return target;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, HOLD_MS);
    function done(): void {
      clearTimeout(timer);
      waiters.delete(done);
      resolve();
    }
    waiters.add(done);
  });
  return isPaused ? undefined : target;
}

async function serve(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  attempt = 1,
): Promise<void> {
  const to = await openTarget();
  if (to) forward(to, request, response, attempt);
  else refuse(response, 503, 'no version of the service is open');
}

function refuse(response: http.ServerResponse, status: number, why: string): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { 'content-type': 'text/plain', 'retry-after': '1' });
  response.end(`${why}\n`);
}

function hasNoBody({ method, headers }: http.IncomingMessage): boolean {
  const isSafe = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
  return isSafe && headers['content-length'] === undefined && headers['transfer-encoding'] === undefined;
}

function forward(
  to: Target,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  attempt: number,
): void {
  const isRepeatable = hasNoBody(request);
  const end = (): void => {
    outgoing.destroy();
    response.destroy();
  };
  const outgoing = http.request({
    host: to.host,
    port: to.port,
    method: request.method ?? 'GET',
    path: request.url ?? '/',
    headers: requestHeaders(request),
    // A kept connection may be closed by the other side at this very moment, and only a repeatable request heals that.
    agent: isRepeatable ? to.agent : false,
  });
  to.running.add(end);
  const over = (): void => {
    if (!to.running.delete(end)) return;
    if (draining.has(to)) {
      if (to.running.size === 0) drained(to);
      // Counts change with every request: the first of many changes is waited for.
      else statusTimer ??= setTimeout(writeStatus, STATUS_DELAY_MS);
    }
  };
  let isAnswered = false;
  outgoing.on('response', (incoming) => {
    isAnswered = true;
    response.writeHead(
      incoming.statusCode ?? 502,
      incoming.statusMessage,
      responseHeaders(incoming, request, to),
    );
    incoming.pipe(response);
    incoming.on('error', () => response.destroy());
    incoming.on('aborted', () => response.destroy());
  });
  outgoing.on('error', () => {
    over();
    if (isAnswered || response.destroyed) return void response.destroy();
    if (!isRepeatable || attempt >= TRIES) return refuse(response, 502, 'the service does not answer');
    setTimeout(() => again(request, response, attempt), RETRY_MS * (attempt - 1));
  });
  response.on('close', () => {
    over();
    if (!response.writableFinished) outgoing.destroy();
  });
  if (isRepeatable) outgoing.end();
  else request.pipe(outgoing);
}

function again(request: http.IncomingMessage, response: http.ServerResponse, attempt: number): void {
  obey();
  void serve(request, response, attempt + 1);
}

function requestHeaders(request: http.IncomingMessage): http.OutgoingHttpHeaders {
  const { socket, headers } = request;
  const named = new Set((headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase()));
  const kept = Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name) && !named.has(name));
  const before = headers['x-forwarded-for'];
  const client = socket.remoteAddress ?? 'unknown';
  return {
    ...Object.fromEntries(kept),
    'x-forwarded-for': before === undefined ? client : `${String(before)}, ${client}`,
    'x-forwarded-host': headers['x-forwarded-host'] ?? headers.host,
    'x-forwarded-proto': headers['x-forwarded-proto'] ?? 'http',
  };
}

/** As they came, repeated ones too; whoever probes is told which instance has answered. */
function responseHeaders(
  { rawHeaders }: http.IncomingMessage,
  { headers }: http.IncomingMessage,
  { instance }: Target,
): string[] {
  const kept = rawHeaders.flatMap((text, at) => {
    const name = at % 2 === 0 ? text : rawHeaders[at - 1];
    return name !== undefined && HOP_BY_HOP.has(name.toLowerCase()) ? [] : [text];
  });
  return headers['x-pipewright-probe'] === undefined ? kept : [...kept, 'x-pipewright-instance', instance];
}

/** WebSockets and the like: bytes in both directions until one side ends or the drain is over. */
async function upgrade(request: http.IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  const to = await openTarget();
  if (!to) {
    socket.end('HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\n\r\n');
    return;
  }
  const { upgrade: protocol } = request.headers;
  const outgoing = http.request({
    host: to.host,
    port: to.port,
    method: request.method ?? 'GET',
    path: request.url ?? '/',
    headers: { ...requestHeaders(request), connection: 'Upgrade', upgrade: protocol },
    agent: false,
  });
  let other: Duplex | undefined;
  const end = (): void => {
    for (const stream of [outgoing, socket, other]) stream?.destroy();
  };
  to.running.add(end);
  const over = (): void => {
    end();
    if (to.running.delete(end) && draining.has(to) && to.running.size === 0) drained(to);
  };
  socket.on('error', over).on('close', over);
  outgoing.on('error', over);
  outgoing.on('response', (incoming) => {
    socket.end(
      `HTTP/1.1 ${incoming.statusCode ?? 502} ${incoming.statusMessage ?? ''}\r\nconnection: close\r\n\r\n`,
    );
  });
  outgoing.on('upgrade', (incoming, upstream, first) => {
    other = upstream;
    const lines = incoming.rawHeaders.flatMap((text, at) =>
      at % 2 === 0 ? [`${text}: ${incoming.rawHeaders[at + 1]}`] : [],
    );
    socket.write(
      `HTTP/1.1 101 ${incoming.statusMessage ?? 'Switching Protocols'}\r\n${lines.join('\r\n')}\r\n\r\n`,
    );
    if (first.length > 0) socket.write(first);
    if (head.length > 0) upstream.write(head);
    upstream.on('error', over).on('close', over);
    upstream.pipe(socket).pipe(upstream);
  });
  outgoing.end();
}

const server = http.createServer({ keepAliveTimeout: 65_000, requestTimeout: 0 }, (request, response) => {
  void serve(request, response);
});
server.on('upgrade', (request, socket, head) => void upgrade(request, socket, head));
server.on('error', (error) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
process.on('SIGHUP', obey);
process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
  setTimeout(() => process.exit(0), CLOSE_MS).unref();
});
setInterval(obey, LOOK_MS);
server.listen(Number(portText), () => {
  obey();
  writeStatus();
});
