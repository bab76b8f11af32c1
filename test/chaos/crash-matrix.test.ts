import { describe, expect, test } from 'vitest';
import { type CrashCase, crashCases, nameOf, playCrash } from './crash-matrix.ts';
import { play } from './play.ts';
import { inTurn } from './pool.ts';
import { sample, seeded } from './random.ts';
import { playRandomKills } from './random-kills.ts';
import { chaosStory, spawnStory, undoStory } from './stories.ts';

/** The short pass: the same cases each time. `npm run chaos` has all of them. */
const SEED = 20_260_206;
const CASES = 20;
const KILL_ROUNDS = 12;
const AT_ONCE = 2;
const LIMIT_MS = 120_000;

describe('after kill -9', { timeout: LIMIT_MS }, () => {
  test('at a point of the crash matrix nothing is lost or doubled, and the run is continued to its end', async () => {
    const cases = sample(seeded(SEED), await crashCases([chaosStory, undoStory]), CASES);
    const results = await inTurn(cases, AT_ONCE, async (crash: CrashCase) => {
      const { violations, hasFired } = await playCrash(crash);
      return { name: nameOf(crash), violations, hasFired };
    });
    expect(results).toEqual(cases.map((crash) => ({ name: nameOf(crash), violations: [], hasFired: true })));
  });

  test('at a random moment, up to three deep, nothing is lost or doubled', async () => {
    const seeds = Array.from({ length: KILL_ROUNDS }, (_, round) => SEED + round);
    const results = await inTurn(seeds, AT_ONCE, (seed) => playRandomKills(seed));
    expect(results.map(({ violations }, round) => ({ seed: seeds[round], violations }))).toEqual(
      seeds.map((seed) => ({ seed, violations: [] })),
    );
    expect(results.some(({ kills }) => kills > 0)).toBe(true);
  });

  test('by the step itself, at its first, middle or last command, no step runs twice', async () => {
    const { violations, kills } = await play(spawnStory, () => ({}));
    expect({ violations, kills }).toEqual({ violations: [], kills: 4 });
  });
});
