import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  fingerprint,
  judgeKey,
  knownKeyTypes,
  nameOf,
  parseKnownHosts,
} from '../../../src/executors/ssh/known-hosts.ts';

/** A blob as the protocol has it: length, type, rest. */
function keyOf(type: string, rest: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  return Buffer.concat([length, Buffer.from(type), Buffer.from(rest)]);
}
const ED = keyOf('ssh-ed25519', 'one');
const ED2 = keyOf('ssh-ed25519', 'two');
const RSA = keyOf('ssh-rsa', 'three');
const line = (hosts: string, key: Buffer, marker = ''): string =>
  `${marker}${hosts} ${key.subarray(4, 4 + key.readUInt32BE(0)).toString()} ${key.toString('base64')} comment`;
const verdict = (text: string, host: string, key = ED, port = 22): string =>
  judgeKey(parseKnownHosts(text), { host, port }, key).verdict;

test.each([
  ['example.com', 'example.com', 22, true],
  ['example.com', 'EXAMPLE.com', 22, true],
  ['a,example.com,b', 'example.com', 22, true],
  ['*.example.com', 'build.example.com', 22, true],
  ['*.example.com', 'example.com', 22, false],
  ['10.0.0.?', '10.0.0.7', 22, true],
  ['10.0.0.?', '10.0.0.17', 22, false],
  ['*,!bad.example.com', 'bad.example.com', 22, false],
  ['*,!bad.example.com', 'good.example.com', 22, true],
  ['example.com', 'example.com', 2222, false],
  ['[example.com]:2222', 'example.com', 2222, true],
  ['[example.com]:2222', 'example.com', 22, false],
  ['example.com', 'exampleXcom', 22, false],
  ['2001:db8::1', '2001:db8::1', 22, true],
  ['[2001:db8::1]:2222', '2001:db8::1', 2222, true],
] as const)('`%s` and %s at port %i: %s', (hosts, host, port, isKnown) => {
  expect(verdict(line(hosts, ED), host, ED, port)).toBe(isKnown ? 'known' : 'unknown');
});

test('a hashed name is found, also with a port', () => {
  const salt = Buffer.from('12345678901234567890');
  const hashed = (name: string): string =>
    `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
  expect(verdict(line(hashed('example.com'), ED), 'example.com')).toBe('known');
  expect(verdict(line(hashed('[example.com]:2222'), ED), 'example.com', ED, 2222)).toBe('known');
  expect(verdict(line(hashed('example.com'), ED), 'example.org')).toBe('unknown');
});

test('another key of the same type is a changed key, of another type an unknown one', () => {
  const text = `# comment\n\n${line('h', ED)}`;
  expect(judgeKey(parseKnownHosts(text), { host: 'h', port: 22 }, ED2)).toEqual({
    verdict: 'changed',
    line: 3,
  });
  expect(verdict(text, 'h', RSA)).toBe('unknown');
});

test('a host with several keys is known by each of them', () => {
  const text = [line('h', ED), line('h', ED2), line('h', RSA)].join('\r\n');
  expect([ED, ED2, RSA].map((key) => verdict(text, 'h', key))).toEqual(['known', 'known', 'known']);
  expect(knownKeyTypes(parseKnownHosts(text), { host: 'h', port: 22 })).toEqual(['ssh-ed25519', 'ssh-rsa']);
});

test('a revoked key is refused although it is listed too; for other hosts it counts', () => {
  const text = [line('h', ED), line('g', ED), line('h', ED, '@revoked ')].join('\n');
  expect(verdict(text, 'h')).toBe('revoked');
  expect(verdict(text, 'g')).toBe('known');
});

test('an authority vouches for nothing here', () => {
  expect(verdict(line('*', ED, '@cert-authority '), 'h')).toBe('unknown');
});

test.each([
  'h',
  'h ssh-ed25519',
  'h ssh-ed25519 !!!',
  `h ssh-rsa ${ED.toString('base64')}`,
  'h ssh-ed25519 AAAA',
  '@what h ssh-ed25519 AAAAC3Nz',
  '\0\0\0',
])('a broken line %j makes nobody known', (text) => {
  expect(verdict(`${text}\n`, 'h')).toBe('unknown');
});

test('a hostile pattern is only a pattern', () => {
  const pattern = `${'*a'.repeat(30)}b`;
  expect(verdict(line(`${'*'.repeat(10_000)},${pattern.slice(0, 20)}`, ED), 'a'.repeat(60))).toBe('known');
});

test('names and fingerprints look as OpenSSH writes them', () => {
  expect(nameOf('Host', 22)).toBe('host');
  expect(nameOf('Host', 2222)).toBe('[host]:2222');
  expect(fingerprint(Buffer.from(''))).toBe('SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU');
});
