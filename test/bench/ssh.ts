import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { createHosts } from '../../src/executors/host/hosts.ts';
import { startSshd } from '../support/sshd.ts';
import { type Figure, ratioFigure } from './figure.ts';

const run = promisify(execFile);
const COMMANDS = 20;
const BYTES = 256 * 1024 * 1024;
const forever = new AbortController().signal;

/** Commands and copies over a real sshd on this machine, against the `ssh` and `scp` of OpenSSH. */
export async function ssh(rounds: number): Promise<readonly Figure[]> {
  await using server = await startSshd();
  const hosts = createHosts({
    contexts: { box: server.context() },
    project: server.folder,
    environment: process.env,
    secrets: { resolve: () => Promise.reject(new Error('there are no secrets')) },
  });
  try {
    const host = await hosts.open('box');
    if (!host.ok) throw new Error(JSON.stringify(host.failure));
    const known = `UserKnownHostsFile=${server.knownHosts}`;
    const options = ['-F', 'none', '-i', server.identityFile, '-o', known, '-o', 'IdentitiesOnly=yes'];
    const there = server.makeFolder('there');
    const source = path.join(server.folder, 'source');
    writeFileSync(source, randomBytes(BYTES));
    const to = `${server.user}@127.0.0.1`;
    const remote = path.join(there, 'ours');
    const works = {
      pooled: async () => {
        for (let at = 0; at < COMMANDS; at += 1) await host.value.exec({ script: 'true' }, forever);
      },
      ssh: async () => {
        for (let at = 0; at < COMMANDS; at += 1) {
          await run('ssh', [...options, '-p', String(server.port), to, 'true']);
        }
      },
      upload: async () => {
        const copied = await host.value.upload({ local: source, remote }, forever);
        if (!copied.ok) throw new Error(JSON.stringify(copied.failure));
        rmSync(remote);
      },
      scp: async () => {
        await run('scp', [...options, '-q', '-P', String(server.port), source, `${to}:${there}/theirs`]);
        // What the upload does too: nobody would trust the copy otherwise.
        const sums = await Promise.all([
          run('sha256sum', [source]),
          run('ssh', [...options, '-p', String(server.port), to, `sha256sum ${there}/theirs`]),
        ]);
        if (sums[0].stdout.slice(0, 64) !== sums[1].stdout.slice(0, 64)) throw new Error('scp: not the same');
        rmSync(path.join(there, 'theirs'));
      },
    };
    // The connection is there before the first command: that is what is measured.
    await host.value.exec({ script: 'true' }, forever);
    const times: Record<string, number[]> = { pooled: [], ssh: [], upload: [], scp: [] };
    for (let round = 0; round < rounds; round += 1) {
      for (const [name, work] of Object.entries(works)) {
        const began = performance.now();
        await work();
        times[name]?.push(performance.now() - began);
      }
    }
    return [
      ratioFigure(
        `${COMMANDS} commands on the kept connection: against ssh`,
        times,
        {
          subject: 'pooled',
          against: 'ssh',
        },
        0.2,
      ),
      ratioFigure('256 MiB upload, compared: against scp and sha256sum', times, {
        subject: 'upload',
        against: 'scp',
      }),
    ];
  } finally {
    await hosts.close();
  }
}
