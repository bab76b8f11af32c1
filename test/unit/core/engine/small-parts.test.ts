import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RetryPolicy } from '../../../../src/core/definition.ts';
import { backoffMs, mayRetry } from '../../../../src/core/engine/retry.ts';
import { Slots } from '../../../../src/core/engine/slots.ts';
import { slug } from '../../../../src/core/engine/slug.ts';
import { WaitMeter } from '../../../../src/core/engine/wait-meter.ts';

const policy: RetryPolicy = {
  max_attempts: 3,
  delay_ms: 100,
  backoff: 'exponential',
  max_delay_ms: 1000,
  jitter: 0.2,
  on: ['timeout', 'exit'],
};

test('exponential back-off doubles up to its limit, jitter only shortens it', () => {
  expect([1, 2, 3, 4, 5, 6].map((attempt) => backoffMs(policy, attempt, 0))).toEqual([
    100, 200, 400, 800, 1000, 1000,
  ]);
  expect(backoffMs(policy, 1, 0.999)).toBeGreaterThanOrEqual(80);
  expect(backoffMs({ ...policy, backoff: 'linear' }, 3, 0)).toBe(300);
  expect(backoffMs({ ...policy, backoff: 'fixed' }, 3, 0)).toBe(100);
});

test('only listed failures are tried again, as often as the total allows', () => {
  expect(mayRetry({ reason: 'exit-non-zero', exit_code: 1 }, policy, 2)).toBe(true);
  expect(mayRetry({ reason: 'exit-non-zero', exit_code: 1 }, policy, 3)).toBe(false);
  expect(mayRetry({ reason: 'signal', signal: 'SIGSEGV' }, policy, 1)).toBe(false);
  expect(mayRetry({ reason: 'command-not-found' }, policy, 1)).toBe(false);
  expect(mayRetry({ reason: 'template-refused', detail: '' }, policy, 1)).toBe(false);
  const nested = {
    reason: 'stage-failed',
    stage: 'a/b',
    cause: { reason: 'exit-non-zero', exit_code: 1 },
  } as const;
  expect(mayRetry(nested, policy, 1)).toBe(true);
});

test('a slug is safe as a file name and different for different names', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 200 }),
      fc.string({ unit: 'grapheme', maxLength: 200 }),
      (a, b) => {
        expect(slug(a)).toMatch(/^[A-Za-z0-9_@-]{0,100}$/);
        expect(slug(a) === slug(b)).toBe(a.toWellFormed() === b.toWellFormed());
      },
    ),
  );
});

test('waiting counts only while nothing works, and once for all that wait', async () => {
  let now = 0;
  const meter = new WaitMeter(() => now);
  const gates = [0, 1, 2].map(() => Promise.withResolvers<void>());
  const gate = (index: number) => gates[index]?.promise ?? Promise.resolve();
  const first = meter.wait(() => gate(0));
  const second = meter.wait(() => gate(1));
  now = 10;
  gates[0]?.resolve();
  await first;
  const work = meter.work(() => gate(2));
  now = 30;
  expect(meter.totalMs).toBe(10);
  gates[2]?.resolve();
  await work;
  now = 35;
  gates[1]?.resolve();
  await second;
  expect(meter.totalMs).toBe(15);
});

test('slots are given in order and never to more than the limit', async () => {
  const slots = new Slots(2);
  const order: number[] = [];
  let inside = 0;
  await Promise.all(
    [1, 2, 3, 4, 5].map((number) =>
      slots.use(async () => {
        order.push(number);
        expect(++inside).toBeLessThanOrEqual(2);
        await Promise.resolve();
        inside -= 1;
      }),
    ),
  );
  expect(order).toEqual([1, 2, 3, 4, 5]);
});
