import type { ContainerEngine, ContainerEngines, ContainerInfo } from '../../core/containers.ts';
import type { Result } from '../../core/failure.ts';
import type { Secrets } from '../../core/ports.ts';
import type { Artifact, Instance, RuntimeIo, Target } from '../../core/runtime.ts';
import type { DeploySettings } from '../../core/settings/deploy.ts';

/** What the Docker runtimes are made of. */
export interface DockerParts {
  readonly deploy: DeploySettings;
  readonly engines: ContainerEngines;
  readonly secrets: Pick<Secrets, 'resolve'>;
  /** The proxy as one file of plain JavaScript. */
  readonly proxyProgram: () => string;
  /** Absolute: layers and archives of earlier transfers. */
  readonly cacheFolder: string;
}

/** One service on one host, its engine opened. */
export interface Place {
  readonly parts: DockerParts;
  readonly target: Target;
  readonly engine: ContainerEngine;
  readonly io: RuntimeIo;
}

/** What `container` and `compose` do in their own way. */
export interface DockerVariant {
  readonly kind: 'container' | 'compose';
  /** Containers of the service, running or not, oldest first; the proxy is none of them. */
  readonly containers: (place: Place) => Promise<Result<readonly ContainerInfo[]>>;
  /** Starts the unit: instead of what runs, or beside it. Names and labels are those of `names.ts`. */
  readonly start: (place: Place, unit: Artifact) => Promise<Result<ContainerInfo>>;
  readonly problems: (place: Place, unit: Artifact) => Promise<Result<readonly string[]>>;
  readonly complete?: (place: Place, unit: Artifact) => Promise<Result<Artifact>>;
}

/** A proxy holds the service's port, so that two versions can run side by side. */
export function isProxied({ settings }: Target): boolean {
  return settings.strategy === 'start-first';
}

/** A container as the rollout sees it. One that somebody else started has no labels of ours. */
export function instanceOf({ target }: Place, container: ContainerInfo): Instance {
  const { labels, image_id: imageId, image, ports, addresses, id, name } = container;
  const inner = `${target.settings.internal_port ?? target.settings.port}/tcp`;
  const published = ports[inner];
  const [address] = Object.values(addresses);
  const port = Number.parseInt(inner, 10);
  return {
    id,
    name,
    digest: labels['pipewright.digest'] ?? imageId,
    reference: labels['pipewright.reference'] ?? image,
    ...(published !== undefined
      ? { address: { host: '127.0.0.1', port: published } }
      : address !== undefined && { address: { host: address, port } }),
    ...(labels['pipewright.run'] !== undefined && { run_id: labels['pipewright.run'] }),
    ...(labels['pipewright.commit'] !== undefined && { commit: labels['pipewright.commit'] }),
    ...(labels['pipewright.setup'] !== undefined && { setup: labels['pipewright.setup'] }),
  };
}
