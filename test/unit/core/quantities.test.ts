import { expect, test } from 'vitest';
import { z } from 'zod';
import {
  durationSchema,
  formatBytes,
  formatDuration,
  parseDuration,
  parseSize,
  sizeSchema,
  timeoutSchema,
} from '../../../src/core/quantities.ts';

test.each([
  ['250ms', 250],
  ['30s', 30_000],
  ['5m', 300_000],
  ['1h30m', 5_400_000],
  ['1h 30m', 5_400_000],
  ['1.5h', 5_400_000],
  ['2d', 172_800_000],
  ['1m250ms', 60_250],
  [' 5m\n', 300_000],
  ['3650d', 315_360_000_000],
  [300, 300_000],
  ['300', 300_000],
  [0.5, 500],
  [0, 0],
])('the duration %s is %d ms', (written, expected) => {
  expect(parseDuration(written)).toBe(expected);
});

test.each([
  '',
  'x',
  '5',
  '5 min',
  '-5m',
  '30m1h',
  '1h1h',
  '5mm',
  '1..5s',
  '1e3s',
  '٣s',
  '99999d',
  '3650d1ms',
  'm',
  '.5s',
])('the text %j is no duration, unless it is a bare number', (written) => {
  expect(parseDuration(written)).toBe(written === '5' ? 5000 : undefined);
});

test.each([-1, Number.NaN, Number.POSITIVE_INFINITY, 1e21])('the number %d is no duration', (written) => {
  expect(parseDuration(written)).toBeUndefined();
});

test.each([
  ['512', 512],
  [512, 512],
  ['1KB', 1000],
  ['1KiB', 1024],
  ['512MB', 512_000_000],
  ['2GiB', 2_147_483_648],
  ['1.5 gib', 1_610_612_736],
  ['1TiB', 1_099_511_627_776],
  [' 1 kb ', 1000],
  ['999999999999999', 999_999_999_999_999],
])('the size %s is %d bytes', (written, expected) => {
  expect(parseSize(written)).toBe(expected);
});

test.each([
  '',
  'GiB',
  '2G',
  '2 Gb2',
  '-1MB',
  '1e3',
  '9999999TiB',
  '9007199254740992',
  '5constructor',
  '1..5kb',
  -1,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  1e21,
])('%j is no size', (written) => {
  expect(parseSize(written)).toBeUndefined();
});

test.each([
  [0, '0ms'],
  [999, '999ms'],
  [999.6, '1s'],
  [1000, '1s'],
  [12_340, '12.3s'],
  [59_990, '1m'],
  [60_000, '1m'],
  [303_000, '5m3s'],
  [5_400_000, '1h30m'],
  [3_599_400, '59m59s'],
  [3_600_000, '1h'],
  // Seconds beside hours would promise what was rounded away, minutes beside days too.
  [7_240_000, '2h1m'],
  [172_740_000, '1d23h'],
  [172_800_000, '2d'],
])('%d ms are shown as %s', (ms, shown) => {
  expect(formatDuration(ms)).toBe(shown);
});

test('a duration that is shown reads back as nearly the same', () => {
  for (let ms = 1; ms < 1e9; ms = Math.ceil(ms * 1.37)) {
    const back = parseDuration(formatDuration(ms)) ?? Number.NaN;
    expect(Math.abs(back - ms) / ms).toBeLessThan(0.05);
  }
});

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1 KiB'],
  [1_572_864, '1.5 MiB'],
  [1_048_575, '1 MiB'],
  [511.6, '512 B'],
  [3.25 * 2 ** 30, '3.3 GiB'],
  [2 ** 40, '1 TiB'],
  [2 ** 50, '1024 TiB'],
])('%d bytes are shown as %s', (count, shown) => {
  expect(formatBytes(count)).toBe(shown);
});

test('the schemas describe themselves with their units', () => {
  for (const schema of [durationSchema, timeoutSchema, sizeSchema]) {
    const json = z.toJSONSchema(schema, { io: 'input' });
    expect(json.description).toMatch(/a bare number counts (seconds|bytes)/);
    expect(json.type ?? json.anyOf).toBeDefined();
  }
});

test.each([
  [durationSchema, '5 min', 'is no length of time', 'Write it like 250ms, 30s, 5m, 1h30m or 2d'],
  [sizeSchema, '2G', 'is no amount of bytes', 'Write it like 512MB or 2GiB'],
])('what is no quantity is named, with how to write one', (schema, written, message, hint) => {
  const [issue, ...more] = schema.safeParse(written).error?.issues ?? [];
  expect(more).toEqual([]);
  expect(issue).toMatchObject({
    code: 'custom',
    message: `${JSON.stringify(written)} ${message}`,
    params: { hint: expect.stringContaining(hint) },
  });
});

test('a size in YAML becomes bytes', () => {
  expect(sizeSchema.parse('2 KiB')).toBe(2048);
  expect(sizeSchema.parse(0)).toBe(0);
});

test('a timeout must be more than nothing and something a timer can keep', () => {
  expect(timeoutSchema.safeParse('5m').data).toBe(300_000);
  expect(timeoutSchema.safeParse(0).success).toBe(false);
  expect(timeoutSchema.safeParse('24d').success).toBe(true);
  expect(timeoutSchema.safeParse('25d').success).toBe(false);
});
