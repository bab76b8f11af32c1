import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import type { ContainerEngine, ContainerEngines, ImageInfo } from '../../core/containers.ts';
import { failed, ok, type Result } from '../../core/failure.ts';
import { buildImage, fingerprintOf } from './build-image.ts';
import {
  ask,
  connectHere,
  connectThere,
  type Connection,
  DEFAULT_PATIENCE,
  type Patience,
} from './connection.ts';
import { containerParts } from './containers.ts';
import { imageParts } from './images.ts';

interface EngineOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `build.engine` of pipewright.yaml. */
  readonly builder?: string | undefined;
  /** Docker socket of a context. */
  readonly socketOf: (context: string) => string;
  readonly patience?: Patience;
}

/** Docker engines through dockerode; each is reached once and shared. */
export function createEngines(options: EngineOptions): ContainerEngines {
  const { env, builder, patience = DEFAULT_PATIENCE } = options;
  const opened = new Map<string, Connection>();
  const shared = (key: string, connect: () => Result<Connection>): Result<ContainerEngine> => {
    const known = opened.get(key);
    const made = known ? ok(known) : connect();
    if (!made.ok) return made;
    opened.set(key, made.value);
    return ok(engineOn(made.value));
  };
  const here = (endpoint: string): Result<ContainerEngine> =>
    shared(`here ${endpoint}`, () => connectHere({ endpoint, patience, env }));
  return {
    open: (host) => {
      if (host.isLocal) return Promise.resolve(here(defaultEndpoint(env)));
      const socket = options.socketOf(host.name);
      return Promise.resolve(shared(host.name, () => ok(connectThere(host, socket, patience))));
    },
    builder: () => Promise.resolve(here(builder ?? defaultEndpoint(env))),
    close: () => {
      for (const { close } of opened.values()) close();
      opened.clear();
      return Promise.resolve();
    },
  };
}

/** As the docker CLI without a context: DOCKER_HOST, the socket of the system, that of Docker Desktop. */
export function defaultEndpoint(env: EngineOptions['env']): string {
  const set = env['DOCKER_HOST'];
  if (set) return set;
  const usual = '/var/run/docker.sock';
  const desktop = path.join(env['HOME'] ?? homedir(), '.docker/run/docker.sock');
  return `unix://${!existsSync(usual) && existsSync(desktop) ? desktop : usual}`;
}

function engineOn(connection: Connection): ContainerEngine {
  const { docker, endpoint } = connection;
  const images = imageParts(connection);
  return {
    endpoint,
    ...images,
    ...containerParts(connection),
    info: async () => {
      const answer = await ask(connection, () => Promise.all([docker.version(), docker.info()]));
      if (!answer.ok) return answer;
      const [version, raw] = answer.value;
      const info: RawInfo = raw;
      return ok({
        version: version.Version,
        api_version: version.ApiVersion,
        platform: `${version.Os}/${version.Arch}`,
        data_root: info.DockerRootDir,
        storage_driver: info.Driver,
      });
    },
    fingerprint: fingerprintOf,
    build: async (request, io) => {
      const built = await buildImage(connection, request, io);
      return built.ok ? required(await images.image(built.value), built.value) : built;
    },
  };
}

interface RawInfo {
  readonly DockerRootDir: string;
  readonly Driver: string;
}

function required(info: Result<ImageInfo | undefined>, id: string): Result<ImageInfo> {
  if (!info.ok) return info;
  if (info.value) return ok(info.value);
  return failed({ reason: 'reported', message: `the image ${id} is gone`, retryable: true });
}
