import type { PinnedCall } from '../characterize/characterize.ts';
import { callText, literal, outcomeText, quoted } from '../characterize/value.ts';
import type { DraftCase, DraftTest } from './test-file.ts';
import { isModule, specifier, type TestPlace } from './test-place.ts';

type Named = PinnedCall & { readonly local: string };

/** Tests in JavaScript or TypeScript that hold what the calls came to. */
export function writeJsTest(calls: readonly PinnedCall[], place: TestPlace): DraftTest {
  const named = calls.map((call) => ({ ...call, local: localName(call, place) }));
  const usesExpect = place.framework === 'vitest' || place.framework === 'jest';
  const cases = named.map((call, at) => caseOf(call, { at, usesExpect, place }));
  return { file: place.test, head: headOf(named, place), cases, tail: '' };
}

/** What a function is called in the test. */
function localName({ name, via }: PinnedCall, { source }: TestPlace): string {
  if (via !== 'default') return /^[A-Za-z_$][\w$]*$/.test(name) ? name : 'subject';
  const [first = '', ...rest] = (source.split('/').at(-1) ?? '').replace(/\..*$/, '').split(/[^A-Za-z0-9]+/);
  const joined = [first, ...rest.map((word) => word.charAt(0).toUpperCase() + word.slice(1))].join('');
  return /^[A-Za-z]\w*$/.test(joined) && joined !== 'test' && joined !== 'default' ? joined : 'subject';
}

function headOf(calls: readonly Named[], place: TestPlace): string {
  const module = isModule(place);
  const from = quoted(specifier(place));
  return [...frameworkImports(place, module), '', ...subjectImports(calls, { module, from })]
    .join('\n')
    .trimStart();
}

function frameworkImports({ framework }: TestPlace, module: boolean): readonly string[] {
  const load = (what: string, name: string): string =>
    module ? `import ${what} from '${name}';` : `const ${what} = require('${name}');`;
  switch (framework) {
    case 'vitest':
      return [load('{ expect, test }', 'vitest')];
    case 'jest':
      return [];
    case 'mocha':
      return [load('assert', 'node:assert/strict')];
    default:
      return [load('assert', 'node:assert/strict'), load('{ test }', 'node:test')];
  }
}

function subjectImports(
  calls: readonly Named[],
  { module, from }: { readonly module: boolean; readonly from: string },
): readonly string[] {
  const names = (via: PinnedCall['via']): readonly string[] => [
    ...new Set(calls.filter((call) => call.via === via).map(({ local }) => local)),
  ];
  const [bare, named, members] = [names('default'), names('named'), names('member')];
  if (!module) {
    const picked = [...named, ...members];
    return [
      ...bare.map((name) => `const ${name} = require(${from});`),
      ...(picked.length > 0 ? [`const { ${picked.join(', ')} } = require(${from});`] : []),
    ];
  }
  return [
    ...bare.map((name) => `import ${name} from ${from};`),
    ...(named.length > 0 ? [`import { ${named.join(', ')} } from ${from};`] : []),
    ...(members.length > 0
      ? [`import subject from ${from};`, '', `const { ${members.join(', ')} } = subject;`]
      : []),
  ];
}

function caseOf(
  call: Named,
  { at, usesExpect, place }: { readonly at: number; readonly usesExpect: boolean; readonly place: TestPlace },
): DraftCase {
  const { outcome, local, before } = call;
  const text = callText(local, call.args, 'javascript');
  const expects = outcomeText(outcome, 'javascript');
  const name = outcome.kind === 'threw' ? `${text} fails with ${expects}` : `${text} is ${expects}`;
  const written = `${local}(${call.args.map((one) => literal(one, 'javascript')).join(', ')})`;
  const start = outcome.isAsync ? 'async () => {' : '() => {';
  const word = place.framework === 'mocha' ? 'it' : 'test';
  const lines = [
    `${word}(${quoted(name)}, ${start}`,
    ...(before === undefined ? [] : [`  // Before: ${before}`]),
    `  ${usesExpect ? expectLine(written, outcome) : assertLine(written, outcome)}`,
    '});',
  ];
  return { id: `case-${at + 1}`, name, given: text, expects, code: lines.join('\n') };
}

function expectLine(call: string, outcome: PinnedCall['outcome']): string {
  const wait = outcome.isAsync ? 'await ' : '';
  if (outcome.kind === 'returned') {
    return `expect(${wait}${call}).toStrictEqual(${literal(outcome.value, 'javascript')});`;
  }
  const message = outcome.message === '' ? '' : quoted(outcome.message);
  return outcome.isAsync
    ? `await expect(${call}).rejects.toThrow(${message});`
    : `expect(() => ${call}).toThrow(${message});`;
}

function assertLine(call: string, outcome: PinnedCall['outcome']): string {
  if (outcome.kind === 'returned') {
    const value = literal(outcome.value, 'javascript');
    const check = /^(?:-?[\d.]+|'.*'|true|false|null|undefined)$/.test(value) ? 'equal' : 'deepEqual';
    return `assert.${check}(${outcome.isAsync ? 'await ' : ''}${call}, ${value});`;
  }
  const error = `{ name: ${quoted(outcome.name)}, message: ${quoted(outcome.message)} }`;
  return outcome.isAsync
    ? `await assert.rejects(${call}, ${error});`
    : `assert.throws(() => ${call}, ${error});`;
}
