import type { RunEvent } from '../../src/core/events.ts';
import type { Attack, Played } from './play.ts';
import { play } from './play.ts';
import type { Story } from './stories.ts';
import { STORIES } from './stories.ts';

/** See src/persistence/crash-point.ts. */
const PHASES = ['before-write', 'torn-write', 'before-sync', 'after-sync', 'after-ack'] as const;

/** Where the index and the snapshots (`pipeline.json`, `run.json`) are written. */
const FILE_POINTS = [
  ...['before-write', 'torn-write', 'before-sync', 'after-sync'].map((phase) => `index:${phase}`),
  ...['opened', 'written', 'synced', 'renamed'].map((phase) => `snapshot:${phase}`),
];

/** One place to die at, in one story. */
export interface CrashCase {
  readonly story: Story;
  /** Value of PIPEWRIGHT_CRASH. */
  readonly point: string;
  /** The first command of the story that gets it, from 0: each process counts its own occurrences. */
  readonly turn: number;
  /** Value for the process after the first death: dies once more while it recovers. */
  readonly next?: string;
}

/**
 * Every type of event that each command of a story makes × every phase, at its first, middle and last
 * occurrence, and the points of the index and the snapshots. Which there are is found by playing each
 * story undisturbed.
 */
export async function crashCases(stories: readonly Story[] = STORIES): Promise<readonly CrashCase[]> {
  const seen = new Set<string>();
  const cases: CrashCase[] = [];
  for (const story of stories) {
    const { events, violations } = await play(story, () => ({}));
    if (violations.length > 0) throw new Error(`undisturbed ${story.name}: ${violations.join('\n')}`);
    for (const [turn, part] of perProcess(events).entries()) cases.push(...casesOf(story, turn, part, seen));
  }
  const [story] = stories;
  if (!story) return cases;
  const again = PHASES.map((phase) => ({
    story,
    turn: 0,
    point: 'stage.finished:after-sync:2',
    next: `run.resumed:${phase}`,
  }));
  const files = FILE_POINTS.flatMap((point) =>
    [1, 2].map((n) => ({ story, turn: 0, point: `${point}:${n}` })),
  );
  return [...cases, ...again, ...files];
}

function casesOf(story: Story, turn: number, part: readonly RunEvent[], seen: Set<string>): CrashCase[] {
  const counts = Map.groupBy(part, ({ type }) => type);
  return [...counts].flatMap(([type, { length }]) => {
    // A type that was seen before is tried once more, but only once.
    const occurrences = seen.has(type) ? [length] : [...new Set([1, Math.ceil(length / 2), length])];
    seen.add(type);
    return occurrences.flatMap((n) =>
      PHASES.map((phase) => ({ story, turn, point: `${type}:${phase}:${n}` })),
    );
  });
}

/** A process ends with a run that ends or waits, or with its answer; the next one writes what follows. */
function perProcess(events: readonly RunEvent[]): readonly (readonly RunEvent[])[] {
  const parts: RunEvent[][] = [];
  let before: RunEvent | undefined;
  for (const event of events) {
    const isTakenUp = event.type === 'run.resumed' && before?.type !== 'stage.reset';
    const isNext = !before || ENDS.has(before.type) || isTakenUp;
    if (isNext) parts.push([]);
    parts.at(-1)?.push(event);
    before = event;
  }
  return parts;
}

const ENDS: ReadonlySet<string> = new Set(['run.waiting', 'run.finished', 'run.interrupted']);

export interface CrashResult extends Played {
  readonly case: CrashCase;
  /** The point was reached and the process died there. */
  readonly hasFired: boolean;
}

/** Dies at the point once (twice with `next`) and recovers. */
export async function playCrash(crash: CrashCase): Promise<CrashResult> {
  const attack: Attack = (turn, kills) => {
    if (turn < crash.turn) return {};
    const point = [crash.point, crash.next][kills];
    return point === undefined ? {} : { env: { PIPEWRIGHT_CRASH: point } };
  };
  const played = await play(crash.story, attack);
  return { ...played, case: crash, hasFired: played.kills >= (crash.next === undefined ? 1 : 2) };
}

/** `chaos step.finished:torn-write:3`, and from which command on where that is not the first. */
export function nameOf({ story, turn, point, next }: CrashCase): string {
  return `${story.name} ${point}${turn === 0 ? '' : ` from command ${turn + 1}`}${next === undefined ? '' : ` then ${next}`}`;
}
