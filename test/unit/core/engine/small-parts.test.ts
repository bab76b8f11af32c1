import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RetryPolicy } from '../../../../src/core/definition.ts';
import { backoffMs, mayRetry } from '../../../../src/core/engine/retry.ts';
import { type Failure, RETRY_CLASSES, type RetryClass } from '../../../../src/core/failure.ts';
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
  expect([0, 0.5, 1].map((random) => backoffMs(policy, 1, random))).toEqual([100, 90, 80]);
  // The limit comes first: jitter spreads what is waited, it does not hide in what is cut off.
  expect(backoffMs(policy, 6, 1)).toBe(800);
  expect(backoffMs({ ...policy, delay_ms: 3, jitter: 0.5 }, 1, 0.5)).toBe(2);
  expect(backoffMs({ ...policy, backoff: 'linear' }, 3, 0)).toBe(300);
  expect(backoffMs({ ...policy, backoff: 'fixed' }, 3, 0)).toBe(100);
});

test('only listed failures are tried again, as often as the total allows', () => {
  expect(mayRetry({ reason: 'exit-non-zero', exit_code: 1 }, policy, 2)).toBe(true);
  expect(mayRetry({ reason: 'exit-non-zero', exit_code: 1 }, policy, 3)).toBe(false);
  expect(mayRetry({ reason: 'signal', signal: 'SIGSEGV' }, policy, 1)).toBe(false);
  expect(mayRetry({ reason: 'command-not-found' }, policy, 1)).toBe(false);
  expect(mayRetry({ reason: 'template-refused', detail: '' }, policy, 1)).toBe(false);
});

test('a stage that a pipeline inside has failed is tried again for what failed in there', () => {
  const within = (cause: Failure, depth: number): Failure =>
    depth === 0 ? cause : { reason: 'stage-failed', stage: 'a/b', cause: within(cause, depth - 1) };
  const reported = (retryable: boolean): Failure => ({ reason: 'reported', message: 'no', retryable });
  const every: RetryPolicy = { ...policy, on: RETRY_CLASSES };
  for (const depth of [0, 1, 2, 3]) {
    expect(mayRetry(within({ reason: 'exit-non-zero', exit_code: 1 }, depth), policy, 1)).toBe(true);
    expect(mayRetry(within({ reason: 'command-not-found' }, depth), every, 1)).toBe(false);
    expect(mayRetry(within(reported(true), depth), policy, 1)).toBe(false);
    expect(mayRetry(within(reported(true), depth), every, 1)).toBe(true);
    expect(mayRetry(within(reported(false), depth), every, 1)).toBe(false);
  }
  expect(mayRetry({ reason: 'stage-failed', stage: 'a/b' }, every, 1)).toBe(false);
});

test('each class of retry.on lets exactly its own failures be tried again', () => {
  const failures: Readonly<Record<RetryClass, Failure>> = {
    timeout: { reason: 'timed-out', limit_ms: 1, scope: 'step' },
    exit: { reason: 'exit-non-zero', exit_code: 1 },
    signal: { reason: 'signal', signal: 'SIGSEGV' },
    unreachable: { reason: 'executor-unreachable', executor: 'x', detail: '' },
    reported: { reason: 'reported', message: 'no', retryable: true },
    lost: { reason: 'interrupted', detail: 'its host is gone' },
  };
  const tried = RETRY_CLASSES.map((one) =>
    RETRY_CLASSES.filter((other) => mayRetry(failures[other], { ...policy, on: [one] }, 1)),
  );
  expect(tried).toEqual(RETRY_CLASSES.map((one) => [one]));
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
