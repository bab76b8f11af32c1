import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import type { ContainerEngine, ImageInfo } from '../../core/containers.ts';
import { ok, type Result, reported } from '../../core/failure.ts';
import { transferImage } from '../transfer/image-transfer.ts';
import { type Place } from './parts.ts';

/**
 * The proxy needs Node, and a host may have nothing but Docker: an image from nothing with the Node that runs us and the
 * libraries it has loaded. It changes with Node's version only, and goes to each host once.
 */
const IMAGE = 'pipewright-node';
const NODE_VERSION = process.version.slice(1);

/** `deploy.proxy_image`, or what we make. */
export function proxyImageName({ parts }: Pick<Place, 'parts'>): string {
  return parts.deploy.proxy_image ?? `${IMAGE}:${NODE_VERSION}-${process.arch}`;
}

/** Makes sure that the host has the image. */
export async function bringProxyImage(place: Place): Promise<Result<void>> {
  const { parts, engine, target, io } = place;
  const reference = proxyImageName(place);
  const there = await engine.image(reference);
  if (!there.ok) return there;
  if (there.value) return ok(undefined);
  if (parts.deploy.proxy_image !== undefined) {
    await io.log(`${target.host.name} fetches ${reference} for its proxy`);
    return engine.pull(reference, io);
  }
  const builder = await parts.engines.builder();
  if (!builder.ok) return builder;
  const image = await builtNode(builder.value, place);
  if (!image.ok) return image;
  await io.log(`the proxy of start-first needs Node on ${target.host.name}: sending ${reference}, this once`);
  const sent = await transferImage(
    {
      builder: builder.value,
      engine,
      host: target.host,
      digest: image.value.id,
      reference,
      deploy: parts.deploy,
      cacheFolder: parts.cacheFolder,
    },
    io,
  );
  return sent.ok ? ok(undefined) : sent;
}

async function builtNode(builder: ContainerEngine, place: Place): Promise<Result<ImageInfo>> {
  const reference = proxyImageName(place);
  const known = await builder.image(reference);
  if (!known.ok) return known;
  if (known.value) return ok(known.value);
  const problem = whyNotHere();
  if (problem !== undefined) return reported(problem);
  await mkdir(place.parts.cacheFolder, { recursive: true, mode: 0o700 });
  const context = await mkdtemp(path.join(place.parts.cacheFolder, 'node-'));
  try {
    await fillContext(context);
    const labels = { 'pipewright.image': IMAGE, 'org.opencontainers.image.version': NODE_VERSION };
    const request = { context, leave_out: [], dockerfile: 'Dockerfile', args: {}, tags: [reference], labels };
    return await builder.build(request, { signal: place.io.signal, onLine: () => undefined });
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

function whyNotHere(): string | undefined {
  if (process.platform === 'linux') return undefined;
  return `start-first on Docker needs an image with Node, which cannot be made from the Node of ${process.platform}: set deploy.proxy_image, for example to node:24-slim`;
}

async function fillContext(context: string): Promise<void> {
  const put = async (from: string, to: string): Promise<void> => {
    const file = path.join(context, 'root', to);
    await mkdir(path.dirname(file), { recursive: true });
    await copyFile(from, file);
  };
  await put(await realpath(process.execPath), '/bin/node');
  for (const library of loadedLibraries()) await put(await realpath(library), library);
  await writeFile(path.join(context, 'Dockerfile'), 'FROM scratch\nCOPY root /\nENV PATH=/bin\n');
}

/** Shared objects of this process, and those that glibc loads when it looks up a name. */
function loadedLibraries(): readonly string[] {
  const report: { readonly sharedObjects?: readonly string[] } = JSON.parse(
    JSON.stringify(process.report.getReport()),
  );
  const loaded = (report.sharedObjects ?? []).filter((file) => /^\/.*\.so(\.[\d.]+)?$/.test(file));
  const beside = new Set(loaded.map((file) => path.dirname(file)));
  const lookups = ['libnss_dns.so.2', 'libnss_files.so.2', 'libresolv.so.2'];
  const found = [...beside].flatMap((folder) => lookups.map((name) => path.join(folder, name)));
  return [...new Set([...loaded, ...found.filter((file) => existsSync(file))])];
}
