import type { TransferIo } from '../../core/containers.ts';
import type { RuntimeIo } from '../../core/runtime.ts';

/**
 * Bytes done of bytes that will go: layers that the engine has do not. Says nothing before the engine has said of every
 * layer whether it has it, or takes the first bytes: the total would begin too large. `layers`: sizes by digest.
 */
export function layerProgress(
  layers: ReadonlyMap<string, number>,
  sentBytes: () => number,
  onProgress: RuntimeIo['onProgress'],
): NonNullable<TransferIo['onLayer']> {
  const missing = new Map(layers);
  const unheard = new Set(layers.keys());
  return ({ id, status }) => {
    for (const digest of layers.keys()) {
      if (!digest.startsWith(`sha256:${id}`)) continue;
      unheard.delete(digest);
      if (status === 'Already exists') missing.delete(digest);
    }
    if (unheard.size > 0 && status !== 'Downloading') return;
    const total = [...missing.values()].reduce((sum, size) => sum + size, 0);
    onProgress?.(Math.min(sentBytes(), total), total);
  };
}
