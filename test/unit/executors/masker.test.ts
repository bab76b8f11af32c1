import { expect, test } from 'vitest';
import { Masker } from '../../../src/executors/local/masker.ts';
import { cpuMs } from '../../support/cpu-time.ts';

const SECRETS = [
  'hunter2-S3cr3t!/+x',
  'line1-AAAABBBB\nline2-CCCCDDDD',
  'pass"w\\ord\'q $HOME',
  'короткийСекрет',
];

function mask(chunks: readonly (string | Buffer)[], secrets: readonly string[] = SECRETS): Buffer {
  const masker = new Masker(secrets);
  return Buffer.concat([...chunks.map((chunk) => masker.push(Buffer.from(chunk))), masker.end()]);
}

/** Small, seeded: the same cases on every machine. */
function randomSource(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test.each(SECRETS)('%j is masked at every position where a chunk may end', (secret) => {
  const bytes = Buffer.from(`log ${secret} end`);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    expect(mask([bytes.subarray(0, cut), bytes.subarray(cut)]).toString()).toBe('log *** end');
  }
});

test('one byte at a time gives the same as all at once', () => {
  const text = Buffer.from(SECRETS.join(' and ') + ' hunter2 hunter2-S3cr3t!/+x');
  expect(mask([...text].map((byte) => Buffer.of(byte))).toString()).toBe(mask([text]).toString());
});

const FORMS: readonly (readonly [string, (secret: string) => string])[] = [
  ['plain', (s) => s],
  ['base64', (s) => Buffer.from(s).toString('base64')],
  ['base64 of user:secret', (s) => Buffer.from(`user:${s}`).toString('base64')],
  ['base64 with one byte before', (s) => Buffer.from(`a${s}`).toString('base64')],
  ['base64 with two bytes before', (s) => Buffer.from(`ab${s}`).toString('base64')],
  ['base64 with a newline after', (s) => Buffer.from(`${s}\n`).toString('base64')],
  ['base64url', (s) => Buffer.from(s).toString('base64url')],
  ['URL', encodeURIComponent],
  ['URL form', (s) => new URLSearchParams({ s }).toString().replaceAll('%21', '!').replaceAll('%27', "'")],
  ['JSON', (s) => JSON.stringify(s)],
  ['hex', (s) => Buffer.from(s).toString('hex')],
  ['upper-case hex', (s) => Buffer.from(s).toString('hex').toUpperCase()],
  ['single-quoted', (s) => `'${s.replaceAll("'", "'\\''")}'`],
  ['double-quoted', (s) => `"${s.replace(/["\\$`]/g, '\\$&')}"`],
];

test.each(FORMS)('a secret printed as %s is masked', (_form, encode) => {
  for (const secret of SECRETS) {
    const shown = mask([`x ${encode(secret)} y`]).toString();
    expect(shown).toContain('***');
    const left = shown.replaceAll('***', '');
    expect(left.length).toBeLessThan(16);
  }
});

test('each line of a secret is masked alone', () => {
  expect(mask(['a line2-CCCCDDDD b']).toString()).toBe('a *** b');
});

test('text shorter than six bytes is not taken for a secret', () => {
  expect(mask(['true or 12345'], ['true', '12345', '']).toString()).toBe('true or 12345');
});

test('random text in random chunks gives the same as all at once, and no secret', () => {
  const random = randomSource(7);
  const secrets = [...SECRETS, 'aaaaaa', 'abcabcab', 'bcabca-'];
  const alphabet = [...secrets, 'a', 'aaaa', 'abc', 'hunter2-', 'line1-', '\n', 'короткий', 'zz'];
  for (let round = 0; round < 2000; round += 1) {
    const text = Array.from({ length: 12 }, () => alphabet[random(alphabet.length)] ?? '').join('');
    const bytes = Buffer.from(text);
    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.length;) {
      const size = 1 + random(9);
      chunks.push(bytes.subarray(at, at + size));
      at += size;
    }
    const streamed = mask(chunks, secrets).toString();
    expect(streamed).toBe(mask([bytes], secrets).toString());
    for (const secret of secrets) expect(streamed).not.toContain(secret);
  }
});

test('an endless repetition of a repetitive secret is one mask and takes no memory', () => {
  const masker = new Masker(['aaaaaaaa']);
  const chunk = Buffer.alloc(64 * 1024, 'a');
  let shown = '';
  const start = cpuMs();
  for (let i = 0; i < 30; i += 1) shown += masker.push(chunk).toString();
  expect(shown + masker.end().toString()).toBe('***');
  // What kept all of it would take minutes.
  expect(cpuMs() - start).toBeLessThan(5000);
});

test('no secrets means no change', () => {
  expect(mask(['anything', ' at all'], []).toString()).toBe('anything at all');
});

test('fifty needles cost little more than one: seconds of CPU per 20 MB, not minutes', () => {
  const masker = new Masker(SECRETS);
  const chunk = Buffer.from('2026-01-01 INFO compiled module and more text here '.repeat(1285));
  const start = cpuMs();
  for (let bytes = 0; bytes < 20e6; bytes += chunk.length) masker.push(chunk);
  // Half of that in fact; the rest is for machines whose cores are shared.
  expect(cpuMs() - start).toBeLessThan(2000);
});
