import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type Exchange, refuse, sendFailure, writePiece } from './answer.ts';
import type { LogPiece, ServerParts } from './parts.ts';

const PIECE_BYTES = 64 * 1024;
/** A character that steers takes no more bytes than this in UTF-8. */
const LONGEST_CHARACTER = 4;
const MOST_LINES = 1_000_000;

type LogParts = Pick<ServerParts, 'documents'>;

/**
 * `GET /runs/<id>/logs/<stage>`: what its commands printed, as `pipewright logs` prints it; `?lines=N` the last ones.
 * With `?raw=1` the bytes of one log, in ranges: of the same length as the file, what steers terminals as `?`.
 * Which files there are the journal says: a name in the address only chooses among them.
 */
export async function sendLogs(exchange: Exchange, runId: string, { documents }: LogParts): Promise<void> {
  const lines = exchange.url.searchParams.get('lines') ?? undefined;
  if (lines !== undefined && !(/^\d{1,7}$/.test(lines) && Number(lines) <= MOST_LINES)) {
    return refuse(exchange, 400, `lines is a number up to ${MOST_LINES}.`);
  }
  const found = await documents.logs(runId, exchange.segments[3] ?? '');
  if (found.ok) {
    if (exchange.url.searchParams.has('raw')) return sendRaw(exchange, found.value);
    const text = (file: string): AsyncIterable<string> =>
      documents.text(file, lines === undefined ? undefined : Number(lines));
    return sendTexts(exchange, found.value, text);
  }
  if (found.failure.reason === 'invalid') refuse(exchange, 404, found.failure.message);
  else sendFailure(exchange, found.failure);
}

async function sendTexts(
  exchange: Exchange,
  pieces: readonly LogPiece[],
  textOf: (file: string) => AsyncIterable<string>,
): Promise<void> {
  exchange.response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' });
  const hasHeads = pieces.filter(({ isOfStep }) => isOfStep).length > 1;
  for (const { file, head } of pieces) {
    let isFirst = true;
    for await (const text of textOf(file)) {
      if (!(await writePiece(exchange, isFirst && hasHeads ? `${head}\n${text}` : text))) return;
      isFirst = false;
    }
  }
  exchange.response.end();
}

async function sendRaw(exchange: Exchange, pieces: readonly LogPiece[]): Promise<void> {
  const there = (await Promise.all(pieces.map(openLog))).flatMap((opened) => opened ?? []);
  try {
    const [log, another] = there;
    if (log && !another) return await sendRange(exchange, log.handle, log.size);
    const heads = there.map(({ head }) => head.replaceAll(/^==> | <==$/g, ''));
    refuse(exchange, 404, `raw is of one log: ${heads.join(', ') || 'there is none yet'}.`);
  } finally {
    await Promise.all(there.map(async ({ handle }) => handle.close()));
  }
}

interface OpenLog {
  readonly handle: FileHandle;
  readonly head: string;
  /** Bytes. */
  readonly size: number;
}

/** Undefined where there is none, or something else than a file. */
async function openLog({ file, head }: LogPiece): Promise<OpenLog | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const facts = await handle.stat();
    if (facts.isFile()) return { handle, head, size: facts.size };
  } catch {
    // Not there yet.
  }
  await handle?.close();
  return undefined;
}

async function sendRange(exchange: Exchange, file: FileHandle, size: number): Promise<void> {
  const { request, response } = exchange;
  const range = request.headers.range === undefined ? undefined : rangeOf(request.headers.range, size);
  response.setHeader('Accept-Ranges', 'bytes');
  if (range === 'unsatisfiable') {
    response.setHeader('Content-Range', `bytes */${size}`);
    return refuse(exchange, 416, 'There is nothing in that range yet.');
  }
  const { start, end } = range ?? { start: 0, end: size };
  response.writeHead(range ? 206 : 200, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': end - start,
    ...(range && { 'Content-Range': `bytes ${start}-${end - 1}/${size}` }),
  });
  if (request.method === 'HEAD') return void response.end();
  for (let at = start; at < end; at += PIECE_BYTES) {
    const harmless = await readHarmless(file, at, Math.min(end, at + PIECE_BYTES));
    if (harmless.length === 0 || !(await writePiece(exchange, harmless))) return void response.destroy();
  }
  response.end();
}

/** One range of bytes; several, and other units, are as if none had been asked for. Source: RFC 9110, 14.1.2. */
function rangeOf(
  header: string,
  size: number,
): { readonly start: number; readonly end: number } | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header) ?? [];
  if (first === '' && last === '') return undefined;
  // `-5`: the last five.
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size : Number(last) + 1;
  if (end <= start && start < size) return undefined;
  return start >= size ? 'unsatisfiable' : { start, end: Math.min(size, end) };
}

/** Bytes of the file; a character at an edge is judged whole. */
async function readHarmless(file: FileHandle, start: number, end: number): Promise<Buffer> {
  const from = Math.max(0, start - LONGEST_CHARACTER);
  const { buffer, bytesRead } = await file.read(
    Buffer.alloc(end + LONGEST_CHARACTER - from),
    0,
    end + LONGEST_CHARACTER - from,
    from,
  );
  const harmless = harmlessBytes(buffer.subarray(0, bytesRead));
  return harmless.subarray(start - from, Math.min(end - from, bytesRead));
}

/** C0 but tab and line ends, DEL, C1, and the marks that turn the order of letters: as many `?` as they take bytes. */
const STEERING =
  // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]|\u00c2[\u0080-\u009f]|\u00d8\u009c|\u00e2\u0080[\u008e\u008f\u00a8-\u00ae]|\u00e2\u0081[\u00a6-\u00a9]/g;

/** The same number of bytes, none of which steers a terminal. */
export function harmlessBytes(bytes: Buffer): Buffer {
  return Buffer.from(
    bytes.toString('latin1').replaceAll(STEERING, (found) => '?'.repeat(found.length)),
    'latin1',
  );
}
