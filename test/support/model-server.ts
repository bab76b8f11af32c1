import { once } from 'node:events';
import http from 'node:http';
import { text } from 'node:stream/consumers';

/** A question that arrived. */
export interface Asked {
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: unknown;
}

export type Reply = {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body: unknown;
};

export interface ModelServer {
  readonly url: string;
  readonly asked: readonly Asked[];
  readonly close: () => Promise<void>;
}

/** An HTTP server that says what it is told to, question by question; the last reply is repeated. Text goes out as it is. */
export async function startModelServer(...replies: readonly Reply[]): Promise<ModelServer> {
  const asked: Asked[] = [];
  const answer = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    const body: unknown = JSON.parse(await text(request));
    const reply = replies[Math.min(asked.length, replies.length - 1)];
    asked.push({ url: request.url ?? '', headers: request.headers, body });
    response.writeHead(reply?.status ?? 200, { 'content-type': 'application/json', ...reply?.headers });
    response.end(typeof reply?.body === 'string' ? reply.body : JSON.stringify(reply?.body));
  };
  const server = http.createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    asked,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** What the Messages API answers. */
export function anthropicAnswer(answer: string, stop = 'end_turn'): Reply {
  return {
    body: {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'claude-test-1',
      content: [{ type: 'text', text: answer }],
      stop_reason: stop,
      usage: { input_tokens: 12, output_tokens: 34 },
    },
  };
}

/** What the Chat Completions API answers. */
export function openAiAnswer(answer: string, finish = 'stop'): Reply {
  return {
    body: {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      model: 'gpt-test-1',
      choices: [{ index: 0, message: { role: 'assistant', content: answer }, finish_reason: finish }],
      usage: { prompt_tokens: 12, completion_tokens: 34, total_tokens: 46 },
    },
  };
}
