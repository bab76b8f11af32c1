import { readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { Duplex, Readable } from 'node:stream';
import Docker, { type DockerOptions } from 'dockerode';
import { type Failure, failed, ok, type Result } from '../../core/failure.ts';
import type { Host } from '../../core/hosts.ts';

/** How long an engine may be silent. */
export interface Patience {
  /** For answers that take no work. */
  readonly answerMs: number;
  /** While it works: it is asked for a sign of life so often, and must answer within `answerMs`. */
  readonly pulseMs: number;
}

export const DEFAULT_PATIENCE: Patience = { answerMs: 30_000, pulseMs: 10_000 };

/** A client of one engine. */
export interface Connection {
  readonly docker: Docker;
  /** For messages: `docker on prod`. */
  readonly name: string;
  /** As DOCKER_HOST on its machine. */
  readonly endpoint: string;
  readonly patience: Patience;
  readonly close: () => void;
}

interface ConnectionOptions {
  readonly endpoint: string;
  readonly patience: Patience;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** An engine of this machine, or one behind TCP; `invalid` when the address is none that we can reach. */
export function connectHere({ endpoint, patience, env }: ConnectionOptions): Result<Connection> {
  const url = endpoint.startsWith('/') ? `unix://${endpoint}` : endpoint;
  const common = { name: `docker at ${url}`, endpoint: url, patience };
  if (url.startsWith('unix://')) {
    const agent = new http.Agent({ keepAlive: true, keepAliveMsecs: 1000 });
    const docker = new Docker(withAgent({ protocol: 'http', socketPath: url.slice(7) }, agent));
    return ok({ ...common, docker, close: () => agent.destroy() });
  }
  const address = URL.parse(url.replace(/^tcp:/, 'http:'));
  if (!address || !/^(tcp|https?):\/\//.test(url)) {
    return failed({
      reason: 'invalid',
      message: `an engine at \`${endpoint}\` cannot be reached: use unix://, tcp:// or http://`,
      hint: 'For an engine behind ssh declare the machine in `contexts` and deploy to it.',
    });
  }
  const tls = tlsOf(url, env);
  const docker = new Docker({
    ...noEnvironment,
    protocol: tls ? 'https' : 'http',
    host: address.hostname,
    port: Number(address.port || (tls ? 2376 : 2375)),
    ...tls,
  });
  return ok({ ...common, docker, close: () => undefined });
}

/** dockerode fills what is left out from the environment, which may name another engine. */
const noEnvironment: object = { host: undefined, socketPath: undefined };

/** Its types do not know that it takes an agent. */
function withAgent(options: DockerOptions, agent: http.Agent): DockerOptions {
  return Object.assign({ ...noEnvironment, ...options }, { agent });
}

function tlsOf(
  url: string,
  env: Readonly<Record<string, string | undefined>>,
): { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer } | undefined {
  const folder = env['DOCKER_CERT_PATH'];
  if (folder === undefined || (!env['DOCKER_TLS_VERIFY'] && !url.startsWith('https:'))) return undefined;
  const read = (name: string): Buffer => readFileSync(path.join(folder, name));
  return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') };
}

/** The engine of another machine, through the connection that we have to it. */
export function connectThere(host: Host, socket: string, patience: Patience): Connection {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 6 });
  agent.createConnection = (_options, callback) => {
    void openSocket(host, socket, (error, stream) => callback?.(error, stream));
    return undefined;
  };
  return {
    docker: new Docker(withAgent({ protocol: 'http', host: 'docker', port: 80 }, agent)),
    name: `docker on ${host.name}`,
    endpoint: `unix://${socket}`,
    patience,
    close: () => agent.destroy(),
  };
}

async function openSocket(
  host: Host,
  socket: string,
  done: (error: Error | null, stream: Duplex) => void,
): Promise<void> {
  const opened = await host.connect({ socket });
  if (opened.ok) return done(null, asSocket(opened.value));
  // The type wants a stream also beside an error; nobody looks at it then.
  done(new ConnectError(opened.failure), new Duplex());
}

/** Carries the host's own failure through the HTTP client. */
class ConnectError extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.reason);
    this.failure = failure;
  }
}

/** node:http calls these on a socket; a channel of an ssh connection has none of them. */
function asSocket(connection: NodeJS.ReadWriteStream): Duplex {
  const stream = connection instanceof Duplex ? connection : Duplex.from(connection);
  const nothing = (): Duplex => stream;
  for (const name of ['setNoDelay', 'setKeepAlive', 'setTimeout', 'ref', 'unref']) {
    if (!(name in stream)) Object.assign(stream, { [name]: nothing });
  }
  return stream;
}

/** One question to the engine; an answer must come within `answerMs` (default: the engine's patience). */
export async function ask<T>(
  { name, patience }: Connection,
  question: (signal: AbortSignal) => Promise<T>,
  answerMs = patience.answerMs,
): Promise<Result<T>> {
  const late = AbortSignal.timeout(answerMs);
  try {
    return ok(await raced(question(late), late));
  } catch (error) {
    if (!late.aborted) return failed(failureOf(name, error));
    const detail = `no answer within ${Math.round(answerMs / 1000)} s`;
    return failed({ reason: 'executor-unreachable', executor: name, detail });
  }
}

/** Rejects when `signal` aborts, also where the client does not look at it. */
export async function raced<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(new Error('aborted'));
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  work.catch(() => undefined);
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** A stream of the client, which types it as less than it is. */
export function readable(stream: NodeJS.ReadableStream): Readable {
  return stream instanceof Readable ? stream : Readable.from(stream);
}

/** What the client threw, in our words. */
export function failureOf(executor: string, error: unknown): Failure {
  if (error instanceof ConnectError) return error.failure;
  const { code, statusCode, message } = factsOf(error);
  if (statusCode !== undefined) {
    const said = message.replace(/^\(HTTP code \d+\) .*? - /s, '').trim();
    return { reason: 'reported', message: `${executor}: ${said}`, retryable: statusCode >= 500 };
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return { reason: 'authentication', executor, detail: 'permission denied for its socket' };
  }
  return { reason: 'executor-unreachable', executor, detail: describe(code, message) };
}

/** The engine's HTTP status, where the error is an answer of it. */
export function statusOf(error: unknown): number | undefined {
  return factsOf(error).statusCode;
}

function factsOf(error: unknown): {
  readonly code?: string;
  readonly statusCode?: number;
  readonly message: string;
} {
  if (!(error instanceof Error)) return { message: String(error) };
  return {
    message: error.message,
    ...('code' in error && typeof error.code === 'string' && { code: error.code }),
    ...('statusCode' in error && typeof error.statusCode === 'number' && { statusCode: error.statusCode }),
  };
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'it does not run: there is no such socket',
  ECONNREFUSED: 'it does not run: nobody listens there',
  ECONNRESET: 'the connection broke',
  EPIPE: 'the connection broke',
  ENOTFOUND: 'no such host',
};

function describe(code: string | undefined, message: string): string {
  return WORDS[code ?? ''] ?? message;
}
