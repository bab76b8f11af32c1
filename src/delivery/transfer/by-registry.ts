import path from 'node:path';
import { type Failure, ok, type Result } from '../../core/failure.ts';
import type { RuntimeIo } from '../../core/runtime.ts';
import { createBlobStore } from '../registry/blob-store.ts';
import type { Registry } from '../registry/registry.ts';
import type { ImageTransfer, TransferReport } from './image-transfer.ts';
import { layerProgress } from './layer-progress.ts';

/** Compressed layers that are kept for the next time. */
const CACHE_BYTES = 5e9;
/** A pull that breaks is begun again: the engine keeps the layers that it has whole. */
const PULL_TRIES = 3;
const NAME = 'image';

interface Unsent {
  readonly ok: false;
  readonly failure: Failure;
  /** It will not work on this host, as opposed to: not this time. */
  readonly isHopeless: boolean;
}

/** The builder pushes to a registry in this process, the host's engine pulls from it through the connection to the host. */
export async function sendByRegistry(
  transfer: ImageTransfer,
  io: RuntimeIo,
): Promise<{ readonly ok: true; readonly value: TransferReport } | Unsent> {
  // Node's HTTP server, which every start of a run would load.
  const { createRegistry } = await import('../registry/registry.ts');
  const blobs = createBlobStore(path.join(transfer.cacheFolder, 'layers'));
  await blobs.trim(CACHE_BYTES);
  const registry = createRegistry(blobs);
  try {
    const pushed = await push(registry, transfer, io);
    if (!pushed.ok) return { ...pushed, isHopeless: true };
    for (let attempt = 1; ; attempt += 1) {
      const pulled = await pull(registry, transfer, io);
      if (pulled.ok) return ok({ bytes_sent: registry.stats.sent_bytes, method: 'registry' });
      const isLink = pulled.failure.reason === 'executor-unreachable';
      if (pulled.isHopeless || !isLink || attempt === PULL_TRIES || io.signal.aborted) return pulled;
      await io.log(
        `the connection broke after ${registry.stats.sent_bytes} bytes: again (${attempt + 1} of ${PULL_TRIES})`,
      );
    }
  } finally {
    await registry.close();
  }
}

async function push(
  registry: Registry,
  transfer: ImageTransfer,
  { signal }: RuntimeIo,
): Promise<Result<void>> {
  const { builder, digest } = transfer;
  const port = await registry.listen();
  const name = `127.0.0.1:${port}/${registry.secret}/${NAME}:${tagOf(digest)}`;
  const named = await builder.tag(digest, name);
  if (!named.ok) return named;
  const pushed = await builder.push(name, { signal });
  const cleaned = await builder.removeImage(name);
  return pushed.ok ? cleaned : pushed;
}

async function pull(
  registry: Registry,
  { engine, host, digest, reference }: ImageTransfer,
  io: RuntimeIo,
): Promise<{ readonly ok: true; readonly value: void } | Unsent> {
  const before = registry.stats.requests;
  const forward = await host.listen(registry.serve);
  if (!forward.ok) return { ...forward, isHopeless: true };
  const name = `127.0.0.1:${forward.value.port}/${registry.secret}/${NAME}:${tagOf(digest)}`;
  try {
    const layers = registry.layers(NAME, tagOf(digest));
    const onLayer = layerProgress(layers, () => registry.stats.sent_bytes, io.onProgress);
    const pulled = await engine.pull(name, { signal: io.signal, onLayer });
    // An engine in a machine of its own does not find us at 127.0.0.1, and says so. One that says nothing is in trouble.
    const hasNotCome = registry.stats.requests === before;
    if (!pulled.ok) return { ...pulled, isHopeless: hasNotCome && pulled.failure.reason === 'reported' };
    const named = await engine.tag(name, reference);
    const cleaned = await engine.removeImage(name);
    const done = named.ok ? cleaned : named;
    return done.ok ? done : { ...done, isHopeless: false };
  } finally {
    await forward.value.close();
  }
}

function tagOf(digest: string): string {
  return digest.replace('sha256:', '').slice(0, 12);
}
