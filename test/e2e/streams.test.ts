import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { LAUNCHER, PINNED_NODE, temporaryProject, type TemporaryProject } from '../support/cli.ts';

const sha256 = (data: Buffer | string): string => createHash('sha256').update(data).digest('hex');

function projectWithData(): TemporaryProject {
  const project = temporaryProject();
  mkdirSync(path.join(project.root, 'data'));
  for (let index = 0; index < 50; index += 1) {
    writeFileSync(path.join(project.root, 'data', `f ${index}`), `line ${index}\n`.repeat(2000));
  }
  return project;
}

function has(...programs: readonly string[]): boolean {
  return programs.every((program) => {
    try {
      execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
}

test('compress-files makes an archive that tar and gzip accept', async () => {
  using project = projectWithData();
  const ended = await project.run(['run', 'compress-files', '--source=data', '--archive=data.tgz']);
  expect(ended).toMatchObject({ code: 0 });
  const tool = (program: string, ...args: string[]): string =>
    execFileSync(program, args, { cwd: project.root, encoding: 'utf8' });
  tool('gunzip', '-t', 'data.tgz');
  expect(tool('tar', 'tf', 'data.tgz').trim().split('\n')).toHaveLength(51);
  expect(readdirSync(project.root).toSorted()).toEqual(['data', 'data.tgz', 'pipewright.yaml', 'state']);
});

test('backup-with-verification makes a copy whose checksum sha256sum confirms, and show --json tells the streams', async () => {
  using project = projectWithData();
  const ended = await project.run([
    'run',
    'backup-with-verification',
    '--source=data',
    '--backup_file=b.tgz',
  ]);
  expect(ended).toMatchObject({ code: 0 });
  const shown = await project.json(['show', 'last']);
  const folder = path.join(project.root, 'state', 'runs');
  const [run = ''] = readdirSync(folder);
  const written: unknown = JSON.parse(
    readFileSync(path.join(folder, run, 'artifacts', 'backup-with-verification', 'streams.json'), 'utf8'),
  );
  const tar = execFileSync('gzip', ['-dc', 'b.tgz'], { cwd: project.root, maxBuffer: 1e8 });
  const checksum = sha256(tar);
  execFileSync(
    'sh',
    ['-c', `echo "${checksum}  -" | tee sums >/dev/null; gzip -dc b.tgz | sha256sum -c sums`],
    {
      cwd: project.root,
    },
  );
  const streams = [
    { id: 'str-001', type: 'pipe', from: 'create-tar', to: 'process', bytes_transferred: tar.length },
    {
      id: 'str-002',
      type: 'tee',
      from: 'process',
      branches: [
        { name: 'checksum', result: checksum },
        { name: 'progress', metrics: { total_bytes: tar.length } },
        { name: 'compress-save', file: { path: path.join(project.root, 'b.tgz') } },
      ],
    },
    { id: 'str-003' },
    { id: 'str-004', from: 'read-back', to: 'compare', result: checksum },
  ];
  expect(written).toMatchObject({
    id: `${run}-str`,
    type: 'pipeline-stream',
    pipeline: 'backup-with-verification',
    streams,
  });
  expect(shown).toMatchObject({ stages: [{ kind: 'stream', outputs: { checksum, streams } }] });
});

test.skipIf(!has('gpg', 'gpgconf'))(
  'multi-format-backup writes the same bytes raw, gzipped and encrypted',
  async () => {
    using project = projectWithData();
    // A short path: gpg-agent's socket has a limit.
    const home = mkdtempSync(path.join(os.tmpdir(), 'gpg-'));
    const env = { GNUPGHOME: home };
    const tool = (program: string, ...args: string[]): Buffer =>
      execFileSync(program, args, {
        cwd: project.root,
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    try {
      tool(
        'gpg',
        '--batch',
        '--passphrase',
        '',
        '--quick-generate-key',
        'backup@example.com',
        'rsa2048',
        'encr',
        'never',
      );
      const ended = await project.run(
        [
          'run',
          'multi-format-backup',
          '--command=cat data/*',
          '--name=copy',
          '--recipient=backup@example.com',
        ],
        { env },
      );
      expect(ended).toMatchObject({ code: 0 });
      const raw = readFileSync(path.join(project.root, 'copy'));
      expect(raw.equals(tool('sh', '-c', 'cat data/*'))).toBe(true);
      expect(tool('gunzip', '-c', 'copy.gz').equals(raw)).toBe(true);
      expect(tool('gpg', '--batch', '--decrypt', 'copy.gpg').equals(raw)).toBe(true);
    } finally {
      tool('gpgconf', '--kill', 'gpg-agent');
      rmSync(home, { recursive: true, force: true });
    }
  },
);

test.skipIf(!has('jq'))(
  'transform passes the items of a JSON file through jq, grep, sed and jq',
  async () => {
    using project = temporaryProject();
    const items = [
      { id: 1, state: 'active', label: 'old/one' },
      { id: 2, state: 'idle', label: 'old two' },
      { id: 3, state: 'active', label: 'older & three' },
    ];
    project.write('data.json', JSON.stringify({ items }));
    const ended = await project.run(['run', 'transform', '--input=data.json', '--old=old', '--new=n/e&w']);
    expect(ended.code).toBe(0);
    expect(ended.stdout).toContain('{"id":1,"state":"active","label":"n/e&w/one"}');
    expect(ended.stdout).toContain('{"id":3,"state":"active","label":"n/e&wer & three"}');
    expect(ended.stdout).not.toContain('"id":2');
  },
);

test.skipIf(!has('zstd'))(
  'large-backup writes an archive and a checksum that sha256sum confirms',
  async () => {
    using project = projectWithData();
    const ended = await project.run(['run', 'large-backup', '--source=data', '--archive=big.tar.zst']);
    expect(ended).toMatchObject({ code: 0 });
    execFileSync('sh', ['-c', 'zstd -q -t big.tar.zst && sha256sum -c big.tar.zst.sha256'], {
      cwd: project.root,
      stdio: 'ignore',
    });
  },
);

test('a broken graph is told with file, line and column, and nothing is run', async () => {
  using project = temporaryProject({
    'broken.yaml': `name: broken
steps:
  - name: pack
    command: touch started
    output: stream
  - name: save
    command: cat > out
    input: pakc
`,
  });
  const ended = await project.run(['run', './broken.yaml']);
  expect(ended.code).toBe(2);
  expect(ended.stderr).toContain('broken.yaml:8:12: error:');
  expect(ended.stderr).toContain('there is no stream called pakc');
  expect(ended.stderr).toContain('Did you mean pack?');
  expect(existsSync(path.join(project.root, 'started'))).toBe(false);
});

const SLOW = `name: slow
steps:
  - name: source
    command: "echo $$ > source.pid; n=0; while [ $n -lt 15 ]; do echo line $n; n=$((n+1)); sleep 0.1; done"
    output: stream
  - name: split
    type: tee
    branches:
      - {name: sum, uses: checksum, output: "variable:sum"}
      - {name: copy, command: cat > copy}
`;

function startSlow(project: TemporaryProject): {
  readonly pid: number;
  readonly ended: Promise<number | null>;
} {
  const child = spawn(PINNED_NODE, [LAUNCHER, 'run', 'slow'], { cwd: project.root, stdio: 'ignore' });
  const ended = new Promise<number | null>((resolve) => {
    child.on('exit', (code) => resolve(code));
  });
  return { pid: child.pid ?? 0, ended };
}

async function untilExists(file: string): Promise<void> {
  for (let tries = 0; tries < 3000; tries += 1) {
    if (existsSync(file) && readFileSync(file, 'utf8') !== '') return;
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
  throw new Error(`${file} did not appear`);
}

test('after kill -9 of Pipewright the stream goes on, and continue takes over its result', async () => {
  using project = temporaryProject({ 'pipelines/slow.yaml': SLOW });
  const { pid, ended } = startSlow(project);
  await untilExists(path.join(project.root, 'source.pid'));
  process.kill(pid, 'SIGKILL');
  await ended;
  const source = readFileSync(path.join(project.root, 'source.pid'), 'utf8');
  const continued = await project.run(['continue']);
  expect(continued).toMatchObject({ code: 0 });
  // The same process: it was not started again.
  expect(readFileSync(path.join(project.root, 'source.pid'), 'utf8')).toBe(source);
  const copy = readFileSync(path.join(project.root, 'copy'), 'utf8');
  expect(copy.trim().split('\n')).toHaveLength(15);
  expect(await project.json(['show', 'last'])).toMatchObject({
    status: 'success',
    stages: [{ outputs: { sum: sha256(copy) }, steps: [{ adopted: true }] }],
  });
});

test('Ctrl-C ends every process of the graph and leaves no file', async () => {
  using project = temporaryProject({ 'pipelines/slow.yaml': SLOW });
  const { pid, ended } = startSlow(project);
  await untilExists(path.join(project.root, 'source.pid'));
  const source = Number(readFileSync(path.join(project.root, 'source.pid'), 'utf8'));
  process.kill(pid, 'SIGINT');
  expect(await ended).toBe(130);
  expect(() => process.kill(source, 0)).toThrow('ESRCH');
  expect(readdirSync(project.root).filter((name) => name.includes('copy'))).toEqual([]);
  expect(await project.json(['show', 'last'])).toMatchObject({ status: 'cancelled' });
});
