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
  /** Value for the process after the first death: dies once more while it recovers. */
  readonly next?: string;
}

/**
 * Every type of event that a story makes × every phase, at its first and its last occurrence, and the
 * points of the index and the snapshots. Which types there are is found by playing each story undisturbed.
 */
export async function crashCases(stories: readonly Story[] = STORIES): Promise<readonly CrashCase[]> {
  const seen = new Set<string>();
  const cases: CrashCase[] = [];
  for (const story of stories) {
    const { events, violations } = await play(story, () => ({}));
    if (violations.length > 0) throw new Error(`undisturbed ${story.name}: ${violations.join('\n')}`);
    const counts = Map.groupBy(events, ({ type }) => type);
    for (const [type, { length }] of counts) {
      // A type that an earlier story has made is tried once more, but only once.
      const occurrences = seen.has(type) ? [length] : [...new Set([1, Math.ceil(length / 2), length])];
      seen.add(type);
      for (const occurrence of occurrences) {
        for (const phase of PHASES) cases.push({ story, point: `${type}:${phase}:${occurrence}` });
      }
    }
  }
  const [first] = stories;
  if (!first) return cases;
  const again = PHASES.map((phase) => ({
    story: first,
    point: 'stage.finished:after-sync:2',
    next: `run.resumed:${phase}`,
  }));
  return [
    ...cases,
    ...again,
    ...FILE_POINTS.flatMap((point) => [1, 2].map((n) => ({ story: first, point: `${point}:${n}` }))),
  ];
}

export interface CrashResult extends Played {
  readonly case: CrashCase;
  /** The point was reached and the process died there. */
  readonly hasFired: boolean;
}

/** Dies at the point once (twice with `next`) and recovers. */
export async function playCrash(crash: CrashCase): Promise<CrashResult> {
  const attack: Attack = (_, kills) => {
    const point = [crash.point, crash.next][kills];
    return point === undefined ? {} : { env: { PIPEWRIGHT_CRASH: point } };
  };
  const played = await play(crash.story, attack);
  return { ...played, case: crash, hasFired: played.kills >= (crash.next === undefined ? 1 : 2) };
}

/** `chaos step.finished:torn-write:3`. */
export function nameOf({ story, point, next }: CrashCase): string {
  return `${story.name} ${point}${next === undefined ? '' : ` then ${next}`}`;
}
