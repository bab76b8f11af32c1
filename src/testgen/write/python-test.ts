import { existsSync } from 'node:fs';
import path from 'node:path';
import type { PinnedCall } from '../characterize/characterize.ts';
import { callText, literal, outcomeText, quoted } from '../characterize/value.ts';
import type { DraftCase, DraftTest } from './test-file.ts';
import type { TestPlace } from './test-place.ts';

/** Errors that every Python has; others are compared by their name. */
const BUILT_IN =
  /^(?:ArithmeticError|AssertionError|AttributeError|EOFError|Exception|FileNotFoundError|IndexError|KeyError|LookupError|NameError|NotImplementedError|OSError|OverflowError|PermissionError|RuntimeError|StopIteration|TypeError|UnicodeError|ValueError|ZeroDivisionError)$/;

/** Tests in Python that hold what the calls came to: a TestCase for unittest, plain functions for pytest. */
export function writePythonTest(calls: readonly PinnedCall[], place: TestPlace): DraftTest {
  const isPytest = place.framework === 'pytest';
  const { module, top } = moduleOf(place);
  const names = [...new Set(calls.map(({ name }) => name))];
  const errors = calls.filter(({ outcome }) => outcome.kind === 'threw');
  const imports = [
    ...(calls.some(({ outcome }) => outcome.isAsync) ? ['import asyncio'] : []),
    ...(top === '' ? [] : ['import sys']),
    ...(isPytest ? [] : ['import unittest']),
    ...(top === '' ? [] : ['from pathlib import Path']),
    ...(isPytest && errors.length > 0 ? ['', 'import pytest'] : []),
  ];
  const up = place.test.split('/').length - 1;
  const reach =
    top === ''
      ? []
      : ['', `sys.path.insert(0, str(Path(__file__).resolve().parents[${up}] / ${quoted(top)}))`];
  const head = [...imports, ...reach, '', `from ${module} import ${names.join(', ')}`, '', ''];
  const group = (module.split('.').at(-1) ?? 'module')
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
  return {
    file: place.test,
    head: [...head, ...(isPytest ? [] : [`class ${group}Test(unittest.TestCase):`])].join('\n').trimStart(),
    cases: calls.map((call, at) => caseOf(call, { at, isPytest })),
    tail: isPytest ? '' : "\n\nif __name__ == '__main__':\n    unittest.main()",
  };
}

/** The dotted name, and the folder that has to be on the path where that is not the project's. */
function moduleOf({ root, source }: TestPlace): { readonly module: string; readonly top: string } {
  let top = path.dirname(path.join(root, source));
  while (top !== root && existsSync(path.join(top, '__init__.py'))) top = path.dirname(top);
  const dotted = path.relative(top, path.join(root, source)).replace(/\.py$/, '').split(path.sep).join('.');
  return { module: dotted.replace(/\.__init__$/, ''), top: path.relative(root, top) };
}

function caseOf(
  call: PinnedCall,
  { at, isPytest }: { readonly at: number; readonly isPytest: boolean },
): DraftCase {
  const { name, args, outcome, before } = call;
  const title = `test_${name}_${at + 1}`;
  const plain = `${name}(${args.map((one) => literal(one, 'python')).join(', ')})`;
  const written = outcome.isAsync ? `asyncio.run(${plain})` : plain;
  const body = isPytest ? pytestLines(written, outcome) : unittestLines(written, outcome);
  const lines = [
    `def ${title}(${isPytest ? '' : 'self'}):`,
    ...(before === undefined ? [] : [`    # Before: ${before}`]),
    ...body.map((line) => `    ${line}`),
  ];
  return {
    id: `case-${at + 1}`,
    name: title,
    given: callText(name, args, 'python'),
    expects: outcomeText(outcome, 'python'),
    code: lines.map((line) => (isPytest ? line : `    ${line}`)).join('\n'),
  };
}

function unittestLines(call: string, outcome: PinnedCall['outcome']): readonly string[] {
  if (outcome.kind === 'returned') {
    const value = literal(outcome.value, 'python');
    if (value === 'None') return [`self.assertIsNone(${call})`];
    return [`self.assertEqual(${call}, ${value})`];
  }
  const { name, message } = outcome;
  if (BUILT_IN.test(name)) {
    return [
      `with self.assertRaises(${name}) as caught:`,
      `    ${call}`,
      `self.assertEqual(str(caught.exception), ${quoted(message)})`,
    ];
  }
  return [
    'with self.assertRaises(Exception) as caught:',
    `    ${call}`,
    `self.assertEqual((type(caught.exception).__name__, str(caught.exception)), (${quoted(name)}, ${quoted(message)}))`,
  ];
}

function pytestLines(call: string, outcome: PinnedCall['outcome']): readonly string[] {
  if (outcome.kind === 'returned') {
    const value = literal(outcome.value, 'python');
    return [
      /^(?:None|True|False)$/.test(value) ? `assert ${call} is ${value}` : `assert ${call} == ${value}`,
    ];
  }
  const { name, message } = outcome;
  return [
    `with pytest.raises(${BUILT_IN.test(name) ? name : 'Exception'}) as caught:`,
    `    ${call}`,
    `assert (type(caught.value).__name__, str(caught.value)) == (${quoted(name)}, ${quoted(message)})`,
  ];
}
