import { createHash, randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { streamRig } from './rig.ts';

const sha256 = (data: Buffer | string): string => createHash('sha256').update(data).digest('hex');

test('every branch of a tee gets every byte, and the checksum, count and metrics are those of the data', async () => {
  using rig = streamRig();
  const data = randomBytes(3_000_001);
  writeFileSync(rig.file('data'), data);
  const { failure, outputs, streams } = await rig.run(
    [
      { name: 'read', command: 'cat data', output: 'stream' },
      {
        name: 'split',
        type: 'tee',
        input: 'pipe',
        branches: [
          { name: 'sum', uses: 'checksum', output: 'variable:sum' },
          { name: 'crc', uses: 'checksum', algorithm: 'crc32', output: 'file:crc.txt' },
          { name: 'meter', command: 'pv -pterb -s {{.size}}', output: 'stderr' },
          { name: 'copy', command: 'cat > copy.bin' },
          { name: 'packed', command: 'gzip -1 > copy.gz' },
          { name: 'none', uses: 'null' },
        ],
      },
    ],
    { variables: { size: data.length } },
  );
  expect(failure).toBeUndefined();
  expect(outputs['sum']).toBe(sha256(data));
  expect(readFileSync(rig.file('copy.bin')).equals(data)).toBe(true);
  expect(execFileSync('gzip', ['-dc', rig.file('copy.gz')], { maxBuffer: 1e7 }).equals(data)).toBe(true);
  expect(rig.read('crc.txt')).toMatch(/^[0-9a-f]{8} {2}-\n$/);
  expect(rig.names()).toEqual(['copy.bin', 'copy.gz', 'crc.txt', 'data']);
  expect(streams).toMatchObject([
    { id: 'str-001', type: 'pipe', from: 'read', to: 'split', bytes_transferred: data.length },
    {
      id: 'str-002',
      type: 'tee',
      from: 'split',
      branches: [
        { name: 'sum', status: 'passed', result: sha256(data) },
        { name: 'crc', status: 'passed' },
        { name: 'meter', metrics: { total_bytes: data.length } },
        { name: 'copy', file: { path: rig.file('copy.bin'), bytes: data.length, verified: true } },
        { name: 'packed', exit_code: 0, file: { path: rig.file('copy.gz') } },
        { name: 'none', bytes_transferred: data.length },
      ],
    },
  ]);
});

test('a chain of commands is joined by the kernel and its bytes are counted to the byte', async () => {
  using rig = streamRig();
  writeFileSync(rig.file('data'), 'one\ntwo\nthree\n'.repeat(100_000));
  const { failure, streams, log } = await rig.run([
    { name: 'read', command: 'cat data; echo careful >&2', output: 'stream' },
    { name: 'filter', command: 'grep -v two', input: 'pipe', output: 'stream' },
    { name: 'count', command: 'wc -l', input: 'pipe' },
  ]);
  expect(failure).toBeUndefined();
  expect(log).toContain('200000\n');
  expect(log).toContain('careful\n');
  if (process.platform !== 'linux') return;
  expect(streams).toMatchObject([
    { from: 'read', to: 'filter', bytes_transferred: 1_400_000, metering: 'kernel' },
    { from: 'filter', to: 'count', bytes_transferred: 1_000_000, metering: 'kernel' },
  ]);
});

test('built-in codecs, named streams and nested tees work together', async () => {
  using rig = streamRig();
  const text = 'line of text\n'.repeat(50_000);
  writeFileSync(rig.file('data'), text);
  const { failure, outputs } = await rig.run([
    { name: 'read', command: 'cat data', output: 'stream:raw' },
    { name: 'again', uses: 'gunzip', input: 'packed', output: 'stream' },
    { name: 'sum-again', uses: 'checksum', input: 'pipe', output: 'variable:again' },
    {
      name: 'outer',
      type: 'tee',
      input: 'raw',
      branches: [
        { name: 'lines', uses: 'count', output: 'variable:lines' },
        {
          name: 'inner',
          type: 'tee',
          branches: [
            { name: 'sum', uses: 'checksum', output: 'variable:sum' },
            {
              name: 'zstd',
              steps: [
                { uses: 'zstd', level: 1, output: 'stream' },
                { uses: 'unzstd', input: 'pipe', output: 'stream' },
                { command: 'md5sum | cut -d" " -f1', input: 'pipe', output: 'variable:md5' },
              ],
            },
          ],
        },
        { name: 'packed', uses: 'gzip', output: 'stream' },
      ],
    },
  ]);
  expect(failure).toBeUndefined();
  const md5 = createHash('md5').update(text).digest('hex');
  expect(outputs).toMatchObject({ lines: '50000', sum: sha256(text), again: sha256(text), md5 });
});

test('what no stream joins runs in order, and a variable of the first is a value of the next', async () => {
  using rig = streamRig();
  const { failure, outputs, streams } = await rig.run([
    { name: 'first', command: 'printf %s "a b; $(touch x)"', output: 'variable:word' },
    { name: 'write', command: 'printf %s {{.word}}', output: 'file:out' },
    { name: 'read', command: 'cat out', output: 'stream' },
    { name: 'sum', uses: 'checksum', expect: sha256('a b; '), input: 'pipe', output: 'variable:sum' },
  ]);
  expect(failure).toBeUndefined();
  expect(outputs).toMatchObject({ word: 'a b; ', sum: sha256('a b; ') });
  expect(rig.read('out')).toBe('a b; ');
  expect(streams.map(({ id, from, to }) => [id, from, to])).toEqual([
    ['str-001', 'write', rig.file('out')],
    ['str-002', 'read', 'sum'],
  ]);
});

test('thirty-two branches each get all of it', async () => {
  using rig = streamRig();
  const branches = Array.from({ length: 32 }, (_, index) => ({
    name: `b${index}`,
    command: 'sha256sum | cut -c1-64',
    output: `variable:b${index}`,
  }));
  const { failure, outputs } = await rig.run([
    { name: 'source', command: 'head -c 2000000 /dev/zero', output: 'stream' },
    { name: 'split', type: 'tee', branches },
  ]);
  expect(failure).toBeUndefined();
  const { streams: _, ...sums } = outputs;
  expect(new Set(Object.values(sums))).toEqual(new Set([sha256(Buffer.alloc(2_000_000))]));
  expect(Object.keys(sums)).toHaveLength(32);
});

test('the slowest branch governs: the source waits for it and nothing is lost', async () => {
  using rig = streamRig();
  const { failure, streams, outputs, tookMs } = await rig.run([
    { name: 'source', command: 'head -c 400 /dev/zero', output: 'stream' },
    {
      name: 'split',
      type: 'tee',
      branches: [
        {
          name: 'slow',
          command: 'while [ -n "$(dd bs=40 count=1 2>/dev/null | tr "\\0" x)" ]; do sleep 0.05; done',
        },
        { name: 'fast', uses: 'checksum', output: 'variable:sum' },
      ],
    },
  ]);
  expect(failure).toBeUndefined();
  expect(outputs['sum']).toBe(sha256(Buffer.alloc(400)));
  expect(streams[1]?.branches?.map(({ bytes_transferred }) => bytes_transferred)).toEqual([400, 400]);
  expect(tookMs).toBeGreaterThan(400);
});

test('a source that ran far ahead would show here: it is held back by a branch that does not read', async () => {
  using rig = streamRig();
  const { failure, log } = await rig.run([
    { name: 'source', command: 'head -c 50000000 /dev/zero; echo done >&2', output: 'stream' },
    {
      name: 'split',
      type: 'tee',
      branches: [
        // Nothing is read until a while later; then the source must not have come to its end.
        { name: 'late', command: 'sleep 0.5; echo awake >&2; wc -c', output: 'variable:late' },
        { name: 'fast', uses: 'null' },
      ],
    },
  ]);
  expect(failure).toBeUndefined();
  expect(log.indexOf('awake')).toBeLessThan(log.indexOf('done'));
});

test('a source that says nothing gives every branch a clean, empty end', async () => {
  using rig = streamRig();
  const { failure, outputs } = await rig.run([
    { name: 'source', command: 'sleep 0.1', output: 'stream' },
    {
      name: 'split',
      type: 'tee',
      branches: [
        { name: 'sum', uses: 'checksum', output: 'variable:sum' },
        { name: 'file', uses: 'file', path: 'empty' },
        { name: 'lines', command: 'wc -l', output: 'variable:lines' },
      ],
    },
  ]);
  expect(failure).toBeUndefined();
  expect(outputs).toMatchObject({ sum: sha256(''), lines: '0' });
  expect(rig.read('empty')).toBe('');
});

test('ten thousand small files come out of a tar as they went in', async () => {
  using rig = streamRig();
  mkdirSync(rig.file('many'));
  for (let index = 0; index < 10_000; index += 1) {
    writeFileSync(path.join(rig.file('many'), `f${index}`), `content ${index}`);
  }
  const { failure } = await rig.run([
    { name: 'pack', command: 'tar cf - many', output: 'stream' },
    {
      name: 'split',
      type: 'tee',
      branches: [
        { name: 'list', command: 'tar tf -', output: 'file:list' },
        { name: 'packed', steps: [{ uses: 'gzip', level: 1, output: 'file:many.tgz' }] },
      ],
    },
  ]);
  expect(failure).toBeUndefined();
  expect(rig.read('list').trim().split('\n')).toHaveLength(10_001);
  expect(execFileSync('tar', ['xzOf', rig.file('many.tgz'), 'many/f4711'], { encoding: 'utf8' })).toBe(
    'content 4711',
  );
});

test('the output of a program that opens /dev/stdin, /dev/stdout and /dev/stderr by name goes where it belongs', async () => {
  using rig = streamRig();
  const { failure, log } = await rig.run([
    { name: 'source', command: 'echo data > /dev/stdout; echo note > /dev/stderr', output: 'stream' },
    { name: 'sink', uses: 'count', output: 'stream', input: 'pipe' },
    { name: 'read', command: 'cat /dev/stdin', input: 'pipe' },
  ]);
  expect(failure).toBeUndefined();
  expect(log).toContain('data\n');
  expect(log).toContain('note\n');
});

test('a program that opens /dev/stdin by name after its writer has ended sees the end of its stream', async () => {
  using rig = streamRig();
  const late = 'sleep 0.2; cat /dev/stdin; cat /dev/stdin';
  const { failure, log } = await rig.run([
    { name: 'quick', command: 'echo data', output: 'stream' },
    { name: 'joined', command: `${late}; echo passed on`, input: 'pipe', output: 'stream' },
    {
      name: 'split',
      type: 'tee',
      branches: [
        { name: 'one', command: `{ ${late}; } | sed s/^/one:/` },
        { name: 'two', command: `{ ${late}; } > two` },
      ],
    },
  ]);
  expect(failure).toBeUndefined();
  expect(log).toContain('one:data\none:passed on\n');
  expect(rig.read('two')).toBe('data\npassed on\n');
});

const between = (command: string, after: string): readonly object[] => [
  { name: 'read', command, output: 'stream' },
  { name: 'bar', uses: 'progress', size: '3000001', input: 'pipe', output: 'stream' },
  { name: 'take', command: after, input: 'pipe' },
];

test('a progress step between two commands counts every byte, and is in the way of none after a single command', async () => {
  using rig = streamRig();
  writeFileSync(rig.file('data'), randomBytes(3_000_001));
  const ways = { 'cat data': 'kernel', 'cat data | cat': 'pump' } as const;
  for (const [command, metering] of Object.entries(ways)) {
    const { failure, streams } = await rig.run(between(command, 'wc -c > size'));
    expect(failure).toBeUndefined();
    expect(rig.read('size').trim()).toBe('3000001');
    expect(streams).toMatchObject([
      {
        from: 'read',
        to: 'bar',
        bytes_transferred: 3_000_001,
        metering,
        metrics: { total_bytes: 3_000_001 },
      },
      { from: 'bar', to: 'take', bytes_transferred: 3_000_001, metering },
    ]);
  }
});

test('a progress step shows bytes while its stream runs', async () => {
  using rig = streamRig();
  writeFileSync(rig.file('data'), randomBytes(3_000_001));
  const seen: unknown[] = [];
  const watching = setInterval(() => {
    try {
      seen.push(rig.progress());
    } catch {
      // Not there yet.
    }
  }, 50);
  const { failure } = await rig.run(
    between('dd if=data bs=30k iflag=fullblock 2>/dev/null', 'sleep 1; wc -c'),
  );
  clearInterval(watching);
  expect(failure).toBeUndefined();
  const running = { name: 'bar', status: 'running', bytes: expect.any(Number), size: 3_000_001 };
  expect(seen).toContainEqual(
    expect.objectContaining({ steps: expect.arrayContaining([expect.objectContaining(running)]) }),
  );
});

test('a reader that had enough behind a progress step ends its writer, and that is no failure', async () => {
  using rig = streamRig();
  const { failure, streams } = await rig.run(between('cat /dev/zero', 'head -c 100000 | wc -c > size'));
  expect(failure).toBeUndefined();
  expect(rig.read('size').trim()).toBe('100000');
  expect(streams[0]?.bytes_transferred).toBeGreaterThanOrEqual(100_000);
});

test('a writer that fails behind a progress step fails under its own name', async () => {
  using rig = streamRig();
  const { failure } = await rig.run(between('cat data no-such-file', 'wc -c > size'));
  expect(failure).toMatchObject({ reason: 'exit-non-zero', step: 'read' });
});
