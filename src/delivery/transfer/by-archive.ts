import process from 'node:process';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type Failure, failed, ok, type Result } from '../../core/failure.ts';
import type { RuntimeIo } from '../../core/runtime.ts';
import { sanitizeText } from '../../core/terminal-text.ts';
import type { ImageTransfer, TransferReport } from './image-transfer.ts';

const UPLOAD_TRIES = 3;
const PULSE_MS = 10_000;
/** Level 1: over a fast link more would be slower than what it saves. */
const GZIP_LEVEL = 1;

/** `docker save`, a copy that resumes, `docker load`: all layers each time, but over any ssh, and never from the start again. */
export async function sendByArchive(transfer: ImageTransfer, io: RuntimeIo): Promise<Result<TransferReport>> {
  const { host, digest, deploy, cacheFolder } = transfer;
  const name = `${digest.replace('sha256:', '').slice(0, 16)}.tar.gz`;
  const archive = path.join(cacheFolder, 'archives', name);
  const made = await makeArchive(transfer, archive, io.signal);
  if (!made.ok) return made;
  const remote = `${deploy.folder}/incoming/${name}`;
  const copied = await upload(transfer, { local: archive, remote }, io);
  if (!copied.ok) return copied;
  const loaded = await load(transfer, remote, io.signal);
  if (!loaded.ok) return loaded;
  await rm(archive, { force: true });
  await io.log(`${host.name} has loaded the archive, ${copied.value.bytes} bytes`);
  return ok({ bytes_sent: copied.value.bytes - copied.value.resumed_bytes, method: 'archive' });
}

/** Kept until it has arrived, so that a later try resumes with the same bytes. */
async function makeArchive(
  { builder, digest, reference }: ImageTransfer,
  archive: string,
  signal: AbortSignal,
): Promise<Result<void>> {
  if (await stat(archive).catch(() => undefined)) return ok(undefined);
  const named = await builder.tag(digest, reference);
  if (!named.ok) return named;
  const saved = await builder.save(reference, signal);
  if (!saved.ok) return saved;
  const unfinished = `${archive}.${process.pid}.part`;
  try {
    await mkdir(path.dirname(archive), { recursive: true, mode: 0o700 });
    const { createGzip } = await import('node:zlib');
    const file = createWriteStream(unfinished, { mode: 0o600 });
    await pipeline(saved.value, createGzip({ level: GZIP_LEVEL }), file, { signal });
    await rename(unfinished, archive);
    return ok(undefined);
  } catch (error) {
    await rm(unfinished, { force: true });
    const detail = error instanceof Error ? error.message : String(error);
    const message = `the archive ${archive} cannot be written: ${detail}`;
    return failed({ reason: 'reported', message, retryable: true });
  }
}

async function upload(
  { host }: ImageTransfer,
  copy: { readonly local: string; readonly remote: string },
  { signal, log, onProgress }: RuntimeIo,
): ReturnType<ImageTransfer['host']['upload']> {
  for (let attempt = 1; ; attempt += 1) {
    const copied = await host.upload(
      {
        ...copy,
        mode: 0o600,
        ...(onProgress && {
          onProgress: ({ done_bytes, total_bytes }) => onProgress(done_bytes, total_bytes),
        }),
      },
      signal,
    );
    if (copied.ok || signal.aborted || attempt === UPLOAD_TRIES) return copied;
    if (copied.failure.reason !== 'executor-unreachable') return copied;
    await log(`the copy broke (${copied.failure.detail}): resuming (${attempt + 1} of ${UPLOAD_TRIES})`);
  }
}

async function load(
  { host, engine }: ImageTransfer,
  archive: string,
  signal: AbortSignal,
): Promise<Result<void>> {
  const script = 'docker load -q -i "$ARCHIVE"; code=$?; rm -f "$ARCHIVE"; exit $code';
  const env = { ARCHIVE: archive, DOCKER_HOST: engine.endpoint };
  const outcome = await whileAlive(engine, signal, (given) => host.exec({ script, env }, given));
  if (!outcome.ok) return outcome;
  const { exit_code: code, stderr } = outcome.value;
  if (code === 0) return ok(undefined);
  const said = sanitizeText(stderr).trim().split('\n').slice(-3).join(' ; ');
  return failed({
    reason: 'reported',
    message: `${host.name}: docker load ended with ${code}: ${said}`,
    retryable: code !== 127,
  });
}

/** Ends the work when the engine gives no sign of life: the command would wait for it for ever. */
async function whileAlive<T>(
  engine: ImageTransfer['engine'],
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<Result<T>>,
): Promise<Result<T>> {
  const ended = new AbortController();
  const given = AbortSignal.any([signal, ended.signal]);
  const watch = async (): Promise<Failure | undefined> => {
    for (;;) {
      const slept = await delay(PULSE_MS, true, { signal: given, ref: false }).catch(() => false);
      if (!slept) return undefined;
      const alive = await engine.info();
      if (alive.ok || given.aborted) continue;
      ended.abort();
      return alive.failure;
    }
  };
  const watching = watch();
  const result = await work(given);
  ended.abort();
  const silence = await watching;
  return silence ? failed(silence) : result;
}
