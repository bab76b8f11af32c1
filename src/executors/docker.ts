import process from 'node:process';
import { failed, ok, type Result } from '../core/failure.ts';
import type { Executor } from '../core/ports.ts';
import type { DockerSettings } from '../core/settings/contexts.ts';
import { ContainerLink, findImage } from './container/container-link.ts';
import { ask, type Connection, connectHere, DEFAULT_PATIENCE } from './docker/connection.ts';
import { defaultEndpoint } from './docker/engines.ts';
import { DEFAULT_LEASE_MS, LinkExecutor } from './ssh/link-executor.ts';

/** A run whose commands are executed in a container. */
export interface DockerExecutorOptions {
  readonly runId: string;
  /** `state/runs/<id>`, absolute. */
  readonly folder: string;
  /** The context's name. */
  readonly name: string;
  readonly settings: DockerSettings;
  /** Absolute. */
  readonly project: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly graceMs?: number | undefined;
  readonly leaseMs?: number | undefined;
}

/** Beyond the lease of a step: what it takes there to end it. */
const MARGIN_MS = 15_000;

/**
 * Commands in a container of their own for each run, made from an image that is there. Claims and exit records are in a
 * folder of the run on this machine, so neither our death nor the end of the container runs a step twice. Fails with
 * `invalid` where the engine is none of this machine.
 */
export function createDockerExecutor(options: DockerExecutorOptions): Result<Executor> {
  const { settings, name, leaseMs = DEFAULT_LEASE_MS } = options;
  const connection = connect(options);
  if (!connection.ok) return connection;
  const self = process.getuid && process.getgid ? `${process.getuid()}:${process.getgid()}` : undefined;
  const leaseSeconds = Math.ceil((leaseMs + MARGIN_MS) / 1000);
  const link = new ContainerLink(connection.value, { ...options, self, leaseSeconds });
  const executor = new LinkExecutor({ ...options, link, stop: (graceMs) => link.stop(graceMs) });
  // With the project in it, folders of this machine mean there what they mean here.
  const workdir = settings.workdir ?? (settings.mount_project ? undefined : '/');
  return ok({
    name,
    ...(workdir !== undefined && { workdir }),
    run: (command, output, signal) => executor.run(command, output, signal),
    recover: (command, output, signal) => executor.recover(command, output, signal),
    stopLeftovers: () => executor.stopLeftovers(),
    close: () => {
      link.close();
      return Promise.resolve();
    },
  });
}

type Placed = Pick<DockerExecutorOptions, 'name' | 'settings' | 'environment'>;

/** What a container of the context would be made by; fails where it could not be made. Makes none. */
export async function lookAtContainer(options: Placed): Promise<Result<{ readonly server: string }>> {
  const connection = connect(options);
  if (!connection.ok) return connection;
  try {
    const version = await ask(connection.value, () => connection.value.docker.version());
    if (!version.ok) return version;
    const image = await findImage(connection.value, options);
    return image.ok ? ok({ server: `Docker ${version.value.Version}` }) : image;
  } finally {
    connection.value.close();
  }
}

function connect({ name, settings, environment }: Placed): Result<Connection> {
  const endpoint =
    settings.docker_socket === undefined ? defaultEndpoint(environment) : `unix://${settings.docker_socket}`;
  if (endpoint.startsWith('unix://') || endpoint.startsWith('/')) {
    return connectHere({ endpoint, patience: DEFAULT_PATIENCE, env: environment });
  }
  return failed({
    reason: 'invalid',
    message: `context ${name}: a container needs an engine of this machine, not ${endpoint}: its folders are those of this machine`,
  });
}
