import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Checkpoints } from '../../../src/ui/panes/checkpoints.ts';

test('all checkpoints are kept while there is room', () => {
  const points = new Checkpoints({ maxEntries: 100 });
  for (let index = 0; index < 100; index += 1) points.push(index * 10, index);
  expect(points.size).toBe(100);
  expect(points.at(points.indexAtOffset(555))).toEqual({ offset: 550, count: 55 });
  expect(points.at(points.indexAtCount(7))).toEqual({ offset: 70, count: 7 });
});

test('memory is bounded, the first and the newest stay, and neighbours that lie apart are exact', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 500 }),
      fc.integer({ min: 4, max: 64 }),
      (steps, maxEntries) => {
        const points = new Checkpoints({ maxEntries });
        let offset = 0;
        for (const [count, step] of steps.entries()) points.push((offset += step), count);
        expect(points.size).toBeLessThanOrEqual(maxEntries);
        expect(points.at(0)).toEqual({ offset: steps[0], count: 0 });
        expect(points.at(points.size - 1)).toEqual({ offset, count: steps.length - 1 });
        for (let index = 1; index < points.size; index += 1) {
          const before = points.at(index - 1);
          const here = points.at(index);
          if (!before || !here) throw new Error('a hole');
          expect(here.offset).toBeGreaterThan(before.offset);
          const isApart = here.offset - before.offset > points.gapBytes;
          expect(isApart && here.count !== before.count + 1).toBe(false);
        }
      },
    ),
  );
});

test('nothing lies before the first checkpoint', () => {
  const points = new Checkpoints();
  points.push(100, 0);
  expect(points.indexAtOffset(99)).toBe(-1);
  expect(points.at(-1)).toBeUndefined();
});
