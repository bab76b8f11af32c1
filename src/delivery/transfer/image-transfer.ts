import type { ContainerEngine, ImageInfo } from '../../core/containers.ts';
import { type Failure, failed, ok, type Result, reported } from '../../core/failure.ts';
import type { Host } from '../../core/hosts.ts';
import type { RuntimeIo } from '../../core/runtime.ts';
import type { DeploySettings } from '../../core/settings/deploy.ts';
import { sendByArchive } from './by-archive.ts';
import { sendByRegistry } from './by-registry.ts';

/** An image on its way from the engine that built it to that of a host. */
export interface ImageTransfer {
  readonly builder: ContainerEngine;
  readonly engine: ContainerEngine;
  readonly host: Host;
  /** `sha256:…`, as the builder has it. */
  readonly digest: string;
  /** What it is to be called there. */
  readonly reference: string;
  readonly deploy: Pick<DeploySettings, 'transfer' | 'folder'>;
  /** Absolute: compressed layers and archives of earlier transfers. */
  readonly cacheFolder: string;
}

export interface TransferReport {
  /** Layers, or the archive, as they went over the connection. */
  readonly bytes_sent: number;
  readonly method: 'none' | 'registry' | 'archive';
}

/**
 * Brings an image to a host and gives it its name there; then it is the one that was built. Only layers that are
 * missing travel, through a registry that lives as long as the transfer; where that cannot work a whole archive, and
 * the log says why.
 */
export async function transferImage(transfer: ImageTransfer, io: RuntimeIo): Promise<Result<TransferReport>> {
  const { builder, digest, reference } = transfer;
  const source = await builder.image(digest);
  if (!source.ok) return source;
  const there = await imageThere(transfer, source.value);
  if (!there.ok) return there;
  if (there.value) {
    const named = await nameThere(transfer, there.value);
    return named.ok ? ok({ bytes_sent: 0, method: 'none' }) : named;
  }
  if (!source.value) {
    const message = `the image ${reference} (${digest}) is neither on ${transfer.host.name} nor on the engine that builds`;
    return reported(message);
  }
  const sent = await send(transfer, source.value, io);
  if (!sent.ok) return sent;
  const verified = await verify(transfer, source.value);
  return verified.ok ? sent : verified;
}

/** The same image on the host, whatever its name. */
async function imageThere(
  { engine, digest, reference }: ImageTransfer,
  source: ImageInfo | undefined,
): Promise<Result<ImageInfo | undefined>> {
  const byDigest = await engine.image(digest);
  if (!byDigest.ok || byDigest.value) return byDigest;
  // An engine that keeps images in another form has another digest for the same one.
  const byName = await engine.image(reference);
  if (!byName.ok) return byName;
  return ok(byName.value && source && isSameImage(byName.value, source) ? byName.value : undefined);
}

async function nameThere({ engine, reference }: ImageTransfer, image: ImageInfo): Promise<Result<void>> {
  return image.tags.includes(reference) ? ok(undefined) : engine.tag(image.id, reference);
}

async function send(
  transfer: ImageTransfer,
  source: ImageInfo,
  io: RuntimeIo,
): Promise<Result<TransferReport>> {
  if (transfer.deploy.transfer === 'archive') return sendByArchive(transfer, io);
  const sent = await sendByRegistry(transfer, io);
  if (sent.ok || io.signal.aborted) return sent;
  const { failure, isHopeless } = sent;
  if (transfer.deploy.transfer === 'registry' || !isHopeless) return failed(failure);
  await io.log(
    `only the missing layers cannot be sent (${describe(failure)}): sending ${source.id} as an archive`,
  );
  return sendByArchive(transfer, io);
}

function describe(failure: Failure): string {
  if (failure.reason === 'reported') return failure.message;
  return 'detail' in failure ? failure.detail : failure.reason;
}

/** The digest there must be the one that was built. */
async function verify({ engine, host, reference }: ImageTransfer, source: ImageInfo): Promise<Result<void>> {
  const there = await engine.image(reference);
  if (!there.ok) return there;
  if (there.value && isSameImage(there.value, source)) return ok(undefined);
  const message = `${reference} on ${host.name} is ${there.value?.id ?? 'not there'}, but ${source.id} was built`;
  return reported(message);
}

/** Engines with the containerd store have another digest for the same image: then its content decides. */
function isSameImage(one: ImageInfo, other: ImageInfo): boolean {
  if (one.id === other.id) return true;
  return contentOf(one) === contentOf(other);
}

function contentOf({ layers, created_at, platform, labels }: ImageInfo): string {
  const sorted = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([layers, Date.parse(created_at), platform, sorted]);
}
