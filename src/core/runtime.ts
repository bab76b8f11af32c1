import type { Result } from './failure.ts';
import type { Host } from './hosts.ts';
import type { RollbackUnit } from './releases.ts';
import type { ServiceSettings } from './settings/deploy.ts';

/** One service on one host: what a runtime works on. */
export interface Target {
  readonly host: Host;
  readonly environment: string;
  readonly project: string;
  /** Absolute, here. */
  readonly projectFolder: string;
  readonly service: string;
  readonly settings: ServiceSettings;
}

/** What is to be deployed: an image or a folder of files, made by the build. */
export interface Artifact extends RollbackUnit {
  readonly commit: string;
  readonly run_id: string;
  /** Of the files as they travel, as far as known; for the computed disk need. */
  readonly size_bytes: number;
  /** `linux/amd64`; absent for plain files. */
  readonly platform?: string;
  /** Where it lies here: a folder, or an archive. Absent for an image of the local engine. */
  readonly path?: string;
}

/** One running copy of a service. */
export interface Instance {
  /** Container id, or `pid:start-time`. */
  readonly id: string;
  readonly digest: string;
  readonly reference: string;
  /** What its runtime calls it, where that is not the id. */
  readonly name?: string;
  /** Where it answers, as seen from its host. */
  readonly address?: { readonly host: string; readonly port: number };
  readonly run_id?: string;
  readonly commit?: string;
  /** What it was started with, as `Runtime.setup` tells it; absent where that is not known. */
  readonly setup?: string;
}

/** Facts that tell whether an instance is the same as a moment ago. */
export interface InstanceFacts {
  readonly id: string;
  readonly is_running: boolean;
  readonly started_at: string;
  readonly restart_count: number;
  readonly exit_code?: number;
  readonly oom_killed?: boolean;
}

export interface RuntimeIo {
  readonly signal: AbortSignal;
  readonly log: (line: string) => Promise<void>;
  readonly onProgress?: (done_bytes: number, total_bytes: number) => void;
}

/**
 * One way to run services on a host: compose, plain containers, or processes from release folders.
 * Every operation looks at the host first and may be repeated after a crash: what is done is not done twice.
 */
export interface Runtime {
  readonly kind: 'compose' | 'container' | 'process';
  /** What takes the service's traffic now; undefined before the first deploy. */
  readonly current: (target: Target, io: RuntimeIo) => Promise<Result<Instance | undefined>>;
  /** Free bytes where the artifact goes (Docker's data root, release folder), and what it will take there. */
  readonly space: (
    target: Target,
    artifact: Artifact,
    io: RuntimeIo,
  ) => Promise<
    Result<{ readonly free_bytes: number; readonly needed_bytes: number; readonly place: string }>
  >;
  /** Brings the artifact to the host; then its digest there is that of the artifact. */
  readonly deliver: (
    target: Target,
    artifact: Artifact,
    io: RuntimeIo,
  ) => Promise<Result<{ readonly bytes_sent: number; readonly method: string }>>;
  /**
   * Adds what belongs to the unit beside the image: the compose file's text, with the image in it. Asked for when a release is
   * put together; a unit that has it already comes back as it is.
   */
  readonly complete?: (target: Target, artifact: Artifact, io: RuntimeIo) => Promise<Result<Artifact>>;
  /** Reasons why it cannot be started there: platform, compose file that does not render, ports. Empty: none. */
  readonly check: (target: Target, artifact: Artifact, io: RuntimeIo) => Promise<Result<readonly string[]>>;
  /** Tells what `start` would start it with: files, values of variables, settings. Fails as a secret does. */
  readonly setup: (target: Target, unit: Artifact) => Promise<Result<string>>;
  /** Starts it: `recreate` instead of the old one, `start-first` beside it and without traffic. */
  readonly start: (target: Target, unit: Artifact, io: RuntimeIo) => Promise<Result<Instance>>;
  /** `start-first`: sends new traffic to `instance`; running requests of the old one end by themselves. */
  readonly switchTo: (target: Target, instance: Instance, io: RuntimeIo) => Promise<Result<void>>;
  /** An instance that is still there for this unit (kept warm); undefined when it would have to be started. */
  readonly find: (target: Target, unit: RollbackUnit, io: RuntimeIo) => Promise<Result<Instance | undefined>>;
  readonly inspect: (target: Target, instance: Instance, io: RuntimeIo) => Promise<Result<InstanceFacts>>;
  /** Ends an instance; what a rollback would need of it (image, release folder) stays. */
  readonly retire: (target: Target, instance: Instance, io: RuntimeIo) => Promise<Result<void>>;
  /** What it said last, oldest line first. */
  readonly logs?: (
    target: Target,
    instance: Instance,
    io: RuntimeIo & { readonly lines: number },
  ) => Promise<Result<readonly string[]>>;
  /** Removes what no release of `keep` needs. Never touches what it did not make. */
  readonly prune: (target: Target, keep: readonly RollbackUnit[], io: RuntimeIo) => Promise<Result<void>>;
}
