import type { Result } from './failure.ts';
import type { Host } from './hosts.ts';

/** A Docker engine of a host. Implemented in src/executors (dockerode). */
export interface ContainerEngine {
  readonly info: () => Promise<Result<EngineInfo>>;
  /** Builds from a folder; each line of the build goes to `onLine`. A build that failed is a failure. */
  readonly build: (
    request: BuildRequest,
    io: { readonly signal: AbortSignal; readonly onLine: (line: string) => void },
  ) => Promise<Result<ImageInfo>>;
  /** Undefined when the engine does not have it. */
  readonly image: (reference: string) => Promise<Result<ImageInfo | undefined>>;
  readonly tag: (reference: string, tag: string) => Promise<Result<void>>;
  readonly removeImage: (reference: string) => Promise<Result<void>>;
  readonly images: (label: string) => Promise<Result<readonly ImageInfo[]>>;
  readonly container: (id: string) => Promise<Result<ContainerInfo | undefined>>;
  /** With all of these labels, running or not. */
  readonly containers: (
    labels: Readonly<Record<string, string>>,
  ) => Promise<Result<readonly ContainerInfo[]>>;
  readonly start: (spec: ContainerSpec) => Promise<Result<ContainerInfo>>;
  readonly stop: (
    id: string,
    options: { readonly timeoutMs: number; readonly remove: boolean },
  ) => Promise<Result<void>>;
  readonly logs: (id: string, lines: number) => Promise<Result<string>>;
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
  readonly layers: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly created_at: string;
}

export interface ContainerInfo {
  readonly id: string;
  readonly name: string;
  readonly image_id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly is_running: boolean;
  readonly started_at: string;
  readonly restart_count: number;
  readonly exit_code?: number;
  readonly oom_killed: boolean;
  /** `healthy`, `unhealthy`, `starting`; absent without a HEALTHCHECK. */
  readonly health?: string;
  readonly addresses: Readonly<Record<string, string>>;
  /** Container port to port of the host. */
  readonly ports: Readonly<Record<string, number>>;
}

export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly network?: string;
  /** Container port to `address:port` of the host; port 0 lets the engine choose. */
  readonly publish?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly command?: readonly string[];
  readonly restart: 'no' | 'unless-stopped' | 'always' | 'on-failure';
}

/** Engines by host; a connection each, closed with the run. */
export interface ContainerEngines {
  readonly open: (host: Host) => Promise<Result<ContainerEngine>>;
  readonly close: () => Promise<void>;
}
