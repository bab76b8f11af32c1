import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Result } from '../../src/core/failure.ts';
import type { HostOutcome } from '../../src/core/hosts.ts';
import type { SshSettings } from '../../src/core/settings/contexts.ts';
import { createHosts } from '../../src/executors/host/hosts.ts';
import { contextOf, hasSshd, type SshServer, startSshd } from '../support/sshd.ts';

const forever = new AbortController().signal;
/** What a command over ssh reads about its connection: address and port of both sides. */
const WHERE = { script: 'echo $SSH_CONNECTION' };

describe.skipIf(!hasSshd())('ways to a host', () => {
  let bastion: SshServer;
  let inner: SshServer;
  let closed: SshServer;
  let here = '';
  beforeAll(async () => {
    [bastion, inner, closed] = await Promise.all([
      startSshd(),
      startSshd(),
      startSshd({ config: ['AllowTcpForwarding no'] }),
    ]);
    here = mkdtempSync(path.join(tmpdir(), 'pipewright-ways-'));
  });
  afterAll(async () => {
    for (const server of [bastion, inner, closed]) await server[Symbol.asyncDispose]();
    rmSync(here, { recursive: true });
  });

  const open = (contexts: Record<string, SshSettings>): ReturnType<typeof createHosts> =>
    createHosts({
      contexts,
      project: here,
      environment: { HOME: here, PATH: process.env['PATH'] },
      secrets: { resolve: async () => ({ ok: true, value: '' }) },
    });

  async function runIn(contexts: Record<string, SshSettings>, name = 'box'): Promise<Result<HostOutcome>> {
    const hosts = open(contexts);
    try {
      const host = await hosts.open(name);
      return host.ok ? await host.value.exec(WHERE, forever) : host;
    } finally {
      await hosts.close();
    }
  }

  /** Port of the server that the command ran behind. */
  const portOf = (ran: Result<HostOutcome>): number =>
    ran.ok ? Number(ran.value.stdout.trim().split(' ')[3]) : Number.NaN;

  const detailOf = (ran: Result<HostOutcome>): string =>
    ran.ok ? ran.value.stdout : 'detail' in ran.failure ? ran.failure.detail : JSON.stringify(ran.failure);

  /** An OpenSSH configuration in the project. */
  function config(name: string, text: string): string {
    writeFileSync(path.join(here, name), text);
    return name;
  }

  const hostBlock = (alias: string, { port, user, identityFile, knownHosts }: SshServer, more = ''): string =>
    `Host ${alias}\n  HostName 127.0.0.1\n  Port ${port}\n  User ${user}\n  IdentityFile ${identityFile}\n` +
    `  UserKnownHostsFile ${knownHosts}\n${more}\n`;

  test('through another context, which must lead there', async () => {
    const ran = await runIn({ gate: bastion.context(), box: inner.context({ jump: 'gate' }) });
    expect(portOf(ran)).toBe(inner.port);
    const refused = await runIn({ gate: closed.context(), box: inner.context({ jump: 'gate' }) });
    expect(detailOf(refused)).toMatch(
      /does not lead to 127\.0\.0\.1:\d+ \(AllowTcpForwarding of its sshd\?\)/,
    );
  });

  test('a link that breaks on its way is made again, all of it', async () => {
    const hosts = open({ gate: bastion.context(), box: inner.context({ jump: 'gate' }) });
    try {
      const host = await hosts.open('box');
      if (!host.ok) throw new Error(JSON.stringify(host.failure));
      expect(portOf(await host.value.exec(WHERE, forever))).toBe(inner.port);
      expect(bastion.killSessions()).toBeGreaterThan(0);
      await expect.poll(async () => portOf(await host.value.exec(WHERE, forever))).toBe(inner.port);
    } finally {
      await hosts.close();
    }
  });

  test('the key of the host behind is judged by its own name, not by that of the one before it', async () => {
    const stranger = { known_hosts: bastion.knownHosts, jump: 'gate' };
    const ran = await runIn({ gate: bastion.context(), box: inner.context(stranger) });
    expect(detailOf(ran)).toContain(`the key of 127.0.0.1:${inner.port} is not in ${bastion.knownHosts}`);
  });

  test('a name of the OpenSSH configuration has address, port, user, key and known hosts from there', async () => {
    const ssh_config = config('simple', hostBlock('build-*', inner));
    const ran = await runIn({ box: contextOf({ type: 'ssh', host: 'build-7', ssh_config }) });
    expect(portOf(ran)).toBe(inner.port);
  });

  test('ProxyJump goes through hosts that have entries of their own', async () => {
    const ssh_config = config(
      'jumps',
      `${hostBlock('gate', bastion)}${hostBlock('box', inner)}Host *\n  ProxyJump gate\n`,
    );
    const box = contextOf({ type: 'ssh', host: 'box', ssh_config });
    expect(portOf(await runIn({ box }))).toBe(inner.port);
    const through = config('shut', hostBlock('shut', closed) + hostBlock('box', inner, `  ProxyJump shut`));
    expect(
      detailOf(await runIn({ box: contextOf({ type: 'ssh', host: 'box', ssh_config: through }) })),
    ).toContain(`127.0.0.1:${closed.port} does not lead to 127.0.0.1:${inner.port}`);
  });

  test('what the context says goes over the configuration', async () => {
    const ssh_config = config('over', `Host box\n  User nobody-there\n${hostBlock('box', inner)}`);
    const { user } = inner;
    const ran = await runIn({ box: contextOf({ type: 'ssh', host: 'box', user, ssh_config }) });
    expect(portOf(ran)).toBe(inner.port);
  });

  test('HostKeyAlias is the name that known_hosts is asked for', async () => {
    const known = path.join(here, 'alias_hosts');
    writeFileSync(known, `the-alias ${inner.hostKeys[0]}\n`);
    const ssh_config = config(
      'alias',
      hostBlock('box', { ...inner, knownHosts: known }, '  HostKeyAlias the-alias'),
    );
    expect(portOf(await runIn({ box: contextOf({ type: 'ssh', host: 'box', ssh_config }) }))).toBe(
      inner.port,
    );
  });

  test.each([
    ['a ProxyCommand', 'Host box\n  ProxyCommand touch ran\n', 'ProxyCommand, which is not run'],
    ['a mistake', 'Host box\n  NoSuchWord yes\n', 'cannot be used, says ssh: '],
    [
      'a circle',
      'Host box\n  ProxyJump other\nHost other\n  ProxyJump box\n',
      'leads through more than 8 hosts',
    ],
  ])('%s in the configuration is refused with the reason', async (what, text, reason) => {
    const ssh_config = config(`bad ${what}`, text);
    expect(detailOf(await runIn({ box: contextOf({ type: 'ssh', host: 'box', ssh_config }) }))).toContain(
      reason,
    );
  });

  test('a configuration that is not there is refused with its name', async () => {
    const ran = await runIn({ box: contextOf({ type: 'ssh', host: 'box', ssh_config: 'nowhere' }) });
    expect(detailOf(ran)).toContain(`${path.join(here, 'nowhere')} cannot be used`);
  });
});
