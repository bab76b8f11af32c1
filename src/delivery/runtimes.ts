import { homedir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import type { Runtime } from '../core/runtime.ts';
import type { DeploySettings } from '../core/settings/deploy.ts';
import type { StagePorts } from '../core/stage-ports.ts';
import { createComposeRuntime } from './docker/compose-runtime.ts';
import { createContainerRuntime } from './docker/container-runtime.ts';
import type { DockerParts } from './docker/parts.ts';
import { createProcessRuntime } from './process/runtime.ts';
import { proxySource } from './proxy/source.ts';

type RuntimeKind = DeploySettings['runtime'];

interface RuntimeParts {
  readonly deploy: DeploySettings;
  readonly ports: StagePorts;
}

const RUNTIMES: Record<RuntimeKind, (parts: RuntimeParts) => Runtime> = {
  process: ({ deploy, ports }) => createProcessRuntime({ deploy, secrets: ports.secrets, ids: ports.ids }),
  container: (parts) => createContainerRuntime(dockerParts(parts)),
  compose: (parts) => createComposeRuntime(dockerParts(parts)),
};

/** The code behind `runtime:` of a service. */
export function openRuntime(kind: RuntimeKind, parts: RuntimeParts): Runtime {
  return RUNTIMES[kind](parts);
}

function dockerParts({ deploy, ports }: RuntimeParts): DockerParts {
  const { engines, secrets } = ports;
  return { deploy, engines, secrets, proxyProgram: proxySource, cacheFolder: cacheFolder() };
}

/** Of the user, shared by projects: layers are told by their content. May be deleted at any time. */
function cacheFolder(): string {
  const base = process.env['XDG_CACHE_HOME'];
  return path.join(base?.startsWith('/') ? base : path.join(homedir(), '.cache'), 'pipewright');
}
