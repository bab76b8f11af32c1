import { z } from 'zod';

/** Milliseconds. */
export const HOUR_MS = 3_600_000;
/** Milliseconds; calendars with other days do not matter here. */
export const DAY_MS = 24 * HOUR_MS;
const MS_PER_UNIT = { ms: 1, s: 1000, m: 60_000, h: HOUR_MS, d: DAY_MS } as const;

const BYTES_PER_UNIT: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

const DURATION = /^(?:([\d.]+)d)?\s*(?:([\d.]+)h)?\s*(?:([\d.]+)m(?!s))?\s*(?:([\d.]+)s)?\s*(?:([\d.]+)ms)?$/;
const NUMBER = /^\d{1,15}(?:\.\d{1,6})?$/;

/** Ten years: longer is a slip of the finger. */
const LONGEST_MS = 3650 * MS_PER_UNIT.d;

/**
 * The longest limit a timer can keep, in milliseconds: 24 days.
 * Source: Node's timers hold 2^31-1 ms and fire at once beyond it.
 */
const LONGEST_TIMER_MS = 24 * MS_PER_UNIT.d;

/**
 * Milliseconds in `5m`, `1h30m`, `250ms` or `1.5h`; a bare number counts seconds (spec 1's `timeout: 300`).
 * Units: d h m s ms, each at most once and in this order. Undefined when it is none of that.
 */
export function parseDuration(written: string | number): number | undefined {
  const text = String(written).trim();
  if (NUMBER.test(text)) return inRange(Number(text) * 1000, LONGEST_MS);
  const [whole, ...parts] = DURATION.exec(text) ?? [];
  if (!whole) return undefined;
  const units = Object.values(MS_PER_UNIT).toReversed();
  let sumMs = 0;
  for (const [index, part] of parts.entries()) {
    if (part === undefined) continue;
    if (!NUMBER.test(part)) return undefined;
    sumMs += Number(part) * (units[index] ?? 0);
  }
  return inRange(sumMs, LONGEST_MS);
}

/**
 * Bytes in `2GiB`, `512MB` or `100 KiB`; a bare number counts bytes. KB MB GB TB are powers of 1000,
 * KiB MiB GiB TiB powers of 1024. Undefined when it is none of that.
 */
export function parseSize(written: string | number): number | undefined {
  const text = String(written).trim();
  const [, amount = '', unit = ''] = /^([\d.]+)\s*([A-Za-z]*)$/.exec(text) ?? [];
  const factor = BYTES_PER_UNIT[unit.toLowerCase() || 'b'];
  if (!NUMBER.test(amount) || factor === undefined) return undefined;
  return inRange(Number(amount) * factor, Number.MAX_SAFE_INTEGER);
}

function inRange(value: number, largest: number): number | undefined {
  return value <= largest ? Math.round(value) : undefined;
}

/** Text for people, and readable by `parseDuration`: `250ms`, `12.3s`, `5m3s`, `1h30m`, `2d`. `ms` counts milliseconds. */
export function formatDuration(ms: number): string {
  if (Math.round(ms) < 1000) return `${Math.round(ms)}ms`;
  if (ms < MS_PER_UNIT.m) {
    const tenths = Math.round(ms / 100);
    return tenths === 600 ? '1m' : `${tenths / 10}s`;
  }
  const units = ['d', 'h', 'm', 's'] as const;
  let rest = ms < MS_PER_UNIT.h ? Math.round(ms / 1000) * 1000 : Math.round(ms / 60_000) * 60_000;
  const parts = units.map((unit) => {
    const count = Math.floor(rest / MS_PER_UNIT[unit]);
    rest -= count * MS_PER_UNIT[unit];
    return count === 0 ? '' : `${count}${unit}`;
  });
  return parts.filter(Boolean).slice(0, 2).join('');
}

/** Text for people, and readable by `parseSize`: `512 B`, `1.5 MiB`. `count` counts bytes; powers of 1024. */
export function formatBytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let amount = count;
  let unit = 0;
  // 1023.95 would round to 1024.0 of the smaller unit.
  while (unit < units.length - 1 && Math.round(amount * 10) / 10 >= 1024) {
    amount /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(amount) : Math.round(amount * 10) / 10} ${units[unit]}`;
}

/** A length of time as written in YAML; yields milliseconds. */
export const durationSchema = z
  .union([z.number(), z.string()])
  .transform((written, context) => {
    const ms = parseDuration(written);
    if (ms !== undefined) return ms;
    context.addIssue({
      code: 'custom',
      message: `${JSON.stringify(written)} is no length of time`,
      params: { hint: 'Write it like 250ms, 30s, 5m, 1h30m or 2d; a bare number counts seconds.' },
    });
    return z.NEVER;
  })
  .describe('A length of time: 250ms, 30s, 5m, 1h30m or 2d; a bare number counts seconds.');

/** A limit kept by a timer: more than nothing and at most 24 days; yields milliseconds. */
export const timeoutSchema = durationSchema
  .refine((ms) => ms > 0, { error: 'must be more than 0', abort: true })
  .refine((ms) => ms <= LONGEST_TIMER_MS, 'must be at most 24d')
  .describe('A length of time up to 24d: 250ms, 30s, 5m, 1h30m; a bare number counts seconds.');

/** An amount of bytes as written in YAML; yields bytes. */
export const sizeSchema = z
  .union([z.number(), z.string()])
  .transform((written, context) => {
    const bytes = parseSize(written);
    if (bytes !== undefined) return bytes;
    context.addIssue({
      code: 'custom',
      message: `${JSON.stringify(written)} is no amount of bytes`,
      params: { hint: 'Write it like 512MB or 2GiB; a bare number counts bytes.' },
    });
    return z.NEVER;
  })
  .describe(
    'An amount of bytes: 512MB (powers of 1000) or 2GiB (powers of 1024); a bare number counts bytes.',
  );
