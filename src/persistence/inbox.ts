import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { errorCode, hasCode } from '../core/error-code.ts';
import type { RunRequest } from '../core/ports.ts';
import { watchFolder } from './poll.ts';
import { listFolder, makeFolder, readRegular, removeQuietly, replaceFile } from './safe-files.ts';

/** A request is small; more than this is none of ours. Bytes. */
const REQUEST_LIMIT = 64 * 1024;

/** Leaves a request for the run's owner: complete or not at all. Rejects with errors of the operating system. */
export async function leaveRequest(inbox: string, request: RunRequest): Promise<void> {
  makeFolder(inbox);
  // Names sort by time, so that requests are answered in order.
  const name = `${String(Date.now()).padStart(15, '0')}-${randomBytes(6).toString('hex')}.json`;
  await replaceFile(path.join(inbox, name), `${JSON.stringify(request)}\n`);
}

/**
 * Hands each request to `handle` once, oldest first, and removes it then; also the ones that were
 * left while nobody owned the run. Returns the function that stops it.
 */
export function watchInbox(inbox: string, handle: (request: RunRequest) => void): () => void {
  const seen = new Set<string>();
  const take = () => {
    for (const name of listFolder(inbox).toSorted()) {
      // Dot names are requests still being written.
      if (!name.endsWith('.json') || name.startsWith('.') || seen.has(name)) continue;
      const file = path.join(inbox, name);
      const request = readRequest(file);
      // Remembered: on a disk that went read-only it cannot be removed, and must not count twice.
      seen.add(name);
      if (request) handle(request);
      removeQuietly(file);
    }
  };
  const look = () => {
    try {
      take();
    } catch (error) {
      // No descriptor is free, or the disk is gone for a moment: what lies there waits for the next look.
      if (errorCode(error) === undefined) throw error;
    }
  };
  const stop = watchFolder(inbox, look);
  queueMicrotask(look);
  return stop;
}

/** Undefined for anything that is no request: a planted link, a pipe, other JSON. Throws where no file can be opened. */
function readRequest(file: string): RunRequest | undefined {
  try {
    const value: unknown = JSON.parse(readRegular(file, 0, REQUEST_LIMIT).toString('utf8'));
    return isRequest(value) ? value : undefined;
  } catch (error) {
    if (hasCode(error, 'EMFILE', 'ENFILE')) throw error;
    return undefined;
  }
}

function isRequest(value: unknown): value is RunRequest {
  if (typeof value !== 'object' || value === null) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  const areTexts = (...keys: readonly string[]) => keys.every((key) => typeof fields.get(key) === 'string');
  const comment = fields.get('comment');
  if (fields.get('type') === 'cancel') return areTexts('by');
  return (
    ['approve', 'reject', 'skip'].some((type) => fields.get('type') === type) &&
    areTexts('stage', 'by', 'plan_hash') &&
    (comment === undefined || typeof comment === 'string')
  );
}
