import type { ImageInspectInfo } from 'dockerode';
import type { ContainerEngine, ImageInfo, TransferIo } from '../../core/containers.ts';
import { failed, ok, type Result } from '../../core/failure.ts';
import { ask, type Connection, failureOf, readable, statusOf } from './connection.ts';
import { follow } from './follow.ts';

type ImageParts = Pick<
  ContainerEngine,
  'image' | 'images' | 'tag' | 'removeImage' | 'push' | 'pull' | 'save'
>;

/** What the engine port says of images. */
export function imageParts(connection: Connection): ImageParts {
  const { docker, name } = connection;
  const image = (reference: string): Promise<Result<ImageInfo | undefined>> =>
    orUndefined(
      ask(connection, () => found(docker.getImage(reference).inspect())),
      imageInfo,
    );
  return {
    image,
    images: async (labels) => {
      const filters = { label: labelFilter(labels) };
      const listed = await ask(connection, () => docker.listImages({ filters }));
      if (!listed.ok) return listed;
      const infos = await Promise.all(listed.value.map(({ Id }) => image(Id)));
      const failure = infos.find((info) => !info.ok);
      if (failure && !failure.ok) return failure;
      const there = infos.flatMap((info) => (info.ok && info.value ? [info.value] : []));
      return ok(there.toSorted((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at)));
    },
    tag: (reference, tag) =>
      ask(connection, async () => {
        await docker.getImage(reference).tag(splitReference(tag));
      }),
    removeImage: (reference) =>
      ask(connection, async () => {
        await forgiving(docker.getImage(reference).remove(), [404, 409]);
      }),
    push: (reference, io) =>
      transfer(connection, io, (abortSignal) =>
        // The header must be there, also for a registry that asks for nothing.
        docker.getImage(reference).push({ authconfig: {}, abortSignal } as object),
      ),
    pull: (reference, io) =>
      transfer(connection, io, (abortSignal) => docker.pull(reference, { abortSignal })),
    save: async (reference) => {
      try {
        return ok(bytesOf(await docker.getImage(reference).get()));
      } catch (error) {
        return failed(failureOf(name, error));
      }
    },
  };
}

async function* bytesOf(stream: NodeJS.ReadableStream): AsyncIterable<Uint8Array> {
  for await (const chunk of readable(stream)) yield Buffer.from(chunk);
}

async function transfer(
  connection: Connection,
  { signal, onLayer }: TransferIo,
  start: (signal: AbortSignal) => Promise<NodeJS.ReadableStream>,
): Promise<Result<void>> {
  const moved = await follow(connection, start, {
    signal,
    onMessage: ({ id, status, progressDetail }) => {
      if (id === undefined || status === undefined) return;
      const { current, total } = progressDetail ?? {};
      onLayer?.({
        id,
        status,
        ...(current !== undefined && { done_bytes: current }),
        ...(total !== undefined && { total_bytes: total }),
      });
    },
  });
  if (!moved.ok) return moved;
  if (!moved.value) return ok(undefined);
  return failed({
    reason: 'reported',
    message: `${connection.name}: ${moved.value.message}`,
    retryable: true,
  });
}

/** `app:v1`, `localhost:5000/app:v1`; without a tag `latest`. */
function splitReference(reference: string): { readonly repo: string; readonly tag: string } {
  const colon = reference.lastIndexOf(':');
  if (colon <= reference.lastIndexOf('/')) return { repo: reference, tag: 'latest' };
  return { repo: reference.slice(0, colon), tag: reference.slice(colon + 1) };
}

function imageInfo(info: ImageInspectInfo): ImageInfo {
  return {
    id: info.Id,
    tags: info.RepoTags ?? [],
    platform: `${info.Os}/${info.Architecture}${info.Variant ? `/${info.Variant}` : ''}`,
    size_bytes: info.Size,
    layers: info.RootFS.Layers ?? [],
    labels: info.Config.Labels ?? {},
    created_at: info.Created,
  };
}

/** As the engine's filters take labels. */
export function labelFilter(labels: Readonly<Record<string, string>>): string[] {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`);
}

/** Undefined where the engine says that there is no such thing. */
export async function found<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** Waits for it; an answer with one of these statuses is as good as done. */
export async function forgiving(asked: Promise<unknown>, statuses: readonly number[]): Promise<void> {
  try {
    await asked;
  } catch (error) {
    if (!statuses.includes(statusOf(error) ?? 0)) throw error;
  }
}

/** Translates what was found. */
export async function orUndefined<T, U>(
  asked: Promise<Result<T | undefined>>,
  translate: (value: T) => U,
): Promise<Result<U | undefined>> {
  const answer = await asked;
  if (!answer.ok) return answer;
  return ok(answer.value === undefined ? undefined : translate(answer.value));
}
