import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { valueOf } from './results.ts';
import type { ContainerEngine } from '../../src/core/containers.ts';
import { failed, ok } from '../../src/core/failure.ts';
import type { Host } from '../../src/core/hosts.ts';
import type { Executors } from '../../src/core/ports.ts';
import { buildSchema } from '../../src/core/settings/build.ts';
import { createExecutors } from '../../src/executors/index.ts';
import { collect, writeContext, BUSYBOX } from './docker-rig.ts';
import { startDockerd, type TestDockerd } from './dockerd.ts';
import { startProxy } from './proxy.ts';
import { type SshServer, startSshd } from './sshd.ts';

/** An engine that builds, and a host behind ssh with an engine of its own. */
export interface DockerPair extends AsyncDisposable {
  readonly folder: string;
  readonly here: TestDockerd;
  readonly there: TestDockerd;
  readonly server: SshServer;
  readonly executors: Executors;
  readonly host: Host;
  /** Bytes that have gone to the host over ssh. */
  readonly sentBytes: () => number;
  readonly builder: ContainerEngine;
  readonly engine: ContainerEngine;
  /** A web server that says `version`; gives the image's id. */
  readonly buildWeb: (version: string, change?: { readonly lines?: string }) => Promise<string>;
}

export async function startPair(
  options: { readonly there?: Parameters<typeof startDockerd>[0] } = {},
): Promise<DockerPair> {
  const folder = mkdtempSync(path.join(tmpdir(), 'pipewright-pair-'));
  const [here, there, server] = await Promise.all([startDockerd(), startDockerd(options.there), startSshd()]);
  const wire = await startProxy(server.port);
  const keys = server.hostKeys.map((key) => `[127.0.0.1]:${wire.port} ${key}\n`);
  appendFileSync(server.knownHosts, keys.join(''));
  const executors = createExecutors({
    folder,
    runId: 'r',
    project: folder,
    settings: {
      contexts: { prod: server.context({ docker_socket: there.socket, port: wire.port }) },
      build: buildSchema.parse({ engine: here.socket }),
    },
  });
  const host = valueOf(await executors.hosts.open('prod'));
  const builder = valueOf(await executors.engines.builder());
  const engine = valueOf(await executors.engines.open(host));
  return {
    folder,
    here,
    there,
    server,
    executors,
    host,
    sentBytes: wire.sentBytes,
    builder,
    engine,
    buildWeb: async (version, { lines = '' } = {}) => {
      const context = writeContext(
        path.join(folder, 'web'),
        `${BUSYBOX}\n${lines}\nCOPY www /www\nCMD exec httpd -f -p $PORT -h /www\n`,
        { 'www/index.html': version, 'www/health': 'ok' },
      );
      const labels = { 'pipewright.image': 'shop-web' };
      return valueOf((await collect(builder, context, { tags: [`shop-web:${version}`], labels })).result).id;
    },
    [Symbol.asyncDispose]: async () => {
      await executors.close();
      await wire[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await Promise.all([here.stop(), there.stop()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** References of the tests: `env:NAME` out of `values`. */
export function secretsOf(values: Readonly<Record<string, string>>) {
  return {
    resolve: async (name: string, reference: string) => {
      const value = values[reference.replace(/^env:/, '')];
      return value === undefined
        ? failed({ reason: 'secret-unavailable' as const, name, detail: `${reference} is not set` })
        : ok(value);
    },
  };
}
