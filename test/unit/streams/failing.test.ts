import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isGroupAlive, type StreamRig, streamRig, until } from './rig.ts';

const SOURCE = { name: 'source', command: 'yes', output: 'stream' };
const tee = (branches: readonly object[], more: object = {}): object => ({
  name: 'split',
  type: 'tee',
  branches,
  ...more,
});
const leftIn = (rig: StreamRig): readonly string[] => rig.names();

test('a failed source leaves no file, and the failure names it with its last words', async () => {
  using rig = streamRig();
  const { failure } = await rig.run([
    { name: 'source', command: 'echo data; echo disk on fire >&2; exit 3', output: 'stream' },
    tee([
      { name: 'copy', command: 'cat > copy' },
      { name: 'packed', command: 'gzip > copy.gz' },
    ]),
  ]);
  expect(failure).toEqual({
    reason: 'exit-non-zero',
    exit_code: 3,
    step: 'source',
    tail: ['disk on fire'],
  });
  expect(leftIn(rig)).toEqual([]);
});

test('what reads from a source that fails never sees a clean end', async () => {
  using rig = streamRig();
  const { failure } = await rig.run([
    { name: 'source', command: 'echo data; exit 3', output: 'stream' },
    tee([{ name: 'careless', command: 'cat >/dev/null; echo complete | tee done' }]),
  ]);
  expect(failure).toMatchObject({ step: 'source' });
  expect(leftIn(rig)).toEqual([]);
});

test('a failed step in the middle of a chain is named, not what ended because of it', async () => {
  using rig = streamRig();
  const { failure } = await rig.run([
    SOURCE,
    { name: 'middle', command: 'head -c 5 >/dev/null; exit 4', input: 'pipe', output: 'stream' },
    { name: 'save', command: 'cat > out', input: 'pipe' },
  ]);
  expect(failure).toMatchObject({ reason: 'exit-non-zero', exit_code: 4, step: 'middle' });
  expect(leftIn(rig)).toEqual([]);
});

test('a source that is cut off because its reader had enough has not failed', async () => {
  using rig = streamRig();
  const { failure, outputs, streams } = await rig.run([
    SOURCE,
    { name: 'first', command: 'head -n 1', input: 'pipe', output: 'variable:first' },
  ]);
  expect(failure).toBeUndefined();
  expect(outputs['first']).toBe('y');
  expect(streams).toHaveLength(1);
});

test('a branch that ends early with 0 is told and leaves the others whole', async () => {
  using rig = streamRig();
  const { failure, outputs, streams } = await rig.run([
    { name: 'source', command: 'head -c 5000000 /dev/zero', output: 'stream' },
    tee([
      { name: 'none', command: 'true' },
      { name: 'some', command: 'head -c 10 | wc -c', output: 'variable:some' },
      { name: 'all', command: 'wc -c', output: 'variable:all' },
    ]),
  ]);
  expect(failure).toBeUndefined();
  expect(outputs).toMatchObject({ some: '10', all: '5000000' });
  expect(streams[1]?.branches).toMatchObject([
    { name: 'none', ended_early: true },
    { name: 'some', ended_early: true },
    { name: 'all', bytes_transferred: 5_000_000 },
  ]);
});

test('when every branch has had enough the source is ended too', async () => {
  using rig = streamRig();
  const { failure, outputs } = await rig.run([
    SOURCE,
    tee([
      { name: 'one', command: 'head -n 1', output: 'variable:one' },
      { name: 'two', command: 'head -n 2', output: 'variable:two' },
    ]),
  ]);
  expect(failure).toBeUndefined();
  expect(outputs).toMatchObject({ one: 'y', two: 'y\ny' });
});

test('a failed branch stops everything by default, and no file appears', async () => {
  using rig = streamRig();
  const { failure, tookMs } = await rig.run([
    SOURCE,
    tee([
      { name: 'copy', command: 'cat > copy' },
      { name: 'broken', command: 'head -c 100 >/dev/null; echo no key >&2; exit 2' },
    ]),
  ]);
  expect(failure).toMatchObject({ exit_code: 2, step: 'split/broken', tail: ['no key'] });
  expect(leftIn(rig)).toEqual([]);
  expect(tookMs).toBeLessThan(5000);
});

test('with on_branch_failure: continue the other branches are finished and the failed one is a warning', async () => {
  using rig = streamRig();
  const { failure, warnings, streams } = await rig.run([
    { name: 'source', command: 'head -c 1000000 /dev/zero', output: 'stream' },
    tee(
      [
        { name: 'copy', command: 'cat > copy' },
        {
          name: 'chain',
          steps: [
            { name: 'pack', command: 'gzip', output: 'stream' },
            { name: 'lock', command: 'cat >/dev/null; exit 2', input: 'pipe', output: 'file:locked' },
          ],
        },
      ],
      { on_branch_failure: 'continue' },
    ),
  ]);
  expect(failure).toBeUndefined();
  expect(warnings).toEqual(['split/chain/lock: exited with 2; the other branches went on']);
  expect(leftIn(rig)).toEqual(['copy']);
  expect(streams[1]?.branches).toMatchObject([
    { name: 'copy', status: 'passed', bytes_transferred: 1_000_000 },
    { name: 'chain', status: 'failed', exit_code: 2, failure: 'exited with 2' },
  ]);
});

test('when every branch of a tee that goes on has failed, the stage has failed', async () => {
  using rig = streamRig();
  const { failure } = await rig.run([
    SOURCE,
    tee([{ name: 'only', command: 'exit 6' }], { on_branch_failure: 'continue' }),
  ]);
  expect(failure).toMatchObject({ reason: 'exit-non-zero', exit_code: 6, step: 'split/only' });
});

test('a missing command is told by the name of its step', async () => {
  using rig = streamRig();
  const { failure } = await rig.run([
    { name: 'source', command: 'echo data', output: 'stream' },
    tee([{ name: 'secret', command: 'no-such-program --encrypt' }]),
  ]);
  expect(failure).toMatchObject({ reason: 'command-not-found', step: 'split/secret' });
});

test('a checksum that does not match keeps the file from appearing', async () => {
  using rig = streamRig();
  const { failure } = await rig.run([
    { name: 'source', command: 'printf abc', output: 'stream' },
    tee([
      { name: 'check', uses: 'checksum', algorithm: 'md5', expect: '0'.repeat(32) },
      { name: 'copy', uses: 'file', path: 'copy' },
    ]),
  ]);
  expect(failure).toEqual({
    reason: 'reported',
    retryable: true,
    message: `split/check: md5 is 900150983cd24fb0d6963f7d28e17f72, expected ${'0'.repeat(32)}: these are not the expected data`,
  });
  expect(leftIn(rig)).toEqual([]);
});

test('the file of an earlier run stays as it was when the new one fails', async () => {
  using rig = streamRig();
  writeFileSync(rig.file('copy'), 'old');
  await rig.run([
    { name: 'source', command: 'echo new; exit 1', output: 'stream' },
    { name: 'save', command: 'cat > copy', input: 'pipe' },
  ]);
  expect(rig.read('copy')).toBe('old');
  expect(leftIn(rig)).toEqual(['copy']);
});

test('data that are no gzip are one sentence', async () => {
  using rig = streamRig();
  const { failure } = await rig.run([
    { name: 'source', command: 'echo plain text', output: 'stream' },
    { name: 'open', uses: 'gunzip', input: 'pipe', output: 'file:out' },
  ]);
  expect(failure).toMatchObject({
    reason: 'reported',
    message: 'open: gunzip cannot read its input: incorrect header check',
  });
  expect(leftIn(rig)).toEqual([]);
});

test.each([
  ['missing/out', 'its folder does not exist'],
  ['plain/out', 'a part of its path is a file, not a folder'],
  ['folder', 'there is a folder of that name'],
])('a file that cannot be written to %s fails before anything is started: %s', async (target, why) => {
  using rig = streamRig();
  writeFileSync(rig.file('plain'), '');
  mkdirSync(rig.file('folder'));
  const { failure } = await rig.run([
    { name: 'source', command: 'touch started; echo data', output: 'stream' },
    { name: 'save', command: `cat > ${target}`, input: 'pipe' },
  ]);
  expect(failure).toEqual({
    reason: 'reported',
    retryable: false,
    message: `save: cannot write ${rig.file(target)}: ${why}`,
  });
  expect(leftIn(rig)).toEqual(['folder', 'plain']);
});

test.skipIf(process.getuid?.() !== 0 || process.platform !== 'linux')(
  'a full disk is said in one sentence and nothing is left on it',
  async () => {
    using rig = streamRig();
    mkdirSync(rig.file('disk'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', rig.file('disk')], { stdio: 'ignore' });
    } catch {
      return;
    }
    try {
      const source = { name: 'source', command: 'head -c 3000000 /dev/urandom', output: 'stream' };
      const ours = await rig.run([source, tee([{ name: 'copy', uses: 'file', path: 'disk/copy' }])]);
      expect(ours.failure).toMatchObject({
        message: `split/copy: cannot write ${rig.file('disk/copy')}: the disk is full`,
      });
      const theirs = await rig.run([source, { name: 'pack', command: 'gzip > disk/copy', input: 'pipe' }]);
      expect(theirs.failure).toMatchObject({
        message: expect.stringContaining(`; the disk that holds ${rig.file('disk/copy')} is full`),
      });
      expect(readdirSync(rig.file('disk'))).toEqual([]);
    } finally {
      execFileSync('umount', [rig.file('disk')]);
    }
  },
);

test('a variable that would hold more than 64 KiB is refused', async () => {
  using rig = streamRig();
  const { failure } = await rig.run([{ ...SOURCE, output: 'variable:much' }]);
  expect(failure).toMatchObject({
    message: 'source: printed more than the 65536 bytes that a variable holds',
  });
});

test('cancelling ends every process of the graph and removes what was unfinished', async () => {
  using rig = streamRig();
  let leader = 0;
  const { failure } = await rig.run(
    [
      SOURCE,
      tee([
        { name: 'copy', command: 'cat > copy' },
        { name: 'stubborn', command: 'trap "" TERM; cat >/dev/null; sleep 60' },
        {
          name: 'chain',
          steps: [
            { command: 'cat', output: 'stream' },
            { command: 'sleep 60; cat', input: 'pipe' },
          ],
        },
      ]),
    ],
    {
      started: (pid) => {
        leader = pid;
        const timer = setInterval(() => {
          if (!rig.names().some((name) => name.startsWith('.copy'))) return;
          clearInterval(timer);
          process.kill(-pid, 'SIGTERM');
        }, 20);
      },
    },
  );
  expect(failure).toMatchObject({ reason: 'exit-non-zero', exit_code: 143 });
  await until(() => !isGroupAlive(leader));
  expect(leftIn(rig)).toEqual([]);
});

test('values are data: quotes, newlines and commands in them reach the programs as they are', async () => {
  using rig = streamRig();
  const value = `a'b"c$(touch hacked)\n;touch hacked`;
  const { failure, outputs } = await rig.run(
    [
      { name: 'say', command: 'printf %s {{.value}}', output: 'stream' },
      { name: 'save', command: 'cat > {{.file}}', input: 'pipe' },
      { name: 'read', command: 'cat -- {{.file}}', output: 'variable:back' },
    ],
    { variables: { value, file: '-odd; name' } },
  );
  expect(failure).toBeUndefined();
  expect(outputs['back']).toBe(value);
  expect(leftIn(rig)).toEqual(['-odd; name']);
});

test('a value that is not there is refused with the name of its step', async () => {
  using rig = streamRig();
  const { failure } = await rig.run([{ name: 'say', command: 'echo {{.nothing}}' }]);
  expect(failure).toMatchObject({
    reason: 'template-refused',
    detail: expect.stringMatching(/^say: \{\{\.nothing\}\} is not there/),
  });
});

test('a link is followed, and the file it points at keeps its mode', async () => {
  using rig = streamRig();
  execFileSync('sh', ['-c', 'echo old > real; chmod 640 real; ln -s real link'], { cwd: rig.folder });
  const { failure } = await rig.run([{ name: 'say', command: 'echo new', output: 'file:link' }]);
  expect(failure).toBeUndefined();
  expect(execFileSync('stat', ['-c', '%a %F', 'real'], { cwd: rig.folder, encoding: 'utf8' })).toBe(
    '640 regular file\n',
  );
  expect(rig.read('link')).toBe('new\n');
  expect(leftIn(rig)).toEqual(['link', 'real']);
});
