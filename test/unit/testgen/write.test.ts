import { expect, test } from 'vitest';
import type { PinnedCall } from '../../../src/testgen/characterize/characterize.ts';
import { code, words } from '../../../src/testgen/markdown.ts';
import { draftIn } from '../../../src/testgen/model/answer.ts';
import { refusedIn } from '../../../src/testgen/model/refused.ts';
import { writeJsTest } from '../../../src/testgen/write/js-test.ts';
import { writePythonTest } from '../../../src/testgen/write/python-test.ts';
import { renderTest } from '../../../src/testgen/write/test-file.ts';
import { freeName, type TestPlace } from '../../../src/testgen/write/test-place.ts';

const calls: readonly PinnedCall[] = [
  {
    name: 'slug',
    via: 'named',
    args: ["it's"],
    outcome: { kind: 'returned', value: 'it-s', isAsync: false },
    before: "'its'",
  },
  {
    name: 'load',
    via: 'named',
    args: [0],
    outcome: { kind: 'threw', name: 'RangeError', message: 'none', isAsync: true, isMisuse: false },
  },
];
const place: TestPlace = {
  root: '/nowhere',
  source: 'src/slug.ts',
  test: 'test/slug.test.ts',
  framework: 'vitest',
};

test('a test for vitest holds results and errors, says what was before, and names its file as its neighbours do', () => {
  const draft = writeJsTest(calls, place);
  const text = renderTest(draft, draft.cases);
  expect(text).toContain("import { slug, load } from '../src/slug';");
  expect(text).toContain("  // Before: 'its'\n  expect(slug(\"it's\")).toStrictEqual('it-s');");
  expect(text).toContain("await expect(load(0)).rejects.toThrow('none');");
  const neighbour = "import { other } from '../src/other.ts';";
  expect(writeJsTest(calls, { ...place, neighbour }).head).toContain("from '../src/slug.ts';");
});

test('without modules a test for mocha requires what it needs', () => {
  const draft = writeJsTest(calls, {
    ...place,
    source: 'src/slug.js',
    test: 'test/slug.test.cjs',
    framework: 'mocha',
  });
  expect(draft.head).toBe(
    "const assert = require('node:assert/strict');\n\nconst { slug, load } = require('../src/slug.js');",
  );
  expect(draft.cases[1]?.code).toContain(
    "await assert.rejects(load(0), { name: 'RangeError', message: 'none' });",
  );
});

test('a case that is taken out leaves a file that is whole', () => {
  const draft = writePythonTest(calls, {
    ...place,
    source: 'pkg/slug.py',
    test: 'tests/test_slug.py',
    framework: 'pytest',
  });
  const text = renderTest(draft, draft.cases.slice(0, 1));
  expect(text).toContain('def test_slug_1():');
  expect(text).not.toContain('test_load_2');
});

test.each([
  ['test/a.test.js', 'test/a.generated.test.js'],
  ['a.spec.tsx', 'a.generated.spec.tsx'],
  ['tests/test_a.py', 'tests/test_a_generated.py'],
  ['pkg/a_test.go', 'pkg/a_generated_test.go'],
])('%s is taken: the test goes to %s', (wanted, free) => {
  expect(freeName(wanted, () => false)).toBe(wanted);
  expect(freeName(wanted, (file) => file === wanted)).toBe(free);
  expect(freeName(wanted, (file) => file === wanted || file === free)).not.toBe(free);
});

test.each([
  ["import { spawn } from 'child_process'", 'javascript', 'start programs'],
  ["await fetch('http://example.org')", 'typescript', 'reach the network'],
  ["fs.rmSync('/', { recursive: true })", 'javascript', 'write files'],
  ['process.env.TOKEN', 'javascript', 'read the environment or end the process'],
  ['globalThis.eval("1")', 'javascript', 'run text as code'],
  ['os.system("id")', 'python', 'start programs'],
  ['open(name, "w")', 'python', 'write files'],
  ['import "os/exec"', 'go', 'start programs'],
  ["expect(evaluate('fetched')).toBe(1)", 'javascript', undefined],
  ['self.assertEqual(reopen("x"), 1)', 'python', undefined],
] as const)('a model’s test with %s is not run', (text, language, why) => {
  expect(refusedIn(text, language)).toBe(why);
});

test('a model’s answer is taken out of its words, and only in the form that was asked for', () => {
  const answer = { preamble: '', cases: [{ name: 'a', code: 'test()' }] };
  const said = `Sure!\n\`\`\`json\n${JSON.stringify(answer)}\n\`\`\`\nDone.`;
  expect(draftIn(said, 'a.test.js')).toMatchObject({
    draft: { file: 'a.test.js', cases: [{ id: 'case-1', name: 'a' }] },
  });
  expect(draftIn('no', 'a.test.js')).toMatchObject({ problem: expect.stringContaining('no such JSON') });
  const twice = { preamble: '', cases: [answer.cases[0], answer.cases[0]] };
  expect(draftIn(JSON.stringify(twice), 'a.test.js')).toEqual({ problem: 'two cases have the same name' });
});

test('text of unknown origin makes no markup of its own', () => {
  expect(words('[a](javascript:x) <b> **c**\nd_e')).toBe(String.raw`\[a\](javascript:x) \<b\> \*\*c\*\* d_e`);
  expect(code('a`b|c  d')).toBe('`` a`b\\|c  d ``');
});
