import { beforeEach, expect, test } from 'vitest';
import { CircuitBreaker } from '../../../src/core/circuit-breaker.ts';

let nowMs = 0;
let breaker: CircuitBreaker;
beforeEach(() => {
  nowMs = 0;
  breaker = new CircuitBreaker({ threshold: 3, openMs: 100, longestOpenMs: 300, nowMs: () => nowMs });
});
const failTimes = (count: number): void => {
  for (let tries = 0; tries < count; tries += 1) breaker.failed(`failure ${tries + 1}`);
};

test('two failures in a row change nothing', () => {
  failTimes(2);
  expect(breaker.pass()).toEqual({ state: 'closed' });
});

test('a success in between starts the count again', () => {
  failTimes(2);
  breaker.succeeded();
  failTimes(2);
  expect(breaker.pass()).toEqual({ state: 'closed' });
});

test('the third failure in a row opens it, and it says for how long and why', () => {
  failTimes(3);
  nowMs = 40;
  expect(breaker.pass()).toEqual({ state: 'open', failures: 3, retry_in_ms: 60, last: 'failure 3' });
});

test('after the delay one try passes, and only one', () => {
  failTimes(3);
  nowMs = 100;
  expect(breaker.pass()).toEqual({ state: 'half-open' });
  expect(breaker.pass()).toMatchObject({ state: 'open', retry_in_ms: 0 });
});

test('the try that succeeds closes it', () => {
  failTimes(3);
  nowMs = 100;
  breaker.pass();
  breaker.succeeded();
  expect(breaker.pass()).toEqual({ state: 'closed' });
  failTimes(2);
  expect(breaker.pass()).toEqual({ state: 'closed' });
  // Opened again it waits as at first, and lets one try pass again.
  breaker.failed('failure 3');
  expect(breaker.pass()).toMatchObject({ state: 'open', retry_in_ms: 100 });
  nowMs = 200;
  expect(breaker.pass()).toEqual({ state: 'half-open' });
});

test('failures reported late, by tries begun before it opened, make it wait longer and let no second try pass', () => {
  failTimes(4);
  expect(breaker.pass()).toMatchObject({ state: 'open', failures: 4, retry_in_ms: 200 });
});

test('as it comes it opens after three failures for 15 seconds, and for two minutes at most', () => {
  breaker = new CircuitBreaker({ nowMs: () => nowMs });
  const waits: number[] = [];
  failTimes(2);
  expect(breaker.pass()).toEqual({ state: 'closed' });
  for (let round = 0; round < 5; round += 1) {
    breaker.failed('again');
    const passage = breaker.pass();
    waits.push(passage.state === 'open' ? passage.retry_in_ms : -1);
  }
  expect(waits).toEqual([15_000, 30_000, 60_000, 120_000, 120_000]);
});

test('the try that fails opens it for twice as long, up to the longest', () => {
  failTimes(3);
  const waits: number[] = [];
  for (let round = 0; round < 4; round += 1) {
    const passage = breaker.pass();
    waits.push(passage.state === 'open' ? passage.retry_in_ms : -1);
    nowMs += 1000;
    expect(breaker.pass()).toEqual({ state: 'half-open' });
    breaker.failed('again');
  }
  expect(waits).toEqual([100, 200, 300, 300]);
});

test('a try that was given up lets the next one pass', () => {
  failTimes(3);
  nowMs = 100;
  breaker.pass();
  breaker.gaveUp();
  expect(breaker.pass()).toEqual({ state: 'half-open' });
});
