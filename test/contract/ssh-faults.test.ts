import { spawn, execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Failure } from '../../src/core/failure.ts';
import type { Host } from '../../src/core/hosts.ts';
import type { SshSettings } from '../../src/core/settings/contexts.ts';
import { createHosts } from '../../src/executors/host/hosts.ts';
import { startProxy } from '../support/proxy.ts';
import { contextOf, hasSshd, type SshServer, startSshd } from '../support/sshd.ts';

const forever = new AbortController().signal;

describe.skipIf(!hasSshd())('a host behind ssh that goes wrong', () => {
  let server: SshServer;
  let here = '';
  beforeAll(async () => {
    server = await startSshd({ keyTypes: ['ed25519', 'ecdsa', 'rsa'] });
    here = mkdtempSync(path.join(tmpdir(), 'pipewright-faults-'));
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(here, { recursive: true });
  });

  /** A host for these settings alone. */
  async function withHost<T>(
    box: SshSettings,
    work: (host: Host) => Promise<T>,
    environment: Record<string, string> = {},
  ): Promise<T> {
    const hosts = createHosts({
      contexts: { box },
      project: here,
      environment: { HOME: here, ...environment },
      secrets: {
        resolve: async (_name, reference) => ({ ok: true, value: environment[reference.slice(4)] ?? '' }),
      },
    });
    try {
      const opened = await hosts.open('box');
      if (!opened.ok) throw new Error(JSON.stringify(opened.failure));
      return await work(opened.value);
    } finally {
      await hosts.close();
    }
  }
  const tryTrue = (box: SshSettings, environment?: Record<string, string>): Promise<Failure | undefined> =>
    withHost(
      box,
      async (host) => {
        const done = await host.exec({ script: 'true' }, forever);
        return done.ok ? undefined : done.failure;
      },
      environment,
    );
  const knownHosts = (text: string): string => {
    const file = path.join(here, `known-${randomBytes(4).toString('hex')}`);
    writeFileSync(file, text);
    return file;
  };

  test('an unknown host is refused with its key and how to add it', async () => {
    const file = knownHosts('# nothing\nexample.com ssh-ed25519 AAAA\n');
    const failure = await tryTrue(server.context({ known_hosts: file }));
    expect(failure).toMatchObject({
      reason: 'authentication',
      detail: expect.stringMatching(/SHA256:.*ssh-keyscan -p \d+ 127\.0\.0\.1 >> /),
    });
    expect(await tryTrue(server.context({ known_hosts: path.join(here, 'none') }))).toMatchObject({
      reason: 'authentication',
    });
  });

  test('what the sentence says to do makes the host known', async () => {
    const file = knownHosts(
      execFileSync('ssh-keyscan', ['-p', String(server.port), '127.0.0.1'], {
        stdio: ['ignore', 'pipe', 'ignore'],
      }).toString(),
    );
    expect(await tryTrue(server.context({ known_hosts: file }))).toBeUndefined();
    execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' });
    expect(readFileSync(file, 'utf8')).toMatch(/^\|1\|/m);
    expect(await tryTrue(server.context({ known_hosts: file }))).toBeUndefined();
  });

  test('any one of several keys is enough, whatever its type', async () => {
    for (const key of server.hostKeys) {
      const file = knownHosts(`[127.0.0.1]:${server.port} ${key}\n`);
      expect(await tryTrue(server.context({ known_hosts: file }))).toBeUndefined();
    }
  });

  test('a changed and a revoked key are refused, the line is named', async () => {
    const other = readFileSync(path.join(server.folder, 'user.pub'), 'utf8');
    const changed = knownHosts(`\n[127.0.0.1]:${server.port} ${other}`);
    expect(await tryTrue(server.context({ known_hosts: changed }))).toMatchObject({
      reason: 'authentication',
      detail: expect.stringMatching(/not the one in line 2 .*ssh-keygen -R '\[127\.0\.0\.1\]:\d+'/),
    });
    const lines = server.hostKeys.map((key) => `[127.0.0.1]:${server.port} ${key}\n`).join('');
    const revoked = knownHosts(`${lines}@revoked * ${server.hostKeys[0]}\n`);
    expect(await tryTrue(server.context({ known_hosts: revoked }))).toMatchObject({
      reason: 'authentication',
      detail: expect.stringContaining('line 4'),
    });
  });

  test('a key that the host does not know, cannot be read or needs a passphrase is an authentication failure', async () => {
    const key = path.join(here, 'other');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'open sesame', '-f', key]);
    const wrong = path.join(here, 'wrong');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', wrong]);
    const cases: readonly (readonly [object, RegExp])[] = [
      [{ identity_file: wrong }, /does not let .* in with key/],
      [{ identity_file: path.join(here, 'none') }, /cannot be read: ENOENT/],
      [{ identity_file: key }, /cannot be used: .*passphrase/i],
      [{ identity_file: `${wrong}.pub` }, /it is a public key/],
      [{ identity_file: undefined }, /no key was found/],
      [{ identity_file: key, passphrase: 'env:WRONG' }, /cannot be used with its passphrase/],
    ];
    for (const [change, detail] of cases) {
      expect(await tryTrue(server.context(change), { WRONG: 'sesame' })).toMatchObject({
        reason: 'authentication',
        detail: expect.stringMatching(detail),
      });
    }
  });

  test('a key with a passphrase, the usual file of ~/.ssh and the agent let us in', async () => {
    const locked = path.join(here, 'locked');
    writeFileSync(locked, readFileSync(server.identityFile), { mode: 0o600 });
    execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'open sesame', '-f', locked], {
      stdio: 'ignore',
    });
    const context = server.context({ identity_file: locked, passphrase: 'env:SESAME' });
    expect(await tryTrue(context, { SESAME: 'open sesame' })).toBeUndefined();

    const home = mkdtempSync(path.join(here, 'home-'));
    execFileSync('mkdir', ['-p', path.join(home, '.ssh')]);
    writeFileSync(path.join(home, '.ssh/id_ed25519'), readFileSync(server.identityFile), { mode: 0o600 });
    expect(await tryTrue(server.context({ identity_file: undefined }), { HOME: home })).toBeUndefined();

    const socket = path.join(here, 'agent.sock');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    try {
      await expect.poll(() => existsSync(socket)).toBe(true);
      execFileSync('ssh-add', ['-q', server.identityFile], {
        env: { ...process.env, SSH_AUTH_SOCK: socket },
        stdio: 'ignore',
      });
      const byAgent = server.context({ identity_file: undefined, agent: true });
      expect(await tryTrue(byAgent, { SSH_AUTH_SOCK: socket })).toBeUndefined();
      expect(await tryTrue(byAgent, { SSH_AUTH_SOCK: '/no/such/socket' })).toMatchObject({
        reason: 'authentication',
      });
    } finally {
      agent.kill();
    }
  });

  test('a port where nobody listens, or somebody who is no ssh server, is unreachable', async () => {
    await using silent = await startProxy(1);
    const cases = [{ port: 1 }, { host: 'no-such-host.invalid' }, { port: silent.port }];
    for (const change of cases) {
      expect(await tryTrue(server.context(change))).toMatchObject({ reason: 'executor-unreachable' });
    }
  });

  test('a server that says nothing is given up after connect_timeout', async () => {
    await using proxy = await startProxy(server.port, { delayMs: 60_000 });
    const context = server.context({ port: proxy.port, connect_timeout: '500ms' });
    expect(await tryTrue(context)).toMatchObject({
      reason: 'executor-unreachable',
      detail: expect.stringContaining('no login within 0.5 s'),
    });
  });

  test('after three failures in a row nobody knocks for a while, and it is said why', async () => {
    await withHost(server.context({ port: 1 }), async (host) => {
      for (let tries = 0; tries < 3; tries += 1) {
        expect(await host.exec({ script: 'true' }, forever)).toMatchObject({
          failure: { detail: expect.stringContaining('ECONNREFUSED') },
        });
      }
      expect(await host.exec({ script: 'true' }, forever)).toMatchObject({
        failure: {
          reason: 'executor-unreachable',
          detail: expect.stringMatching(
            /failed 3 times in a row, so it is left alone for \d+ s more; last: .*ECONNREFUSED/,
          ),
        },
      });
    });
  });

  test('more commands than the server has sessions for wait instead of failing', async () => {
    await using small = await startSshd({ config: ['MaxSessions 2'] });
    await withHost(small.context({ max_sessions: 8 }), async (host) => {
      const done = await Promise.all(
        Array.from({ length: 20 }, (_, i) => host.exec({ script: `exit ${i}` }, forever)),
      );
      expect(done.map((each) => each.ok && each.value.exit_code)).toEqual(done.map((_, i) => i));
    });
  });

  test('copies side by side end, however few sessions there are', async () => {
    writeFileSync(path.join(here, 'each'), randomBytes(9_000_000));
    const folder = server.makeFolder('many');
    for (const max of [1, 2, 3]) {
      await withHost(server.context({ max_sessions: max }), async (host) => {
        const done = await Promise.all(
          Array.from({ length: 6 }, (_, i) =>
            host.upload({ local: path.join(here, 'each'), remote: `${folder}/${max}-${i}` }, forever),
          ),
        );
        expect(done.every(({ ok }) => ok)).toBe(true);
      });
    }
  });

  test('a command whose connection is cut is a failure, and the next one gets a new connection', async () => {
    await withHost(server.context(), async (host) => {
      const running = host.exec({ script: 'echo began; sleep 300' }, forever);
      await new Promise((resolve) => {
        setTimeout(resolve, 500);
      });
      expect(server.killSessions()).toBeGreaterThan(0);
      expect(await running).toMatchObject({ failure: { reason: 'executor-unreachable' } });
      expect(await host.exec({ script: 'echo again' }, forever)).toMatchObject({
        value: { stdout: 'again\n' },
      });
    });
  });

  test('a half-open link is noticed by its silence', async () => {
    await using proxy = await startProxy(server.port);
    const context = server.context({
      port: proxy.port,
      known_hosts: knownFor(proxy.port),
      keepalive: '200ms',
    });
    await withHost(context, async (host) => {
      const running = host.exec({ script: 'sleep 300' }, forever);
      await host.exec({ script: 'true' }, forever);
      proxy.freeze();
      expect(await running).toMatchObject({ failure: { reason: 'executor-unreachable' } });
      expect(await host.exec({ script: 'true' }, forever)).toMatchObject({ ok: true });
    });
  });

  test('an upload that is cut or falls silent fails, keeps what is there, and goes on', async () => {
    await using proxy = await startProxy(server.port);
    const context = server.context({
      port: proxy.port,
      known_hosts: knownFor(proxy.port),
      keepalive: '200ms',
    });
    const bytes = randomBytes(64_000_000);
    writeFileSync(path.join(here, 'source'), bytes);
    for (const fault of ['cut', 'freeze'] as const) {
      const remote = path.join(server.makeFolder('uploads'), fault);
      await withHost(context, async (host) => {
        let isBroken = false;
        const broken = await host.upload(
          {
            local: path.join(here, 'source'),
            remote,
            onProgress: ({ done_bytes: done }) => {
              if (done < 30_000_000 || isBroken) return;
              isBroken = true;
              proxy[fault]();
            },
          },
          forever,
        );
        expect(broken).toMatchObject({ ok: false, failure: { reason: 'executor-unreachable' } });
        expect(existsSync(remote)).toBe(false);
        const before = proxy.sentBytes();
        const done = await host.upload({ local: path.join(here, 'source'), remote }, forever);
        expect(done).toMatchObject({ ok: true });
        expect(done.ok && done.value.resumed_bytes).toBeGreaterThan(10_000_000);
        expect(proxy.sentBytes() - before).toBeLessThan(64_000_000 - 10_000_000);
        expect(readFileSync(remote).equals(bytes)).toBe(true);
      });
    }
  });

  test('a folder without rights is named', async () => {
    const closed = server.makeFolder('closed');
    chmodSync(closed, 0o555);
    writeFileSync(path.join(here, 'small'), 'x');
    await withHost(server.context(), async (host) => {
      if (server.user === 'root') return;
      expect(
        await host.upload({ local: path.join(here, 'small'), remote: `${closed}/x` }, forever),
      ).toMatchObject({
        failure: { reason: 'reported', message: expect.stringMatching(/Permission denied|cannot create/) },
      });
      expect(await host.writeText(`${closed}/x`, 'x')).toMatchObject({ failure: { reason: 'reported' } });
    });
  });

  test('a server without sha256 tools is read back', async () => {
    // A login folder whose PATH has only what the scripts need.
    const bin = server.makeFolder('bin');
    for (const tool of ['sh', 'cat', 'wc', 'mkdir', 'mv', 'chmod', 'rm', 'dd', 'head']) {
      execFileSync('ln', ['-sf', execFileSync('which', [tool]).toString().trim(), path.join(bin, tool)]);
    }
    await using bare = await startSshd({ config: [`SetEnv PATH=${bin}`] });
    const bytes = randomBytes(9_000_000);
    writeFileSync(path.join(here, 'bare'), bytes);
    await withHost(bare.context(), async (host) => {
      const remote = path.join(bare.makeFolder('there'), 'bare');
      expect(await host.exec({ script: 'command -v sha256sum shasum openssl' }, forever)).toMatchObject({
        value: { stdout: '' },
      });
      expect(await host.upload({ local: path.join(here, 'bare'), remote }, forever)).toMatchObject({
        ok: true,
      });
      expect(readFileSync(remote).equals(bytes)).toBe(true);
      expect(await host.download({ local: path.join(here, 'bare2'), remote }, forever)).toMatchObject({
        ok: true,
      });
      expect(readFileSync(path.join(here, 'bare2')).equals(bytes)).toBe(true);
    });
  });

  test('a context that is not complete is not connected to', () => {
    expect(() => contextOf({ type: 'ssh' })).toThrow('host');
  });

  function knownFor(port: number): string {
    return knownHosts(server.hostKeys.map((key) => `[127.0.0.1]:${port} ${key}\n`).join(''));
  }
});
