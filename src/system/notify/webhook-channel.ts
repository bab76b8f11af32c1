import type { Notice } from '../../core/notify.ts';
import type { Http } from '../../core/stage-ports.ts';
import type { Tried } from './attempts.ts';

/** Posts the notice as JSON. An answer that says "busy" or "broken" is tried again, one that refuses is not. */
export async function postWebhook(
  url: string,
  options: {
    readonly http: Http;
    readonly headers: Readonly<Record<string, string>>;
    readonly notice: Notice;
    readonly title: string;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
  },
): Promise<Tried> {
  const answer = await options.http.request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': 'pipewright', ...options.headers },
    // `text` is what chat servers show.
    body: JSON.stringify({ text: options.title, ...options.notice }),
    timeoutMs: options.timeoutMs,
    signal: options.signal,
  });
  if (!answer.ok) {
    const { failure } = answer;
    const detail = 'detail' in failure ? failure.detail : failure.reason;
    return { ok: false, detail, again: failure.reason === 'executor-unreachable' };
  }
  const { status } = answer.value;
  if (status >= 200 && status < 300) return { ok: true };
  return { ok: false, detail: `it answered with HTTP ${status}`, again: status >= 500 || status === 429 };
}
