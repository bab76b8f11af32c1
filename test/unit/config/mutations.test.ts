import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { renderDiagnostic } from '../../../src/config/diagnostic.ts';
import { type ConfigRig, configRig, loaded } from '../../support/config-rig.ts';
import { cpuMs } from '../../support/cpu-time.ts';

const ROUNDS = 500;
const LIMIT_MS = 2000;

const GOOD = ['release.yaml', 'stream.yaml', 'wrapped.yaml'].map((name) =>
  readFileSync(new URL(`../../fixtures/good/${name}`, import.meta.url), 'utf8'),
);

const TOKENS = [
  '{',
  '}',
  '[',
  ']',
  ': ',
  '- ',
  '&a ',
  '*a',
  '"',
  "'",
  '|\n',
  '#',
  '\t',
  '---\n',
  '!!binary ',
  '<<: ',
  '? ',
  '{{.x}}',
  '{{',
  '$((',
  'null',
  '-1',
  '1e999',
  '__proto__: ',
  '\u0000',
  '\uFEFF',
  '%YAML 9.9\n',
  '파',
];

/** A small generator with a seed: the same mutations on every machine. Source: mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function mutate(good: string, random: () => number): Uint8Array {
  const pick = (count: number) => Math.floor(random() * count);
  let bytes = Buffer.from(good);
  for (let change = pick(4); change >= 0; change -= 1) {
    const lines = bytes.toString('latin1').split('\n');
    const line = pick(lines.length);
    const at = pick(bytes.length);
    switch (pick(5)) {
      case 0:
        bytes[at] = pick(256);
        break;
      case 1:
        bytes = Buffer.from(lines.toSpliced(line, 1).join('\n'), 'latin1');
        break;
      case 2:
        bytes = Buffer.from(lines.toSpliced(line, 0, lines[pick(lines.length)] ?? '').join('\n'), 'latin1');
        break;
      case 3:
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          Buffer.from(TOKENS[pick(TOKENS.length)] ?? ''),
          bytes.subarray(at),
        ]);
        break;
      default:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + pick(12))]);
    }
  }
  return bytes;
}

let rig: ConfigRig;
beforeAll(async () => {
  rig = await configRig();
});
afterAll(() => rig[Symbol.asyncDispose]());

test.each(GOOD.map((text, index) => [index, text] as const))('good file %d is good', async (_, text) => {
  expect(loaded(await rig.load(text)).stages.length).toBeGreaterThan(0);
});

test('500 mutations of good files never throw, never take 2 s, and every problem has its place', async () => {
  const random = seeded(20_240_607);
  let refused = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const bytes = mutate(GOOD[round % GOOD.length] ?? '', random);
    const startedAtMs = cpuMs();
    const result = await rig.load(bytes);
    expect(cpuMs() - startedAtMs).toBeLessThan(LIMIT_MS);
    const lines = Buffer.from(bytes)
      .toString('utf8')
      .split(/\r\n|\r|\n/).length;
    for (const diagnostic of result.ok ? result.warnings : result.failure) {
      expect(diagnostic.line).toBeGreaterThanOrEqual(1);
      expect(diagnostic.line).toBeLessThanOrEqual(lines);
      expect(diagnostic.column).toBeGreaterThanOrEqual(1);
      expect(renderDiagnostic(diagnostic)).not.toMatch(/\bat .*:\d+:\d+\)|(?![\n\t])\p{Cc}/u);
    }
    expect(result.ok || result.failure.length > 0).toBe(true);
    if (!result.ok) refused += 1;
  }
  expect(refused).toBeGreaterThan(ROUNDS / 2);
});
