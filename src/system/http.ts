import { failed, ok, type Result } from '../core/failure.ts';
import type { Http, HttpAnswer } from '../core/stage-ports.ts';

const DEFAULT_MAX_BYTES = 64 * 1024;

/** HTTP by the platform's fetch; redirects are answers like any other. */
export const systemHttp: Http = { request };

async function request(url: string, options: Parameters<Http['request']>[1]): Promise<Result<HttpAnswer>> {
  const { method = 'GET', headers = {}, body, timeoutMs, maxBytes = DEFAULT_MAX_BYTES, signal } = options;
  const limit = AbortSignal.timeout(timeoutMs);
  const began = performance.now();
  try {
    const response = await fetch(url, {
      method,
      headers,
      redirect: 'manual',
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      ...(body !== undefined && { body }),
    });
    const text = await bodyOf(response, maxBytes);
    return ok({
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: text,
      duration_ms: performance.now() - began,
    });
  } catch (error) {
    if (signal?.aborted) return failed({ reason: 'cancelled', by: 'signal' });
    const detail = limit.aborted ? `no answer within ${timeoutMs} ms` : causeOf(error);
    return failed({ reason: 'executor-unreachable', executor: url, detail });
  }
}

/** All of it is read, so that its time counts and the connection is free again; the first bytes are kept. */
async function bodyOf(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let kept = 0;
  for await (const chunk of response.body ?? []) {
    if (kept >= maxBytes) continue;
    chunks.push(chunk.subarray(0, maxBytes - kept));
    kept += chunk.length;
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** fetch says "fetch failed" and keeps the reason in `cause`. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof Error && 'code' in cause) return String(cause.code);
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message;
}
