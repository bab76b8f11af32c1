import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { compileCommand, compileValue } from '../../../src/core/template/compile.ts';
import type { CommandTemplate } from '../../../src/core/definition.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { bindGraph, parseAmount, textOf } from '../../../src/streams/bind-graph.ts';
import { buildGraph } from '../../../src/streams/graph.ts';
import { temporaryName } from '../../../src/streams/pump/file-target.ts';
import type { PumpFailure, PumpNode } from '../../../src/streams/pump-spec.ts';
import {
  failureOf,
  pumpStep,
  readResult,
  removeUnfinished,
  writeSpec,
} from '../../../src/streams/run-group.ts';
import type { StreamStep } from '../../../src/streams/stream-step.ts';

/* Values put into a graph, the orders that the pump gets, and its failures in the engine's words. */

function template(text: string, compile: typeof compileCommand = compileCommand): CommandTemplate {
  const compiled = compile(text);
  if (!compiled.ok) throw new Error(text);
  return compiled.value;
}

const value = (text: string): CommandTemplate => template(text, compileValue);
const STREAM = { to: 'stream' } as const;
const READ: StreamStep = { name: 'read', command: template('cat data'), output: STREAM };

/** The node of a step that reads from another one. */
function bound(step: Omit<StreamStep, 'name'>, variables: JsonObject = {}) {
  const graph = buildGraph([READ, { name: 's', ...step }]);
  expect(graph.problems).toEqual([]);
  const [group = []] = graph.groups;
  const result = bindGraph(group, { variables, project: '/p', workdir: 'w' });
  return result.ok ? result.value[1] : result.failure;
}

const workOf = (step: Omit<StreamStep, 'name'>, variables?: JsonObject): unknown => {
  const node = bound(step, variables);
  return node && 'work' in node ? node.work : node;
};

test('a node says what it reads, where it works and what it is in the words of its file', () => {
  expect(bound({ uses: 'checksum', algorithm: 'md5', workdir: 'own' })).toEqual({
    id: 1,
    name: 's',
    text: 'checksum md5',
    from: 0,
    work: { kind: 'checksum', algorithm: 'md5' },
    output: { to: 'log' },
    folder: '/p/own',
  });
  expect(bound({ uses: 'count' })).toMatchObject({ folder: '/p/w' });
  const graph = buildGraph([READ, { name: 't', uses: 'tee', branches: [{ name: 'b', uses: 'null' }] }]);
  const nodes = bindGraph(graph.groups[0] ?? [], { variables: {}, project: '/p' });
  expect(nodes).toMatchObject({
    ok: true,
    value: [
      { id: 0, name: 'read', output: { to: 'stream' }, folder: '/p' },
      { id: 1, from: 0 },
      { id: 2, from: 1, branch: 'b' },
    ],
  });
  expect(nodes.ok && nodes.value.map((node) => ['from' in node, 'branch' in node])).toEqual([
    [false, false],
    [true, false],
    [true, true],
  ]);
});

test('each kind of step becomes its work, with what it has where nothing is said', () => {
  expect(workOf({ uses: 'tee', branches: [{ name: 'b', uses: 'null' }] })).toEqual({
    kind: 'tee',
    on_branch_failure: 'stop',
    buffer_bytes: 32_768,
  });
  const more = { on_branch_failure: 'continue', buffer_bytes: 5 } as const;
  expect(workOf({ uses: 'tee', branches: [{ name: 'b', uses: 'null' }], ...more })).toEqual({
    kind: 'tee',
    ...more,
  });
  expect(workOf({ uses: 'checksum' })).toEqual({ kind: 'checksum', algorithm: 'sha256' });
  expect(workOf({ uses: 'checksum', expect: value('{{.sum}}') }, { sum: 'abc' })).toEqual({
    kind: 'checksum',
    algorithm: 'sha256',
    expect: 'abc',
  });
  expect(workOf({ uses: 'count' })).toEqual({ kind: 'count' });
  expect(workOf({ uses: 'null' })).toEqual({ kind: 'null' });
  expect(workOf({ uses: 'gzip' })).toEqual({ kind: 'gzip' });
  expect(workOf({ uses: 'zstd', level: 0 })).toEqual({ kind: 'zstd', level: 0 });
  expect(workOf({ uses: 'file', path: value('out/{{.n}}') }, { n: 'x' })).toEqual({
    kind: 'file',
    path: '/p/w/out/x',
    verify: true,
  });
  expect(workOf({ uses: 'file', path: value('/abs'), verify: false })).toEqual({
    kind: 'file',
    path: '/abs',
    verify: false,
  });
});

test('a progress knows its size, how to find it, or nothing', () => {
  const of = (size: string) => workOf({ uses: 'progress', size: value('{{.size}}') }, { size });
  expect(workOf({ uses: 'progress' })).toEqual({ kind: 'progress' });
  for (const nothing of ['', ' ', '0', ' 0 ']) expect(of(nothing)).toEqual({ kind: 'progress' });
  expect(of('2KiB')).toEqual({ kind: 'progress', size: 2048 });
  expect(of('lots')).toEqual({
    reason: 'invalid',
    message: 's: the size "lots" is no amount of bytes',
    hint: 'Write it like 512MB or 2GiB; a bare number counts bytes.',
  });
  expect(workOf({ uses: 'progress', size_command: template('du -sb {{.d}}') }, { d: 'x y' })).toMatchObject({
    kind: 'progress',
    size_command: { script: expect.stringContaining('du -sb'), env: {} },
  });
});

test('an amount is what parseSize reads, or what pv means by a letter', () => {
  expect(parseAmount('10G')).toBe(10 * 1024 ** 3);
  expect(parseAmount(' 1.5k ')).toBe(1536);
  expect(parseAmount('2 M')).toBe(2 * 1024 ** 2);
  expect(parseAmount('3t')).toBe(3 * 1024 ** 4);
  expect(parseAmount('5MB')).toBe(5_000_000);
  expect(parseAmount('7')).toBe(7);
  expect(parseAmount('10Gx')).toBe(undefined);
  expect(parseAmount('x10G')).toBe(undefined);
});

test('a command gets its values and its variables; what its values need wins', () => {
  const node = workOf(
    { command: template('wc -c {{.file}}'), env: { A: value('is {{.file}}') } },
    { file: 'x' },
  );
  expect(node).toMatchObject({ kind: 'command', env: { A: 'is x' } });
  expect(JSON.stringify(node)).toContain('wc -c');
});

test('where its output goes is bound as well', () => {
  const outputOf = (step: Omit<StreamStep, 'name'>, variables?: JsonObject) => {
    const node = bound(step, variables);
    return node && 'output' in node ? node.output : node;
  };
  expect(outputOf({ uses: 'count' })).toEqual({ to: 'log' });
  expect(outputOf({ uses: 'count', output: { to: 'variable', name: 'n' } })).toEqual({
    to: 'variable',
    name: 'n',
  });
  expect(outputOf({ uses: 'count', output: { to: 'stderr' } })).toEqual({ to: 'stderr' });
  expect(outputOf({ uses: 'count', output: { to: 'file', path: value('{{.f}}') } }, { f: 'x' })).toEqual({
    to: 'file',
    path: '/p/w/x',
  });
  expect(outputOf({ uses: 'count', output: { to: 'file', path: value('{{.f}}') } }, { f: '' })).toEqual({
    reason: 'invalid',
    message: 'the name of a file is empty',
  });
});

test('a value that is not there is refused with the name of the step', () => {
  const refused = { reason: 'template-refused', detail: expect.stringMatching(/^s: .*nope/) };
  const nope = value('{{.nope}}');
  expect(bound({ command: template('cat {{.nope}}') })).toEqual(refused);
  expect(bound({ command: template('cat'), env: { A: nope } })).toEqual(refused);
  expect(bound({ uses: 'checksum', expect: nope })).toEqual(refused);
  expect(bound({ uses: 'progress', size: nope })).toEqual(refused);
  expect(bound({ uses: 'progress', size_command: template('du {{.nope}}') })).toEqual(refused);
  expect(bound({ uses: 'file', path: nope })).toEqual(refused);
  expect(bound({ uses: 'count', output: { to: 'file', path: nope } })).toEqual(refused);
});

test('a step is told by its command, or by its kind and what it was given', () => {
  expect(textOf({ name: 's', command: template('cat {{.x}}') })).toBe('cat {{.x}}');
  expect(textOf({ name: 's', uses: 'gzip', level: 9 })).toBe('gzip 9');
  expect(textOf({ name: 's', uses: 'file', path: value('{{.x}}') })).toBe('file {{.x}}');
  expect(textOf({ name: 's', uses: 'null' })).toBe('null');
});

/** A folder that is gone at the end of the block. */
function folder(): { readonly at: string } & Disposable {
  const at = mkdtempSync(path.join(os.tmpdir(), 'pipewright-group-'));
  return { at, [Symbol.dispose]: () => rmSync(at, { recursive: true, force: true }) };
}

const place = (at: string) => ({
  folder: path.join(at, "it's", 'flow'),
  stage: 'flow',
  attempt: 2,
  index: 0,
  pipeline: 'demo',
  runId: 'r',
  before: [],
});

test('the orders of a group are a file that only we may read, and its step shows the pipe that it is', () => {
  using temporary = folder();
  const graph = buildGraph([
    READ,
    {
      name: 't',
      uses: 'tee',
      branches: [
        { name: 'sum', uses: 'checksum' },
        {
          name: 'b',
          steps: [
            { ...READ, name: 'zip', command: template('gzip -9') },
            { name: 'n', uses: 'null' },
          ],
        },
      ],
    },
  ]);
  const [group = []] = graph.groups;
  const nodes = bindGraph(group, { variables: {}, project: '/p' });
  if (!nodes.ok) throw new Error('not bound');
  const at = place(temporary.at);
  const spec = writeSpec(at, nodes.value);
  expect(spec).toMatchObject({ stage: 'flow', pipeline: 'demo', operation_id: 'r-str', before: [] });
  expect(spec.files).toEqual({
    result: path.join(at.folder, '.graph-1@2.result.json'),
    streams: path.join(at.folder, 'streams.json'),
    progress: path.join(at.folder, 'progress.json'),
  });
  const file = path.join(at.folder, '.graph-1@2.json');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(spec)));
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(at.folder).mode & 0o777).toBe(0o700);
  const step = pumpStep('flow', group, spec);
  expect(step).toMatchObject({
    name: 'flow',
    command: { text: 'cat data | tee (checksum, gzip -9 | null)', values: [] },
    env: {},
  });
  expect(step.command.script).toContain(`'${file.replaceAll("'", String.raw`'\''`)}'`);
  expect(pumpStep('x', buildGraph([{ ...READ, output: { to: 'log' } }]).nodes, spec).command.text).toBe(
    'cat data',
  );
  const apart = buildGraph([
    { name: 'a', command: template('a') },
    { name: 'b', command: template('b') },
  ]);
  expect(pumpStep('x', apart.nodes, spec).command.text).toBe('a; b');
  expect(readResult(spec)).toBe(undefined);
  writeFileSync(spec.files.result, '{"streams":[]}');
  expect(readResult(spec)).toEqual({ streams: [] });
  writeFileSync(spec.files.result, '{"str');
  expect(readResult(spec)).toBe(undefined);
});

test('what a killed pump left unfinished is removed, what has its name stays', () => {
  using temporary = folder();
  const base = { name: 'n', text: '', folder: temporary.at };
  const file = (name: string) => path.join(temporary.at, name);
  const nodes: readonly PumpNode[] = [
    { ...base, id: 0, work: { kind: 'file', path: file('a'), verify: true }, output: { to: 'log' } },
    { ...base, id: 1, work: { kind: 'count' }, output: { to: 'file', path: file('b') } },
    { ...base, id: 2, work: { kind: 'count' }, output: { to: 'log' } },
    { ...base, id: 3, work: { kind: 'count' }, output: { to: 'file', path: '/dev/null/x' } },
  ];
  const spec = writeSpec(place(temporary.at), nodes);
  for (const name of ['a', 'b']) {
    writeFileSync(file(name), 'whole');
    writeFileSync(temporaryName(file(name), spec.operation_id), 'half');
  }
  removeUnfinished(spec);
  for (const name of ['a', 'b']) {
    expect(existsSync(temporaryName(file(name), spec.operation_id))).toBe(false);
    expect(readFileSync(file(name), 'utf8')).toBe('whole');
  }
});

test.each<[Partial<PumpFailure>, object]>([
  [
    { kind: 'exit', message: 'exited with 3', exit_code: 3, tail: ['last'] },
    { reason: 'exit-non-zero', exit_code: 3, step: 's', tail: ['last'] },
  ],
  [
    { kind: 'exit', message: 'exited' },
    { reason: 'exit-non-zero', exit_code: 1, step: 's', tail: [] },
  ],
  [
    { kind: 'exit', message: 'exited with 127', exit_code: 127 },
    { reason: 'command-not-found', step: 's', tail: [] },
  ],
  [
    { kind: 'exit', message: 'exited with 126', exit_code: 126 },
    { reason: 'command-not-executable', step: 's', tail: [] },
  ],
  [
    { kind: 'exit', message: 'exited with 1; the disk that holds x is full', exit_code: 1, tail: ['t'] },
    {
      reason: 'reported',
      message: 's: exited with 1; the disk that holds x is full: t',
      retryable: true,
    },
  ],
  [
    { kind: 'signal', message: 'was ended by SIGSEGV', signal: 'SIGSEGV' },
    { reason: 'signal', signal: 'SIGSEGV', step: 's', tail: [] },
  ],
  [
    { kind: 'signal', message: 'was ended' },
    { reason: 'reported', message: 's: was ended', retryable: false },
  ],
  [
    { kind: 'checksum', message: 'differs' },
    { reason: 'reported', message: 's: differs', retryable: true },
  ],
  [
    { kind: 'data', message: 'no gzip' },
    { reason: 'reported', message: 's: no gzip', retryable: true },
  ],
  [
    { kind: 'file', message: 'no' },
    { reason: 'reported', message: 's: no', retryable: false },
  ],
  [
    { kind: 'start', message: 'no' },
    { reason: 'reported', message: 's: no', retryable: false },
  ],
  [
    { kind: 'limit', message: 'no' },
    { reason: 'reported', message: 's: no', retryable: false },
  ],
])('%j is %j to the engine', (failure, expected) => {
  expect(failureOf({ node: 's', kind: 'exit', message: '', ...failure })).toEqual(expected);
});
