import type { Result } from './failure.ts';

/** A machine: this one, or one behind ssh. Implemented in src/executors. */
export interface Host {
  /** The context's name; `local` for this machine. */
  readonly name: string;
  readonly isLocal: boolean;
  /** What the server there calls itself (`OpenSSH_9.2p1`), once it has let us in; absent on this machine. */
  readonly server?: () => Promise<Result<string>>;
  /**
   * Runs a script with /bin/sh and collects what it says. Values travel in `env`, never in the text.
   * An exit code is an outcome, not a failure; `executor-unreachable` and `authentication` are failures,
   * also when the connection breaks before an exit code has come.
   */
  readonly exec: (request: HostCommand, signal: AbortSignal) => Promise<Result<HostOutcome>>;
  /**
   * Copies a file there, resumed where an earlier try ended, compared by SHA-256 on both sides,
   * visible under its name only when whole. `retryable` failures of the link are `executor-unreachable`.
   */
  readonly upload: (copy: FileCopy, signal: AbortSignal) => Promise<Result<CopyReport>>;
  /** The same, from there to here. */
  readonly download: (copy: FileCopy, signal: AbortSignal) => Promise<Result<CopyReport>>;
  /** Undefined when there is no such file; `reported` when it is larger than `maxBytes`. */
  readonly readText: (path: string, maxBytes: number) => Promise<Result<string | undefined>>;
  /** Replaces the file in one step; its folder is made. Default mode 0600. */
  readonly writeText: (path: string, text: string, mode?: number) => Promise<Result<void>>;
  /** A connection made from there: to a unix socket, or to a port as seen from that machine. */
  readonly connect: (
    to: { readonly socket: string } | { readonly host: string; readonly port: number },
  ) => Promise<Result<NodeJS.ReadWriteStream>>;
  /** Lets programs there reach `serve` at 127.0.0.1:`port`; `port` is chosen there. */
  readonly listen: (
    serve: (connection: NodeJS.ReadWriteStream) => void,
  ) => Promise<Result<{ readonly port: number; readonly close: () => Promise<void> }>>;
}

export interface HostCommand {
  readonly script: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Absolute, or relative to the login folder there. Default: the login folder (here: the project). */
  readonly workdir?: string;
  /** Its standard input; empty when absent. */
  readonly stdin?: AsyncIterable<Uint8Array> | string;
  /** Called with each piece of output as it comes; the collected texts then stay empty for that stream. */
  readonly onStdout?: (chunk: Uint8Array) => void;
  readonly onStderr?: (chunk: Uint8Array) => void;
  /** Of each collected stream, bytes; more is cut. Default 1 MiB. */
  readonly maxBytes?: number;
}

export interface HostOutcome {
  readonly exit_code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly duration_ms: number;
}

export interface FileCopy {
  /** Absolute. */
  readonly local: string;
  /** Absolute, or relative to the login folder. */
  readonly remote: string;
  /** Default: that of the source. */
  readonly mode?: number;
  readonly onProgress?: (progress: CopyProgress) => void;
}

/** A file on a machine. */
export interface FilePlace {
  readonly context: string;
  /** Absolute, or relative to the login folder; here to the project. */
  readonly path: string;
}

export interface HostCopy {
  readonly from: FilePlace;
  readonly to: FilePlace;
  /** Default: that of the source. */
  readonly mode?: number;
  readonly onProgress?: (progress: CopyProgress) => void;
}

export interface CopyProgress {
  readonly done_bytes: number;
  readonly total_bytes: number;
  /** Were there already from an earlier try. */
  readonly resumed_bytes: number;
}

export interface CopyReport {
  readonly bytes: number;
  readonly resumed_bytes: number;
  readonly sha256: string;
  readonly duration_ms: number;
}

/** Machines by context name. Connections are shared and kept until `close`. */
export interface Hosts {
  readonly open: (context: string) => Promise<Result<Host>>;
  /** As `upload`, between any two machines: what goes from one host to another passes through us. */
  readonly copy: (copy: HostCopy, signal: AbortSignal) => Promise<Result<CopyReport>>;
  readonly close: () => Promise<void>;
}
