import http from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

export interface Load {
  readonly sent: number;
  readonly failed: number;
  /** Answers by their text. */
  readonly answers: Readonly<Record<string, number>>;
  readonly errors: readonly string[];
}

/** Clients that ask all the time, on connections of their own and on kept ones, until they are stopped. */
export function startLoad(url: string): { readonly stop: () => Promise<Load> } {
  const agents = [new http.Agent({ keepAlive: true }), new http.Agent({ keepAlive: false })];
  const answers: Record<string, number> = {};
  const errors: string[] = [];
  let sent = 0;
  const stopped = new AbortController();
  const clients = [...agents, ...agents].map(async (agent) => {
    while (!stopped.signal.aborted) {
      sent += 1;
      await get(url, agent).then(
        (text) => (answers[text] = (answers[text] ?? 0) + 1),
        (error: unknown) => errors.push(String(error)),
      );
      await delay(10);
    }
  });
  return {
    stop: async () => {
      stopped.abort();
      await Promise.all(clients);
      for (const agent of agents) agent.destroy();
      return { sent, failed: errors.length, answers, errors };
    },
  };
}

/** The text of a 200 answer; everything else rejects. */
export function get(url: string, agent?: http.Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { ...(agent && { agent }), timeout: 10_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => void (text += chunk));
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(text.trim());
        else reject(new Error(`status ${response.statusCode}`));
      });
    });
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', reject);
  });
}
