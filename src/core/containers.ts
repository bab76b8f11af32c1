import type { Result } from './failure.ts';
import type { Host } from './hosts.ts';

/** A Docker engine of a host. Implemented in src/executors (dockerode). */
export interface ContainerEngine {
  /** As DOCKER_HOST on its machine: `unix:///var/run/docker.sock`. */
  readonly endpoint: string;
  readonly info: () => Promise<Result<EngineInfo>>;
  /**
   * A hash over all that goes into a build: the files that are not ignored, Dockerfile, arguments, target, platform.
   * `invalid` when the context or its Dockerfile is not there.
   */
  readonly fingerprint: (
    request: Pick<BuildRequest, 'context' | 'leave_out' | 'dockerfile' | 'target' | 'args' | 'platform'>,
  ) => Promise<Result<string>>;
  /** Builds from a folder; each line of the build goes to `onLine`. A build that failed is a failure. */
  readonly build: (
    request: BuildRequest,
    io: { readonly signal: AbortSignal; readonly onLine: (line: string) => void },
  ) => Promise<Result<ImageInfo>>;
  /** Undefined when the engine does not have it. */
  readonly image: (reference: string) => Promise<Result<ImageInfo | undefined>>;
  /** With all of these labels, newest first. */
  readonly images: (labels: Readonly<Record<string, string>>) => Promise<Result<readonly ImageInfo[]>>;
  readonly tag: (reference: string, tag: string) => Promise<Result<void>>;
  /** Takes the name away, and the image with its last name. No failure when it is not there or in use. */
  readonly removeImage: (reference: string) => Promise<Result<void>>;
  /** Sends the image to the registry in its name; only layers that are not there. */
  readonly push: (reference: string, io: TransferIo) => Promise<Result<void>>;
  /** Fetches the image from the registry in its name; only layers that are not here. */
  readonly pull: (reference: string, io: TransferIo) => Promise<Result<void>>;
  /** The image with all its layers and this name, as `docker save` writes it. */
  readonly save: (reference: string, signal: AbortSignal) => Promise<Result<AsyncIterable<Uint8Array>>>;
  readonly container: (id: string) => Promise<Result<ContainerInfo | undefined>>;
  /** With all of these labels, running or not, oldest first. */
  readonly containers: (
    labels: Readonly<Record<string, string>>,
  ) => Promise<Result<readonly ContainerInfo[]>>;
  /** Creates and starts; nothing is left of a container that could not be started. */
  readonly start: (spec: ContainerSpec) => Promise<Result<ContainerInfo>>;
  /** Starts one that is there and stopped. */
  readonly resume: (id: string) => Promise<Result<void>>;
  /** No failure when it is gone or has stopped already. */
  readonly stop: (
    id: string,
    options: { readonly timeoutMs: number; readonly remove: boolean },
  ) => Promise<Result<void>>;
  /** No failure when it does not run. */
  readonly signal: (id: string, signal: 'SIGHUP') => Promise<Result<void>>;
  readonly logs: (id: string, lines: number) => Promise<Result<string>>;
  /** Makes the network if it is not there. */
  readonly network: (name: string, labels: Readonly<Record<string, string>>) => Promise<Result<void>>;
  /** Adds a container to a network; no failure when it is in it. */
  readonly connect: (network: string, id: string) => Promise<Result<void>>;
}

export interface TransferIo {
  readonly signal: AbortSignal;
  /** Layers by short id, as the engine reports them. */
  readonly onLayer?: (layer: {
    readonly id: string;
    readonly status: string;
    readonly done_bytes?: number;
    readonly total_bytes?: number;
  }) => void;
}

export interface EngineInfo {
  readonly version: string;
  readonly api_version: string;
  /** `linux/amd64`. */
  readonly platform: string;
  readonly data_root: string;
  readonly storage_driver: string;
}

export interface BuildRequest {
  /** Absolute. */
  readonly context: string;
  /** Absolute: no part of the context whatever .dockerignore says, as if they were not there. */
  readonly leave_out: readonly string[];
  /** Relative to the context. */
  readonly dockerfile: string;
  readonly target?: string;
  readonly args: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly platform?: string;
}

export interface ImageInfo {
  /** `sha256:…` of its configuration: equal on every engine that has the image. */
  readonly id: string;
  readonly tags: readonly string[];
  readonly platform: string;
  readonly size_bytes: number;
  /** SHA-256 of each layer, uncompressed, lowest first: the same everywhere. */
  readonly layers: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly created_at: string;
}

export interface ContainerInfo {
  readonly id: string;
  readonly name: string;
  readonly image_id: string;
  /** The image's name that it was started with. */
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly is_running: boolean;
  readonly started_at: string;
  readonly restart_count: number;
  readonly exit_code?: number;
  readonly oom_killed: boolean;
  /** By network. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Container port (`8080/tcp`) to port of the host. */
  readonly ports: Readonly<Record<string, number>>;
}

export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly network?: string;
  /** Names that it has in its network beside its own. */
  readonly aliases?: readonly string[];
  /** Default: what the image says. */
  readonly command?: readonly string[];
  /** Container port (`8080/tcp`) to `address:port` of the host; without an address all, port 0 is any free one. */
  readonly publish?: Readonly<Record<string, string>>;
  /** As docker -v. */
  readonly volumes?: readonly string[];
  /** `uid:gid`. */
  readonly user?: string;
  readonly restart: 'no' | 'unless-stopped' | 'always' | 'on-failure';
}

/** Engines, a connection each, closed with the run. */
export interface ContainerEngines {
  /** Of a host; for this machine DOCKER_HOST, then the usual socket. */
  readonly open: (host: Host) => Promise<Result<ContainerEngine>>;
  /** The one that builds: `build.engine`, then that of this machine. */
  readonly builder: () => Promise<Result<ContainerEngine>>;
  readonly close: () => Promise<void>;
}
