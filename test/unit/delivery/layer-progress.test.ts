import { expect, test } from 'vitest';
import { layerProgress } from '../../../src/delivery/transfer/layer-progress.ts';

const LAYERS = new Map([
  ['sha256:aaaa1111', 100],
  ['sha256:bbbb2222', 20],
  ['sha256:cccc3333', 3],
]);

function shown(events: readonly (readonly [id: string, status: string])[]): readonly (readonly number[])[] {
  const seen: number[][] = [];
  let sent = 0;
  const onLayer = layerProgress(
    LAYERS,
    () => sent,
    (done, total) => void seen.push([done, total]),
  );
  for (const [id, status] of events) {
    if (status === 'Downloading') sent += 10;
    onLayer({ id, status });
  }
  return seen;
}

test('the total is that of the missing layers from the first figure on', () => {
  expect(
    shown([
      ['v2', 'Pulling from image'],
      ['aaaa', 'Already exists'],
      ['bbbb', 'Pulling fs layer'],
      ['cccc', 'Pulling fs layer'],
      ['bbbb', 'Downloading'],
      ['bbbb', 'Downloading'],
      ['bbbb', 'Downloading'],
    ]),
  ).toEqual([
    [0, 23],
    [10, 23],
    [20, 23],
    [23, 23],
  ]);
});

test('an engine that begins before it has looked at every layer is shown all the same', () => {
  expect(
    shown([
      ['bbbb', 'Pulling fs layer'],
      ['bbbb', 'Downloading'],
      ['aaaa', 'Already exists'],
      ['cccc', 'Waiting'],
    ]),
  ).toEqual([
    [10, 123],
    [10, 23],
  ]);
});
