import { createHash, randomBytes } from 'node:crypto';
import { closeSync, readFileSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { loadKernelCalls } from '../../../src/streams/pump/kernel-calls.ts';
import { linkNodes, type NodeRun } from '../../../src/streams/pump/node-run.ts';
import { makePipes } from '../../../src/streams/pump/pipes.ts';
import { type SpliceThread, spliceThreads } from '../../../src/streams/pump/splice-thread.ts';
import type { PumpNode, Work } from '../../../src/streams/pump-spec.ts';
import { streamRig } from './rig.ts';

const isHere = (await loadKernelCalls()) !== undefined;

test.skipIf(process.platform !== 'linux')('koffi is installed where these tests run', () => {
  expect(isHere).toBe(true);
});

afterEach(() => {
  vi.unstubAllEnvs();
});

function node(id: number, work: Work, from?: number): PumpNode {
  const name = `n${id}`;
  return {
    id,
    name,
    text: name,
    ...(from !== undefined && { from }),
    work,
    output: { to: 'log' },
    folder: '/',
  };
}

const command: Work = { kind: 'command', script: 'true', env: {} };
const tee: Work = { kind: 'tee', on_branch_failure: 'stop', buffer_bytes: 32_768 };

/** `command | tee (command × count, null)`. */
function graph(count: number, own: readonly Work[] = []): readonly NodeRun[] {
  const branches = [...Array.from({ length: count }, () => command), ...own];
  return linkNodes([
    node(0, command),
    node(1, tee, 0),
    ...branches.map((work, index) => node(index + 2, work, 1)),
  ]);
}

async function threadFor(nodes: readonly NodeRun[]): Promise<SpliceThread> {
  const [thread] = (await spliceThreads(nodes)).values();
  if (!thread) throw new Error('no thread');
  return thread;
}

test('there is no thread with less than two commands behind the tee, and none where it is switched off', async () => {
  expect((await spliceThreads(graph(0, [{ kind: 'null' }]))).size).toBe(0);
  expect((await spliceThreads(graph(1, [{ kind: 'null' }]))).size).toBe(0);
  vi.stubEnv('PIPEWRIGHT_NO_SPLICE', '1');
  expect((await spliceThreads(graph(2))).size).toBe(0);
});

describe.skipIf(!isHere)('a splice thread', () => {
  test.each([2, 5])('gives all bytes to %i sinks and counts them, however they come', async (count) => {
    const [source, ...sinks] = await makePipes(count + 1);
    if (!source) throw new Error('no pipe');
    const thread = await threadFor(graph(count));
    thread.start({ sourceFd: source.readFd, sinkFds: sinks.map(({ writeFd }) => writeFd) });
    // Sockets: five blocking reads would wait for each other's threads.
    const outputs = sinks.map(({ readFd: fd }) =>
      buffer(new Socket({ fd, readable: true, writable: false })),
    );
    const writer = new Socket({ fd: source.writeFd, readable: false, writable: true });
    const pieces = [1, 4095, 4096, 65_537, 0, 300_000, 1, 1, 1_000_003].map((size) => randomBytes(size));
    for (const piece of pieces) {
      await new Promise((resolve) => {
        writer.write(piece, resolve);
      });
    }
    writer.end();
    await thread.ended;
    for (const { writeFd } of sinks) closeSync(writeFd);
    const whole = Buffer.concat(pieces);
    for (const output of await Promise.all(outputs)) expect(output.equals(whole)).toBe(true);
    expect(thread.state.outcome).toBe('source-ended');
    expect(thread.state.totalBytes).toBe(whole.length);
    expect(sinks.map((_, index) => thread.state.bytesOf(index))).toEqual(sinks.map(() => whole.length));
    closeSync(source.readFd);
  });

  test('goes on without a sink whose reader is gone, and ends when none is left', async () => {
    const [source, first, second] = await makePipes(3);
    if (!source || !first || !second) throw new Error('no pipe');
    const thread = await threadFor(graph(2));
    closeSync(first.readFd);
    thread.start({ sourceFd: source.readFd, sinkFds: [first.writeFd, second.writeFd] });
    const writer = new Socket({ fd: source.writeFd, readable: false, writable: true });
    writer.on('error', () => undefined);
    writer.write('some bytes');
    await expect.poll(() => thread.state.bytesOf(1)).toBe(10);
    expect([0, 1].map((sink) => thread.state.isOpen(sink))).toEqual([false, true]);
    closeSync(second.readFd);
    writer.write('more');
    await thread.ended;
    expect(thread.state.outcome).toBe('no-sink-left');
    writer.destroy();
    for (const fd of [source.readFd, first.writeFd, second.writeFd]) closeSync(fd);
  });

  test.each([
    ['for bytes', 0],
    ['for room', 1_000_000],
  ])('stops while it waits %s', async (_, size) => {
    const [source, first, second] = await makePipes(3);
    if (!source || !first || !second) throw new Error('no pipe');
    const thread = await threadFor(graph(2));
    thread.start({ sourceFd: source.readFd, sinkFds: [first.writeFd, second.writeFd] });
    const writer = new Socket({ fd: source.writeFd, readable: false, writable: true });
    writer.write(Buffer.alloc(size));
    await expect.poll(() => thread.state.totalBytes > 0 || size === 0).toBe(true);
    thread.state.stop();
    await thread.ended;
    expect(thread.state.outcome).toBe('stopped');
    writer.destroy();
    for (const fd of [source.readFd, first.readFd, first.writeFd, second.readFd, second.writeFd])
      closeSync(fd);
  });
});

test('a branch that takes a byte a second gets all of it, and the others too', async () => {
  using rig = streamRig();
  writeFileSync(rig.file('data'), 'abcd');
  const slow =
    'while c=$(dd bs=1 count=1 2>/dev/null) && [ -n "$c" ]; do printf %s "$c" >>slow; sleep 1; done';
  const { failure, streams } = await rig.run([
    { name: 'read', command: 'cat data', output: 'stream' },
    {
      name: 'split',
      type: 'tee',
      input: 'pipe',
      branches: [
        { name: 'slow', command: slow },
        { name: 'fast', command: 'cat > fast' },
        { name: 'sum', uses: 'checksum' },
      ],
    },
  ]);
  expect(failure).toBeUndefined();
  expect([rig.read('slow'), readFileSync(rig.file('fast'), 'utf8')]).toEqual(['abcd', 'abcd']);
  const sum = createHash('sha256').update('abcd').digest('hex');
  expect(streams[1]?.branches).toMatchObject([
    { name: 'slow', bytes_transferred: 4 },
    { name: 'fast', bytes_transferred: 4 },
    { name: 'sum', bytes_transferred: 4, result: sum },
  ]);
});

const SPLIT = {
  name: 'split',
  type: 'tee',
  input: 'pipe',
  branches: [
    { name: 'one', command: 'sha256sum - > one' },
    { name: 'two', command: 'tail -c 1000 | wc -c | tr -d " "', output: 'file:two' },
    { name: 'sum', uses: 'checksum' },
    { name: 'copy', uses: 'file', path: 'copy' },
  ],
};

test('commands and built-ins of one tee all get every byte, the commands without a copy', async () => {
  using rig = streamRig();
  const data = randomBytes(3_000_001);
  writeFileSync(rig.file('data'), data);
  const { failure, streams } = await rig.run([
    { name: 'read', command: 'cat data', output: 'stream' },
    SPLIT,
  ]);
  expect(failure).toBeUndefined();
  const sum = createHash('sha256').update(data).digest('hex');
  expect([rig.read('one').split(' ')[0], rig.read('two')]).toEqual([sum, '1000\n']);
  expect(readFileSync(rig.file('copy')).equals(data)).toBe(true);
  expect(streams[1]?.branches).toMatchObject([
    { name: 'one', bytes_transferred: data.length },
    { name: 'two', bytes_transferred: data.length },
    { name: 'sum', bytes_transferred: data.length, result: sum },
    { name: 'copy', bytes_transferred: data.length },
  ]);
});

test('behind a source that fails no branch of either kind takes what came for all of it', async () => {
  using rig = streamRig();
  const { failure } = await rig.run([
    { name: 'read', command: 'head -c 500000 /dev/zero; echo lost >&2; exit 9', output: 'stream' },
    SPLIT,
  ]);
  expect(failure).toMatchObject({ reason: 'exit-non-zero', exit_code: 9, step: 'read', tail: ['lost'] });
  expect(rig.names()).toEqual([]);
});

test('when both commands have had enough the rest still reaches the built-ins', async () => {
  using rig = streamRig();
  const { failure, streams } = await rig.run([
    { name: 'read', command: 'head -c 2000000 /dev/zero', output: 'stream' },
    {
      ...SPLIT,
      branches: [
        { name: 'one', command: 'head -c 10 > one' },
        { name: 'two', command: 'true' },
        { name: 'sum', uses: 'checksum' },
      ],
    },
  ]);
  expect(failure).toBeUndefined();
  expect(streams[1]?.branches?.[2]).toMatchObject({
    bytes_transferred: 2_000_000,
    result: createHash('sha256').update(Buffer.alloc(2_000_000)).digest('hex'),
  });
});
