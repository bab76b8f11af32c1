import path from 'node:path';
import type { ContainerEngine, ImageInfo } from '../../core/containers.ts';
import { failed, ok, type Result } from '../../core/failure.ts';
import type { ServiceHistory } from '../../core/releases.ts';
import type { BuildServiceSettings, BuildSettings } from '../../core/settings/build.ts';
import type { Vcs } from '../../core/vcs.ts';
import type { BuiltImage } from './built-image.ts';
import { imageLabels, imageTags, sameBuild, sourceFacts } from './image-facts.ts';
import { keepTag } from './image-name.ts';
import { createLineWriter } from './line-writer.ts';

interface Building {
  readonly engine: ContainerEngine;
  readonly vcs: Vcs | undefined;
  /** Absolute. */
  readonly project: string;
  readonly service: string;
  readonly settings: BuildServiceSettings;
  /** Absolute: what Pipewright keeps in the project itself. */
  readonly ownFolders: readonly string[];
  readonly tags: BuildSettings['tags'];
  /** The image's name, without a tag. */
  readonly name: string;
  readonly environment: string;
  readonly history: ServiceHistory;
  readonly runId: string;
  readonly now: () => string;
  readonly warn: (message: string) => void;
}

interface BuildIo {
  readonly signal: AbortSignal;
  readonly log: (line: string) => Promise<void>;
}

/** Builds the image of one service, or finds the one that was built from the same tree. */
export async function buildService(work: Building, io: BuildIo): Promise<Result<BuiltImage>> {
  const { engine, name, project, service } = work;
  const source = sourceOf(work);
  const { context } = source;
  const fingerprint = await engine.fingerprint(source);
  if (!fingerprint.ok) return fingerprint;
  const facts = await sourceFacts(work.vcs, { project, context, own: work.ownFolders });
  if (!facts.ok) return facts;
  const own = { name, fingerprint: fingerprint.value, createdAt: work.now() };
  const tags = imageTags(work.tags, facts.value, { fingerprint: fingerprint.value, runId: work.runId });
  if (!tags.ok) return tags;
  if (facts.value.isDirty) work.warn(`${service} is built from files that are not committed`);
  const pinned = await pinPrevious(work, io);
  if (!pinned.ok) return pinned;
  const references = tags.value.map((tag) => `${name}:${tag}`);
  const known = await engine.images(sameBuild(own));
  if (!known.ok) return known;
  const reused = known.value[0];
  const image = reused
    ? await nameAgain(engine, reused, { references, io })
    : await buildNew(engine, { ...source, tags: references, labels: imageLabels(facts.value, own) }, io);
  if (!image.ok) return image;
  const { id, size_bytes, platform: builtFor } = image.value;
  const [reference = id] = references;
  const commit = facts.value.commit ?? null;
  await io.log(`${reference} is ${id}`);
  return ok({
    id,
    reference,
    tags: tags.value,
    size_bytes,
    platform: builtFor,
    commit,
    reused: reused !== undefined,
  });
}

function sourceOf({
  project,
  settings,
  ownFolders,
}: Building): Parameters<ContainerEngine['fingerprint']>[0] {
  const { context, dockerfile, args, target, platform } = settings;
  return {
    context: path.resolve(project, context),
    leave_out: ownFolders,
    dockerfile,
    args,
    ...(target !== undefined && { target }),
    ...(platform !== undefined && { platform }),
  };
}

async function buildNew(
  engine: ContainerEngine,
  request: Parameters<ContainerEngine['build']>[0],
  { signal, log }: BuildIo,
): Promise<Result<ImageInfo>> {
  const writer = createLineWriter(log);
  const built = await engine.build(request, { signal, onLine: writer.say });
  await writer.flush();
  return built;
}

async function nameAgain(
  engine: ContainerEngine,
  image: ImageInfo,
  { references, io }: { readonly references: readonly string[]; readonly io: BuildIo },
): Promise<Result<ImageInfo>> {
  await io.log(`the tree is the one of ${image.tags[0] ?? image.id}: nothing to build`);
  for (const reference of references) {
    const tagged = await engine.tag(image.id, reference);
    if (!tagged.ok) return tagged;
  }
  return ok(image);
}

/** The image that serves now gets a name of its own: without one a prune takes it when its tag moves on. */
async function pinPrevious(
  { engine, history, name, environment }: Building,
  io: BuildIo,
): Promise<Result<void>> {
  const release = history.last_healthy ?? history.current;
  if (!release || release.runtime === 'process') return ok(undefined);
  const image = await engine.image(release.digest);
  if (!image.ok) return image;
  if (!image.value) {
    await io.log(
      `the image of the last release (${release.reference}) is not on this engine; its hosts keep theirs`,
    );
    return ok(undefined);
  }
  const reference = `${name}:${keepTag(environment)}`;
  await io.log(`${release.reference}, which serves now, is kept as ${reference}`);
  return engine.tag(release.digest, reference);
}

/** Services that are deployed as images, in the order of pipewright.yaml; `invalid` names one that is not there. */
export function imageServices(
  { build, deploy }: { readonly build: BuildSettings; readonly deploy: DeployRuntimes },
  asked: readonly string[] | undefined,
): Result<readonly string[]> {
  const isImage = (service: string): boolean => {
    const runtime = deploy.services[service] && (deploy.services[service].runtime ?? deploy.runtime);
    return runtime === undefined ? build.services[service]?.command === undefined : runtime !== 'process';
  };
  const known = Object.keys(build.services);
  const unknown = asked?.find((service) => !known.includes(service));
  if (unknown === undefined) return ok((asked ?? known).filter(isImage));
  return failed({
    reason: 'invalid',
    message: `build.services has no ${unknown}; it has: ${known.join(', ') || 'none'}`,
  });
}

interface DeployRuntimes {
  readonly runtime: string;
  readonly services: Readonly<Record<string, { readonly runtime?: string | undefined }>>;
}
