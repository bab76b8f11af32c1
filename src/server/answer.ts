import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Failure } from '../core/failure.ts';
import { harmlessJson } from '../core/terminal-text.ts';

/** One request and its answer. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  /** Between the slashes, decoded. */
  readonly segments: readonly string[];
  /** Aborted when the other end is gone, or when the server stops. */
  readonly signal: AbortSignal;
}

/** Nothing of an answer may be run, framed, guessed at or kept by a browser. */
const SECURITY = {
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy':
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cache-Control': 'no-store',
};

/** Sets what every answer carries. */
export function secure(response: ServerResponse): void {
  for (const [name, value] of Object.entries(SECURITY)) response.setHeader(name, value);
}

/** A JSON document, on a line of its own. */
export function sendJson({ response }: Pick<Exchange, 'response'>, status: number, document: object): void {
  sendText({ response }, status, { type: 'application/json', text: `${harmlessJson(document, 2)}\n` });
}

/** A whole text. */
export function sendText(
  { response }: Pick<Exchange, 'response'>,
  status: number,
  { type, text }: { readonly type: string; readonly text: string },
): void {
  const body = Buffer.from(text);
  response.writeHead(status, {
    'Content-Type': type.includes(';') ? type : `${type}; charset=utf-8`,
    'Content-Length': body.length,
  });
  response.end(body);
}

/** An error as a document, as `--json` prints them. */
export function refuse(exchange: Pick<Exchange, 'response'>, status: number, message: string): void {
  sendJson(exchange, status, { error: { reason: 'invalid', message } });
}

/** A failure of ours: what is not there is 404, what cannot be is 400. */
export function sendFailure(exchange: Pick<Exchange, 'response'>, failure: Failure): void {
  sendJson(exchange, statusOf(failure), { error: failure });
}

function statusOf({ reason }: Failure): number {
  if (reason === 'run-not-found') return 404;
  if (reason === 'invalid') return 400;
  return 500;
}

/** Writes a piece; false when nobody takes it any more, also after `patienceMs` of silence. */
export async function writePiece(
  { response, signal }: Pick<Exchange, 'response' | 'signal'>,
  piece: string | Uint8Array,
  patienceMs = 30_000,
): Promise<boolean> {
  if (signal.aborted) return false;
  if (response.write(piece)) return true;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const taken = (): void => resolve(true);
  const given = (): void => resolve(false);
  const timer = setTimeout(given, patienceMs);
  response.once('drain', taken);
  signal.addEventListener('abort', given, { once: true });
  const isTaken = await promise;
  clearTimeout(timer);
  response.off('drain', taken);
  signal.removeEventListener('abort', given);
  if (!isTaken) response.destroy();
  return isTaken;
}
