import type { RunEvent } from '../core/events.ts';
import { JournalError } from '../core/ports.ts';
import { readOwner } from './owner-claim.ts';
import { watchFolder } from './poll.ts';
import { replay } from './replay.ts';
import { listFolder, readRegular } from './safe-files.ts';
import { scanSegment, segmentEpoch, segmentFile } from './segment.ts';
import type { Fence } from './segment.ts';
import type { RunLayout } from './state-layout.ts';

/**
 * Events from `fromSeq` on, those on disk and then new ones, until `signal` aborts or no live
 * process owns the run and all of it was read. Throws `JournalError` (`journal-corrupt`) at damage.
 */
export async function* followRun(
  run: RunLayout,
  fromSeq: number,
  signal: AbortSignal,
): AsyncGenerator<RunEvent> {
  const bell = createBell();
  const stop = watchFolder(run.journal, bell.ring, true);
  signal.addEventListener('abort', bell.ring);
  try {
    const reader = createReader(run.journal);
    let next = fromSeq;
    while (!signal.aborted) {
      // Before reading: what a dying owner wrote last must still be seen.
      const owned = readOwner(run.folder)?.alive === true;
      for (const event of reader()) {
        if (event.seq < next) continue;
        next = event.seq + 1;
        yield event;
      }
      if (!owned) return;
      await bell.wait();
    }
  } finally {
    signal.removeEventListener('abort', bell.ring);
    stop();
  }
}

/** Remembers one ring that came while nobody waited. */
function createBell(): { readonly ring: () => void; readonly wait: () => Promise<void> } {
  let rung = false;
  let wake: (() => void) | undefined;
  return {
    ring: () => {
      rung = true;
      wake?.();
    },
    wait: async () => {
      if (!rung)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      rung = false;
      wake = undefined;
    },
  };
}

/** Each call returns what was added since the last one; events may repeat after a change of owner. */
function createReader(journal: string): () => readonly RunEvent[] {
  let tail: Fence | null = null;
  return () => {
    const newest = Math.max(0, ...listFolder(journal).map((name) => segmentEpoch(name) ?? 0));
    if (!tail || newest !== tail.epoch) {
      const whole = replay(journal);
      failOnDamage(whole.damage[0]);
      tail = whole.tail;
      return whole.events;
    }
    const file = segmentFile(journal, tail.epoch);
    const added = scanSegment(readRegular(file, tail.bytes), tail.head);
    if (added.damaged) failOnDamage({ file, byte: tail.bytes + added.bytes });
    tail = { epoch: tail.epoch, bytes: tail.bytes + added.bytes, head: added.head };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the chain proves that our `append` wrote them
    return added.records as readonly RunEvent[];
  };
}

function failOnDamage(damage: { readonly file: string; readonly byte: number } | undefined): void {
  if (damage) throw new JournalError({ reason: 'journal-corrupt', file: damage.file, byte: damage.byte });
}
