import { pipeline } from 'node:stream/promises';
import { DIGEST, type Upload } from './blob-store.ts';
import { answer, answerError, type Exchange } from './exchange.ts';

interface Uploading {
  readonly name: string;
  readonly uploads: Map<string, Upload>;
}

/** `POST blobs/uploads/`, then `PATCH` and `PUT blobs/uploads/<id>`. */
export async function handleUploads(
  exchange: Exchange,
  to: Uploading & { readonly id: string },
): Promise<void> {
  const { request, response } = exchange;
  if (to.id === '' && request.method === 'POST') return begin(exchange, to);
  const upload = to.uploads.get(to.id);
  if (!upload) return answerError(response, 404, 'BLOB_UPLOAD_UNKNOWN', 'there is no such upload');
  switch (request.method) {
    case 'PATCH':
      return append(exchange, to.name, upload);
    case 'PUT':
      return finish(exchange, to, upload);
    case 'GET':
      return answer(response, 204, place(to.name, upload));
    case 'DELETE':
      to.uploads.delete(upload.id);
      await upload.abandon();
      return answer(response, 204, {});
    default:
      return answerError(response, 405, 'UNSUPPORTED', 'this is not done with an upload');
  }
}

async function begin(exchange: Exchange, to: Uploading): Promise<void> {
  const { url, blobs } = exchange;
  const mount = url.searchParams.get('mount') ?? '';
  // Blobs are shared by all repositories, so that mounting one is only to find it.
  if (DIGEST.test(mount) && (await blobs.size(mount)) !== undefined) return created(exchange, to.name, mount);
  const upload = blobs.begin();
  to.uploads.set(upload.id, upload);
  return url.searchParams.has('digest') ? finish(exchange, to, upload) : accepted(exchange, to.name, upload);
}

async function append(exchange: Exchange, name: string, upload: Upload): Promise<void> {
  const { request, response } = exchange;
  const from = /^(\d+)-/.exec(request.headers['content-range'] ?? '')?.[1];
  if (from !== undefined && Number(from) !== upload.bytes())
    return answer(response, 416, place(name, upload));
  await upload.append(counted(exchange));
  accepted(exchange, name, upload);
}

async function finish(exchange: Exchange, { name, uploads }: Uploading, upload: Upload): Promise<void> {
  const digest = exchange.url.searchParams.get('digest') ?? '';
  await upload.append(counted(exchange));
  uploads.delete(upload.id);
  if (DIGEST.test(digest) && (await upload.finish(digest))) return created(exchange, name, digest);
  await upload.abandon();
  answerError(exchange.response, 400, 'DIGEST_INVALID', 'the bytes have another digest');
}

async function* counted({ request, stats }: Exchange): AsyncIterable<Uint8Array> {
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk);
    stats.received_bytes += bytes.length;
    yield bytes;
  }
}

function created({ response }: Exchange, name: string, digest: string): void {
  answer(response, 201, { Location: `/v2/${name}/blobs/${digest}`, 'Docker-Content-Digest': digest });
}

function accepted({ response }: Exchange, name: string, upload: Upload): void {
  answer(response, 202, place(name, upload));
}

function place(name: string, upload: Upload): Record<string, string> {
  return {
    Location: `/v2/${name}/blobs/uploads/${upload.id}`,
    'Docker-Upload-UUID': upload.id,
    Range: `0-${Math.max(0, upload.bytes() - 1)}`,
  };
}

/** `HEAD` and `GET blobs/<digest>`, in parts where the client has some already. */
export async function handleBlobs(exchange: Exchange, digest: string): Promise<void> {
  const { request, response, blobs, stats } = exchange;
  const size = DIGEST.test(digest) ? await blobs.size(digest) : undefined;
  if (size === undefined) return answerError(response, 404, 'BLOB_UNKNOWN', 'there is no such blob');
  const range = rangeOf(request.headers.range, size);
  if (range === 'none') return answer(response, 416, { 'Content-Range': `bytes */${size}` });
  const { start, end } = range ?? { start: 0, end: size - 1 };
  response.writeHead(range ? 206 : 200, {
    'Content-Type': 'application/octet-stream',
    'Content-Length': end - start + 1,
    'Docker-Content-Digest': digest,
    'Accept-Ranges': 'bytes',
    ...(range && { 'Content-Range': `bytes ${start}-${end}/${size}` }),
  });
  if (request.method === 'HEAD' || size === 0) {
    response.end();
    return;
  }
  const source = blobs.read(digest, { start, end });
  source.on('data', (chunk: Uint8Array | string) => void (stats.sent_bytes += chunk.length));
  await pipeline(source, response);
}

/** `bytes=100-`, `bytes=100-199`, `bytes=-50`; `none` for one that lies outside, undefined for all of it. */
function rangeOf(
  header: string | undefined,
  size: number,
): { readonly start: number; readonly end: number } | 'none' | undefined {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (from === '' && to === '') return undefined;
  const start = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  return start > end ? 'none' : { start, end };
}
