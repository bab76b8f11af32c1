import { assert, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { harmlessBytes } from '../../../src/server/logs.ts';

test('bytes keep their number, and nothing that is left steers a terminal', () => {
  assert(
    property(string({ unit: 'binary' }), (written) => {
      const bytes = Buffer.from(written);
      const harmless = harmlessBytes(bytes);
      expect(harmless.length).toBe(bytes.length);
      expect(harmless.toString('utf8')).not.toMatch(/(?![\t\n\r])[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
    }),
  );
});

test('letters of any language stay as they are', () => {
  const text = 'héllo 안녕 → ✓ 🎉\tx\r\n';
  expect(harmlessBytes(Buffer.from(text)).toString('utf8')).toBe(text);
});
