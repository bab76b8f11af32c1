import type { ContainerInfo } from '../../core/containers.ts';
import { ok, type Result } from '../../core/failure.ts';
import type { RollbackUnit } from '../../core/releases.ts';
import type { DockerVariant, Place } from './parts.ts';
import { proxiedName } from './proxy.ts';

/**
 * Removes images of the service that no release of `keep` and no container needs, and its containers that serve nobody. Only
 * images that `docker-build` made, told by their label, and only under names of this service.
 */
export async function prune(
  place: Place,
  variant: DockerVariant,
  keep: readonly RollbackUnit[],
): Promise<Result<void>> {
  const [containers, proxied] = await Promise.all([variant.containers(place), proxiedName(place)]);
  if (!containers.ok) return containers;
  if (!proxied.ok) return proxied;
  const ended = containers.value.filter((container) => isLeftOver(container, proxied.value));
  for (const { id } of ended) {
    const removed = await place.engine.stop(id, {
      timeoutMs: place.target.settings.stop_timeout,
      remove: true,
    });
    if (!removed.ok) return removed;
  }
  const used = containers.value.filter((one) => !ended.includes(one)).map(({ image_id: id }) => id);
  const needed = new Set([...used, ...keep.map(({ digest }) => digest)]);
  for (const name of new Set(keep.map(({ reference }) => nameOf(reference)))) {
    const removed = await removeImages(place, name, needed);
    if (!removed.ok) return removed;
  }
  return ok(undefined);
}

/** It has ended, or waits behind the proxy for a run that was given up: its turn never comes. */
function isLeftOver(
  { name, is_running: isRunning, labels }: ContainerInfo,
  serving: string | undefined,
): boolean {
  if (name === serving) return false;
  return !isRunning || (serving !== undefined && labels['pipewright.strategy'] === 'start-first');
}

async function removeImages(
  { engine }: Place,
  name: string,
  needed: ReadonlySet<string>,
): Promise<Result<void>> {
  const images = await engine.images({ 'pipewright.image': name });
  if (!images.ok) return images;
  for (const { id, tags } of images.value) {
    if (needed.has(id) || tags.some((tag) => /:keep-[^:]*$/.test(tag))) continue;
    for (const reference of tags.length > 0 ? tags.filter((tag) => nameOf(tag) === name) : [id]) {
      const removed = await engine.removeImage(reference);
      if (!removed.ok) return removed;
    }
  }
  return ok(undefined);
}

function nameOf(reference: string): string {
  return reference.replace(/:[^:/]*$/, '');
}
