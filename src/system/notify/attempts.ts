import type { Delivery } from '../../core/notify.ts';
import type { Clock } from '../../core/ports.ts';

/** How one try ended. `again`: the way there was broken, which may heal. */
export type Tried =
  | { readonly ok: true }
  | { readonly ok: false; readonly detail: string; readonly again: boolean };

const MOST_TRIES = 3;
/** Before the second and the third try, milliseconds. */
const PAUSES_MS = [500, 2000];

/** Up to three tries, as long as what fails may heal. */
export async function attempts(
  channel: Delivery['channel'],
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  attempt: () => Promise<Tried>,
): Promise<Delivery> {
  const began = clock.monotonicMs();
  for (let tries = 1; ; tries += 1) {
    const tried = await attempt();
    const facts = { channel, tries, duration_ms: Math.round(clock.monotonicMs() - began) };
    if (tried.ok) return { ...facts, ok: true };
    const isOver = !tried.again || tries >= MOST_TRIES || signal.aborted;
    if (isOver || !(await clock.sleep(PAUSES_MS[tries - 1] ?? 0, signal))) {
      return { ...facts, ok: false, detail: tried.detail };
    }
  }
}
