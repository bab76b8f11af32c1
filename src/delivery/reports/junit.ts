import { markupAttribute, markupText } from '../../core/markup-text.ts';
import type { TestCounts } from '../../core/stream-report.ts';
import type { TestCase } from './test-results.ts';

/** A report in the JUnit form that most servers read. */
export function writeJunit(
  suite: string,
  cases: readonly TestCase[],
  facts: { readonly counts: TestCounts; readonly durationMs: number; readonly at: string },
): string {
  const { passed, failed, skipped } = facts.counts;
  const totals = `tests="${passed + failed + skipped}" failures="${failed}" errors="0" skipped="${skipped}" time="${seconds(facts.durationMs)}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="${markupAttribute(suite)}" ${totals}>`,
    `  <testsuite name="${markupAttribute(suite)}" timestamp="${markupAttribute(facts.at)}" ${totals}>`,
    ...cases.flatMap(caseLines),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function caseLines({ name, file, status, duration_ms: durationMs = 0, message = '' }: TestCase): string[] {
  const from = file === undefined ? '' : ` file="${markupAttribute(file)}"`;
  const head = `    <testcase classname="${markupAttribute(file ?? 'tests')}" name="${markupAttribute(name)}"${from} time="${seconds(durationMs)}"`;
  if (status === 'passed') return [`${head}/>`];
  if (status === 'skipped') return [`${head}>`, '      <skipped/>', '    </testcase>'];
  const [first = ''] = message.split('\n');
  const failure = `      <failure message="${markupAttribute(first)}">${markupText(message)}</failure>`;
  return [`${head}>`, failure, '    </testcase>'];
}

function seconds(durationMs: number): string {
  return (durationMs / 1000).toFixed(3);
}

/** The tests of a JUnit report; undefined when it is none. Entities that a document defines itself are not read. */
export function readJunit(text: string): readonly TestCase[] | undefined {
  const reader = new JunitReader();
  for (const piece of pieces(text)) reader.take(piece);
  return reader.isReport ? reader.cases : undefined;
}

interface OpenCase {
  readonly attributes: ReadonlyMap<string, string>;
  status: TestCase['status'];
  message: string;
}

class JunitReader {
  readonly cases: TestCase[] = [];
  isReport = false;
  #test: OpenCase | undefined;

  take(piece: Piece): void {
    if (piece.kind === 'open') this.#open(piece);
    else if (piece.kind === 'close') {
      if (piece.name === 'testcase') this.#close();
    } else if (this.#test?.status === 'failed' && this.#test.message === '') {
      this.#test.message = piece.text.trim();
    }
  }

  #open({ name, attributes, isEmpty }: Extract<Piece, { readonly kind: 'open' }>): void {
    this.isReport ||= name === 'testsuites' || name === 'testsuite';
    if (name === 'testcase') {
      this.#test = { attributes, status: 'passed', message: '' };
      if (isEmpty) this.#close();
    } else if (this.#test && name === 'skipped') this.#test.status = 'skipped';
    else if (this.#test && (name === 'failure' || name === 'error')) {
      this.#test.status = 'failed';
      this.#test.message = attributes.get('message') ?? '';
    }
  }

  #close(): void {
    if (this.#test) this.cases.push(closed(this.#test, this.cases.length));
    this.#test = undefined;
  }
}

function closed({ attributes, status, message }: OpenCase, index: number): TestCase {
  const group = attributes.get('classname');
  const name = attributes.get('name') ?? `test ${index + 1}`;
  const file = attributes.get('file');
  const time = Number(attributes.get('time')?.replaceAll(',', '') ?? Number.NaN);
  return {
    id: `junit-${index}`,
    name: group === undefined || group === '' || group === file ? name : `${group} > ${name}`,
    status,
    ...(file !== undefined && { file }),
    ...(Number.isFinite(time) && { duration_ms: Math.round(time * 1000) }),
    ...(status === 'failed' && { message }),
  };
}

type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'close'; readonly name: string }
  | {
      readonly kind: 'open';
      readonly name: string;
      readonly attributes: ReadonlyMap<string, string>;
      readonly isEmpty: boolean;
    };

const MARKUP =
  /<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<\?[\s\S]*?\?>|<!DOCTYPE[^>]*>|<\/\s*([^\s>]+)\s*>|<([^\s/>!?]+)((?:\s+[^\s=/>]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(\/?)>/g;

function* pieces(text: string): Generator<Piece> {
  let end = 0;
  for (const match of text.matchAll(MARKUP)) {
    const before = text.slice(end, match.index);
    if (before.trim() !== '') yield { kind: 'text', text: decoded(before) };
    end = match.index + match[0].length;
    const [, data, closing, opening, attributes = '', slash] = match;
    if (data !== undefined) yield { kind: 'text', text: data };
    if (closing !== undefined) yield { kind: 'close', name: local(closing) };
    if (opening !== undefined) {
      const pairs = [...attributes.matchAll(/([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)];
      yield {
        kind: 'open',
        name: local(opening),
        attributes: new Map(pairs.map(([, key = '', a, b]) => [key, decoded(a ?? b ?? '')])),
        isEmpty: slash === '/',
      };
    }
  }
}

function local(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decoded(text: string): string {
  return text.replaceAll(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]+));/gi, (whole, hex, decimal, name) => {
    if (typeof name === 'string') return ENTITIES[name] ?? whole;
    const code = typeof hex === 'string' ? Number.parseInt(hex, 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : '';
  });
}
