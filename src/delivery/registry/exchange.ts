import { createHash } from 'node:crypto';
import type http from 'node:http';
import type { BlobStore } from './blob-store.ts';

export interface RegistryStats {
  /** Bodies of blobs, bytes. */
  received_bytes: number;
  sent_bytes: number;
  requests: number;
}

/** What a route works with. */
export interface Exchange {
  readonly request: http.IncomingMessage;
  readonly response: http.ServerResponse;
  readonly url: URL;
  readonly blobs: BlobStore;
  readonly stats: RegistryStats;
}

/** Answers with a body that is known as a whole. */
export function answer(
  response: http.ServerResponse,
  status: number,
  headers: http.OutgoingHttpHeaders,
  body = '',
): void {
  response.writeHead(status, { 'Content-Length': Buffer.byteLength(body), ...headers });
  response.end(body);
}

/** Answers as the distribution specification has errors: one, with its code. */
export function answerError(
  response: http.ServerResponse,
  status: number,
  code: string,
  message: string,
): void {
  const body = JSON.stringify({ errors: [{ code, message }] });
  answer(response, status, { 'Content-Type': 'application/json' }, body);
}

/** `sha256:` and the hex digits. */
export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
