import type { Clock } from '../ports.ts';
import { formatDuration } from '../quantities.ts';

interface Watched {
  readonly foundAt: string;
  readonly tree: string;
  /** When `tree` was first seen so, by the monotonic clock. */
  readonly sinceMs: number;
  readonly hasChanged: boolean;
  readonly isRipe: boolean;
}

/**
 * Tells whether cases have stopped changing, by what was seen and not by their times: those belong to another
 * clock, and who copies may set them.
 */
export class Ripeness {
  readonly #watched = new Map<string, Watched>();
  readonly #clock: Clock;
  readonly #stableMs: number;

  constructor({ clock, stableMs }: { readonly clock: Clock; readonly stableMs: number }) {
    this.#clock = clock;
    this.#stableMs = stableMs;
  }

  /** Why it is not whole yet; undefined when it has been unchanged for long enough. */
  reasonToWait(name: string, tree: string): string | undefined {
    const now = this.#clock.monotonicMs();
    const before = this.#watched.get(name);
    const isSame = before?.tree === tree;
    const sinceMs = isSame ? before.sinceMs : now;
    const isRipe = now - sinceMs >= this.#stableMs;
    this.#watched.set(name, {
      foundAt: before?.foundAt ?? this.#clock.now(),
      tree,
      sinceMs,
      isRipe,
      hasChanged: before !== undefined && (before.hasChanged || !isSame),
    });
    return isRipe ? undefined : `until nothing in it has changed for ${formatDuration(this.#stableMs)}`;
  }

  /** When it was first seen; now, where it never was. */
  foundAt(name: string): string {
    return this.#watched.get(name)?.foundAt ?? this.#clock.now();
  }

  forget(name: string): void {
    this.#watched.delete(name);
  }

  keepOnly(names: ReadonlyMap<string, unknown>): void {
    for (const name of this.#watched.keys()) if (!names.has(name)) this.#watched.delete(name);
  }

  /** Milliseconds until the first of those that are watched may be whole; undefined: none is waited for. */
  get soonestMs(): number | undefined {
    const now = this.#clock.monotonicMs();
    const left = this.#unripe.map(({ sinceMs }) => Math.max(0, sinceMs + this.#stableMs - now));
    return left.length > 0 ? Math.min(...left) : undefined;
  }

  /** One that is not ripe has not been seen to change either. */
  get hasUnchanged(): boolean {
    return this.#unripe.some(({ hasChanged }) => !hasChanged);
  }

  get #unripe(): readonly Watched[] {
    return [...this.#watched.values()].filter(({ isRipe }) => !isRipe);
  }
}
