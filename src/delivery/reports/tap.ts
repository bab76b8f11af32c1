import type { ReportReader, TestCase } from './test-results.ts';

const TEST_LINE = /^( *)(not )?ok\b(?: +\d+)?(?: +-)? *(.*)$/;
const SUBTEST = /^( *)# Subtest: (.*)$/;
/** Spaces of one level of subtests. */
const INDENT = 4;

interface OpenTest {
  readonly depth: number;
  readonly isOk: boolean;
  readonly name: string;
  readonly directive: 'skip' | 'todo' | undefined;
  readonly hasChildren: boolean;
  readonly facts: Map<string, string>;
  /** Inside its YAML block. */
  isDescribed: boolean;
}

/**
 * Reads TAP 13 and 14 line by line, as node:test, tap, tape and others write it. A group of tests is not a test itself,
 * and a test is not failed for the failure of one inside it. Lines that are no TAP are left alone.
 * Source: https://testanything.org/tap-version-14-specification.html; node lib/internal/test_runner/reporter/tap.js.
 */
export function tapReader(): ReportReader {
  const names: string[] = [];
  const sawAt: boolean[] = [];
  let open: OpenTest | undefined;
  let count = 0;
  const close = (): readonly TestCase[] => {
    const ended = open && caseOf(open, names.slice(0, open.depth), count);
    open = undefined;
    if (!ended) return [];
    count += 1;
    return [ended];
  };
  return {
    line: (line) => {
      if (open?.isDescribed === true) {
        if (line.trim() === '...') return close();
        note(open, line);
        return [];
      }
      if (open && line.trim() === '---') {
        open.isDescribed = true;
        return [];
      }
      const subtest = SUBTEST.exec(line);
      if (subtest) {
        const ended = close();
        const depth = depthOf(subtest[1] ?? '');
        names.length = depth;
        names[depth] = unescape(subtest[2] ?? '');
        sawAt.length = depth + 1;
        return ended;
      }
      const test = TEST_LINE.exec(line);
      if (!test) return open && line.trim() !== '' ? close() : [];
      const ended = close();
      open = opened(test, sawAt);
      return ended;
    },
    end: close,
  };
}

function opened([, indent = '', not, text = '']: RegExpExecArray, sawAt: boolean[]): OpenTest {
  const depth = depthOf(indent);
  const hasChildren = sawAt[depth + 1] === true;
  sawAt.length = depth + 1;
  sawAt[depth] = true;
  const [, name = text, directive] = /^(.*?)(?:^|\s+)# *(skip|todo)\b.*$/i.exec(text) ?? [];
  const kind = directive?.toLowerCase();
  return {
    depth,
    isOk: not === undefined,
    name: unescape(name.trim()),
    directive: kind === 'skip' || kind === 'todo' ? kind : undefined,
    hasChildren,
    facts: new Map(),
    isDescribed: false,
  };
}

/** `key: value` of the YAML block, as far as it is one line, and the first line of a text block. */
function note({ facts }: OpenTest, line: string): void {
  const [, key, value = ''] = /^\s*([A-Za-z_]+): ?(.*)$/.exec(line) ?? [];
  if (key !== undefined && !facts.has(key)) facts.set(key, value.replace(/^(['"])(.*)\1$/, '$2'));
  else if (facts.get('error') === '|-') facts.set('error', line.trim());
}

function caseOf(test: OpenTest, around: readonly string[], count: number): TestCase | undefined {
  const { facts, isOk, directive } = test;
  if (isGroup(test) || facts.get('failureType') === 'subtestsFailed') return undefined;
  const status = directive ? 'skipped' : isOk ? 'passed' : 'failed';
  return {
    id: `tap-${count}`,
    name: [...around, test.name || `test ${count + 1}`].join(' > '),
    status,
    ...placeAndTime(facts),
    ...(status === 'failed' && { message: facts.get('error') ?? facts.get('message') ?? '' }),
  };
}

function isGroup({ facts, hasChildren }: OpenTest): boolean {
  const type = facts.get('type');
  return type === 'suite' || (hasChildren && type !== 'test');
}

function placeAndTime(facts: ReadonlyMap<string, string>): Pick<TestCase, 'file' | 'duration_ms'> {
  const durationMs = Number(facts.get('duration_ms') ?? Number.NaN);
  const file = facts.get('location')?.replace(/:\d+:\d+$/, '');
  return {
    ...(file !== undefined && { file }),
    ...(Number.isFinite(durationMs) && { duration_ms: durationMs }),
  };
}

function depthOf(indent: string): number {
  return Math.floor(indent.length / INDENT);
}

function unescape(text: string): string {
  return text.replaceAll(/\\([#\\])/g, '$1');
}
