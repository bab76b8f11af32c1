import { Duplex } from 'node:stream';
import { failed, ok, type Result } from '../core/failure.ts';
import type { Host } from '../core/hosts.ts';

export interface ProbeAnswer {
  readonly status: number;
  /** Until the whole answer was there, the connection included; milliseconds. */
  readonly duration_ms: number;
  /** What the proxy says answered; absent without one. */
  readonly instance?: string;
}

interface ProbeRequest {
  readonly port: number;
  readonly path: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * One HTTP request to a port of the host, as a client on that machine would make it, on a connection of its own.
 * Transport errors, a timeout among them, are `executor-unreachable`.
 */
export async function probe(
  host: Host,
  { port, path, timeoutMs, signal }: ProbeRequest,
): Promise<Result<ProbeAnswer>> {
  const began = performance.now();
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const connection = await raced(host.connect({ host: '127.0.0.1', port }), limit);
  const unreachable = (detail: string) =>
    failed({ reason: 'executor-unreachable', executor: `${host.name}:${port}${path}`, detail });
  if (!connection) return signal.aborted ? cancelled() : unreachable(`no connection within ${timeoutMs} ms`);
  if (!connection.ok) return connection;
  const socket = connection.value;
  if (!(socket instanceof Duplex)) return unreachable('not a connection');
  // Here and not above: every start of a run would load it.
  const { request: send } = await import('node:http');
  return new Promise((resolve) => {
    const end = (result: Result<ProbeAnswer>): void => {
      socket.destroy();
      resolve(result);
    };
    // Late errors of a connection that nobody reads any more are nobody's.
    socket.on('error', () => undefined);
    const request = send(
      {
        path,
        method: 'GET',
        headers: {
          host: `127.0.0.1:${port}`,
          connection: 'close',
          'x-pipewright-probe': '1',
          'user-agent': 'pipewright',
        },
        createConnection: () => socket,
        signal: limit,
      },
      (response) => {
        response.on('error', (error) => end(unreachable(error.message)));
        response.on('end', () => {
          const instance = response.headers['x-pipewright-instance'];
          end(
            ok({
              status: response.statusCode ?? 0,
              duration_ms: performance.now() - began,
              ...(typeof instance === 'string' && { instance }),
            }),
          );
        });
        response.resume();
      },
    );
    request.on('error', (error) => {
      if (signal.aborted) return end(cancelled());
      end(unreachable(limit.aborted ? `no answer within ${timeoutMs} ms` : error.message));
    });
    request.end();
  });
}

function cancelled(): Result<never> {
  return failed({ reason: 'cancelled', by: 'signal' });
}

/** Undefined when `signal` aborts first. */
async function raced<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const giveUp = (): void => resolve(undefined);
  signal.addEventListener('abort', giveUp, { once: true });
  if (signal.aborted) giveUp();
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}
