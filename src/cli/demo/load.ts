import http from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

export interface LoadCounts {
  readonly sent: number;
  /** No answer, or one of 500 and above. */
  readonly failed: number;
}

const WORKERS = 4;
const PAUSE_MS = 10;
const TIMEOUT_MS = 10_000;

/** Clients that ask all the time, as a shop's customers would, until they are stopped. */
export function startClients(urls: readonly string[]): { readonly stop: () => Promise<LoadCounts> } {
  const agent = new http.Agent({ keepAlive: true });
  let sent = 0;
  let lost = 0;
  const stopped = new AbortController();
  const work = Array.from({ length: WORKERS }, async (_, at) => {
    for (let turn = at; !stopped.signal.aborted; turn += 1) {
      sent += 1;
      if (!(await isAnswered(urls[turn % urls.length] ?? '', agent))) lost += 1;
      await delay(PAUSE_MS);
    }
  });
  return {
    stop: async () => {
      stopped.abort();
      await Promise.all(work);
      agent.destroy();
      return { sent, failed: lost };
    },
  };
}

function isAnswered(url: string, agent: http.Agent): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const request = http.get(url, { agent, timeout: TIMEOUT_MS }, (response) => {
    response.resume();
    response.on('end', () => resolve((response.statusCode ?? 500) < 500));
    response.on('error', () => resolve(false));
  });
  request.on('timeout', () => request.destroy());
  request.on('error', () => resolve(false));
  return promise;
}
