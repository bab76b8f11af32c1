import http from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

export interface LoadResult {
  readonly sent: number;
  readonly failed: number;
  readonly errors: Readonly<Record<string, number>>;
  /** Answers by their body. */
  readonly bodies: Readonly<Record<string, number>>;
  readonly max_ms: number;
  /** From the first request that failed to the last one. */
  readonly failing_ms: number;
}

/** A client that asks `url` all the time, `workers` requests at a time, until it is stopped. */
export function startLoad(
  url: string,
  {
    workers = 8,
    keepAlive = true,
    pauseMs = 5,
  }: { readonly workers?: number; readonly keepAlive?: boolean; readonly pauseMs?: number } = {},
): { readonly stop: () => Promise<LoadResult> } {
  const agent = new http.Agent({ keepAlive, maxSockets: workers });
  const errors: Record<string, number> = {};
  const bodies: Record<string, number> = {};
  let sent = 0;
  let lost = 0;
  let maxMs = 0;
  let firstFailure: number | undefined;
  let failingMs = 0;
  const stopped = new AbortController();
  const one = async (): Promise<void> => {
    sent += 1;
    const began = performance.now();
    const { promise, resolve } = Promise.withResolvers<string>();
    const request = http.get(url, { agent }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve(response.statusCode === 200 ? '' : `status ${response.statusCode}`));
      response.on('error', (error) => resolve(error.message));
      response.on('end', () => (bodies[body] = (bodies[body] ?? 0) + 1));
    });
    request.on('error', (error) => resolve(error.message));
    const problem = await promise;
    maxMs = Math.max(maxMs, performance.now() - began);
    if (problem !== '') {
      lost += 1;
      firstFailure ??= began;
      failingMs = performance.now() - firstFailure;
      errors[problem] = (errors[problem] ?? 0) + 1;
    }
  };
  const work = Array.from({ length: workers }, async () => {
    while (!stopped.signal.aborted) {
      await one();
      await delay(pauseMs);
    }
  });
  return {
    stop: async () => {
      stopped.abort();
      await Promise.all(work);
      agent.destroy();
      const [max, failing] = [Math.round(maxMs), Math.round(failingMs)];
      return { sent, failed: lost, errors, bodies, max_ms: max, failing_ms: failing };
    },
  };
}
