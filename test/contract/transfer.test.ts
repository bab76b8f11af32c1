import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Result } from '../../src/core/failure.ts';
import type { Hosts } from '../../src/core/hosts.ts';
import { parsePlace } from '../../src/core/transfer/place.ts';
import { transfer, type TransferProgress, type TransferReport } from '../../src/core/transfer/transfer.ts';
import { createHosts } from '../../src/executors/host/hosts.ts';
import { systemClock } from '../../src/system/clock.ts';
import { valueOf } from '../support/results.ts';
import { secretsOf } from '../support/docker-pair.ts';
import { hasSshd, type SshServer, startSshd } from '../support/sshd.ts';

/* Copies between machines as `pipewright transfer` and the stage make them; the program itself is tried in test/e2e. */

const NEVER = new AbortController().signal;
const project = mkdtempSync(path.join(tmpdir(), 'pipewright-transfer-'));
afterAll(() => rmSync(project, { recursive: true, force: true }));

const at = (...names: readonly string[]): string => path.join(project, ...names);

function hostsOf(contexts: Parameters<typeof createHosts>[0]['contexts']): Hosts {
  const environment = { ...process.env, HOME: at('login') };
  return createHosts({ contexts, project, environment, secrets: secretsOf({}) });
}

interface Copying {
  readonly hosts: Hosts;
  readonly signal?: AbortSignal;
  readonly onNote?: (line: string) => void;
  readonly onProgress?: (progress: TransferProgress) => void;
}

/** Places as a person writes them; waits between tries are short. */
function copy(
  from: string,
  to: string,
  { hosts, signal = NEVER, ...told }: Copying,
): Promise<Result<TransferReport>> {
  const contexts = ['local', 'box', 'gone'];
  const places = { from: valueOf(parsePlace(from, contexts)), to: valueOf(parsePlace(to, contexts)) };
  const sleep = (ms: number, stop: AbortSignal) => systemClock.sleep(ms / 1000, stop);
  return transfer({ hosts, clock: { ...systemClock, sleep } }, { ...places, ...told }, signal);
}

const reported = (message: RegExp | string) => ({
  ok: false,
  failure: { reason: 'reported', message: expect.stringMatching(message) },
});

describe('on this machine', () => {
  const hosts = hostsOf({});
  afterAll(() => hosts.close());

  test('like cp -r: into a folder under its name, onto a file, and the contents of "."', async () => {
    writeFileSync(at('one'), '1');
    mkdirSync(at('into'));
    expect(valueOf(await copy('one', 'into', { hosts }))).toMatchObject({
      to: 'into/one',
      files: 1,
      bytes: 1,
    });
    expect(valueOf(await copy('one', 'new/', { hosts }))).toMatchObject({ to: 'new/one' });
    writeFileSync(at('target'), 'before');
    expect(valueOf(await copy('one', 'target', { hosts }))).toMatchObject({ to: 'target' });
    expect(readFileSync(at('target'), 'utf8')).toBe('1');
    expect(valueOf(await copy('into/.', 'contents/', { hosts }))).toMatchObject({ to: 'contents', files: 1 });
    expect(readFileSync(at('contents/one'), 'utf8')).toBe('1');
  });

  test('a folder arrives whole, with its links, and progress counts up to all of it', async () => {
    mkdirSync(at('tree/deep/empty'), { recursive: true });
    for (const name of ['a', 'deep/b', 'deep/c']) writeFileSync(at('tree', name), name.repeat(10));
    symlinkSync('deep/b', at('tree/link'));
    symlinkSync('../a.b.\nc\n', at('tree/deep/odd'));
    execFileSync('mkfifo', [at('tree/pipe')]);
    const seen: TransferProgress[] = [];
    const report = valueOf(await copy('tree', 'copy', { hosts, onProgress: (now) => void seen.push(now) }));
    expect(report).toMatchObject({ files: 3, folders: 3, links: 2, bytes: 130, skipped: ['pipe'] });
    expect(seen.at(-1)).toEqual({ done_bytes: 130, total_bytes: 130, files_done: 3, files: 3 });
    rmSync(at('tree/pipe'));
    execFileSync('diff', ['-r', '--no-dereference', at('tree'), at('copy')]);
    // A second time over what is there, where somebody has put a link in the place of a folder.
    rmSync(at('copy/deep'), { recursive: true });
    mkdirSync(at('elsewhere'));
    symlinkSync('../elsewhere', at('copy/deep'));
    // `copy` is a folder by now, so its contents are named.
    valueOf(await copy('tree/.', 'copy', { hosts }));
    execFileSync('diff', ['-r', '--no-dereference', at('tree'), at('copy')]);
    expect(existsSync(at('elsewhere/b'))).toBe(false);
  });

  test('a tilde is the home folder, as a shell has it, and never a folder of that name', async () => {
    mkdirSync(at('login/in'), { recursive: true });
    writeFileSync(at('login/in/f'), 'home');
    symlinkSync('f', at('login/in/l'));
    expect(valueOf(await copy('~/in/f', '~/', { hosts }))).toMatchObject({ to: '~/f' });
    expect(readFileSync(at('login/f'), 'utf8')).toBe('home');
    expect(valueOf(await copy('local:~/in', '~/deep/er/', { hosts }))).toMatchObject({ files: 1, links: 1 });
    execFileSync('diff', ['-r', '--no-dereference', at('login/in'), at('login/deep/er/in')]);
    expect(valueOf(await copy('~', 'whole', { hosts }))).toMatchObject({ files: 3, folders: 5 });
    expect(existsSync(at('~'))).toBe(false);
  });

  test('what cannot be copied is said in one sentence, and nothing is put in its place', async () => {
    writeFileSync(at('file'), 'x');
    mkdirSync(at('folder'), { recursive: true });
    expect(await copy('nowhere', 'x', { hosts })).toMatchObject(reported(/^nowhere: there is no such file/));
    expect(await copy('folder', 'file', { hosts })).toMatchObject(reported(/^file is a file, not a folder$/));
    expect(await copy('file', 'file/', { hosts })).toMatchObject(reported(/is a file, not a folder$/));
    mkdirSync(at('linked'));
    symlinkSync('x', at('linked/l'));
    mkdirSync(at('kept/linked/l/inside'), { recursive: true });
    expect(await copy('linked', 'kept', { hosts })).toMatchObject(reported(/linked\/l is a folder$/));
    expect(existsSync(at('kept/linked/l/inside'))).toBe(true);
    expect(await copy('folder', 'file/below', { hosts })).toMatchObject(
      reported(/^local: .*(Not a directory|File exists)/),
    );
    writeFileSync(at('folder/blocked'), 'x');
    mkdirSync(at('wall/folder/blocked'), { recursive: true });
    expect(await copy('folder', 'wall', { hosts })).toMatchObject({ ok: false });
    mkdirSync(at('names'));
    writeFileSync(Buffer.concat([Buffer.from(`${at('names')}/`), Buffer.from([0xff, 0x31])]), 'x');
    expect(await copy('names', 'never', { hosts })).toMatchObject(
      reported(/^1 name\(s\) on local are not UTF-8 and cannot be copied/),
    );
    expect(existsSync(at('never'))).toBe(false);
  });
});

describe.skipIf(!hasSshd())('over ssh', () => {
  let server: SshServer;
  beforeAll(async () => {
    server = await startSshd();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test('there and back, by a path in the login folder; what is there is not sent again', async () => {
    const hosts = hostsOf({ box: server.context() });
    const name = `pipewright-transfer-${server.port}`;
    try {
      mkdirSync(at('out'));
      writeFileSync(at('out/x'), 'y'.repeat(100_000));
      symlinkSync('x', at('out/l'));
      expect(valueOf(await copy('out', `box:~/${name}`, { hosts }))).toMatchObject({ resumed_bytes: 0 });
      expect(valueOf(await copy('out/.', `box:~/${name}`, { hosts }))).toMatchObject({
        resumed_bytes: 100_000,
      });
      expect(valueOf(await copy(`box:~/${name}`, 'back', { hosts }))).toMatchObject({ files: 1, links: 1 });
      expect(readFileSync(at('back/x'), 'utf8')).toBe('y'.repeat(100_000));
      expect(readlinkSync(at('back/l'))).toBe('x');
      writeFileSync(at(`${name}-file`), 'x');
      expect(valueOf(await copy(`${name}-file`, 'box:~', { hosts }))).toMatchObject({
        to: `box:~/${name}-file`,
      });
      expect(readFileSync(path.join(server.home, `${name}-file`), 'utf8')).toBe('x');
    } finally {
      rmSync(path.join(server.home, name), { recursive: true, force: true });
      rmSync(path.join(server.home, `${name}-file`), { force: true });
      await hosts.close();
    }
  });

  test('a folder that may not be read is said with what the host says', async ({ skip }) => {
    if (server.user === 'root') skip('NOT TESTED: root may read everything (test/services/install)');
    const hosts = hostsOf({ box: server.context() });
    const folder = server.makeFolder('closed');
    mkdirSync(`${folder}/secret`, { mode: 0o700 });
    expect(await copy(`box:${folder}/secret`, 'secret', { hosts })).toMatchObject(
      reported(/^box:.*\/secret cannot be listed: .*(Permission denied|can't cd to)/),
    );
    await hosts.close();
  });

  test('a host that stays away is tried five times, and each try is said', async () => {
    const hosts = hostsOf({ gone: server.context({ port: 1 }) });
    const notes: string[] = [];
    const onNote = (line: string) => void notes.push(line);
    writeFileSync(at('parcel'), 'x');
    expect(await copy('parcel', 'gone:/tmp/x', { hosts, onNote })).toMatchObject({
      ok: false,
      failure: { reason: 'executor-unreachable' },
    });
    expect(notes.map((line) => /attempt \d of 5 in \d+ s$/.exec(line)?.[0])).toEqual([
      'attempt 2 of 5 in 1 s',
      'attempt 3 of 5 in 2 s',
      'attempt 4 of 5 in 4 s',
      'attempt 5 of 5 in 8 s',
    ]);
    await hosts.close();
  });
});
