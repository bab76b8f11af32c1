import { play, type Played } from './play.ts';
import { between, seeded } from './random.ts';
import { chaosStory, type Story } from './stories.ts';

/** Between the start of a process and its `kill -9`, milliseconds. */
const EARLIEST_MS = 5;
const LATEST_MS = 1500;

/**
 * Kills the process that runs the story after a random time, then up to two that continue it; the one
 * after that may finish. The same seed kills at the same times, not at the same events.
 */
export async function playRandomKills(seed: number, story: Story = chaosStory): Promise<Played> {
  const random = seeded(seed);
  const depth = between(random, 1, 3);
  // Half of the times early: what is written first is what is easiest to lose.
  const times = Array.from({ length: depth }, () =>
    between(random, EARLIEST_MS, random() < 0.5 ? 400 : LATEST_MS),
  );
  return play(story, (turn) => {
    const killAfterMs = times[turn];
    return killAfterMs === undefined ? {} : { killAfterMs };
  });
}
