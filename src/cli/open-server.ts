import type { HookJob } from '../core/deliveries.ts';
import type { Result } from '../core/failure.ts';
import type { ServeSettings } from '../core/settings/serve.ts';
import type { LogLevel } from './command.ts';

/** Begins to answer; `invalid` where settings or the address do not allow it. */
export type OpenServer = (options: ServerOptions) => Promise<Result<OpenedServer>>;

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly settings: ServeSettings;
  readonly documents: ServerDocuments;
  /** What `run` would say of a run before it begins. */
  readonly check: (job: HookJob) => Promise<Result<void>>;
  readonly log: (
    level: LogLevel,
    event: string,
    fields: Readonly<Record<string, string | number | boolean | null>>,
  ) => void;
}

/** What is answered is what commands print with `--json`. */
export interface ServerDocuments {
  readonly runs: (query: {
    readonly limit: number;
    readonly statuses: readonly string[];
    readonly pipeline?: string;
  }) => Promise<Result<object>>;
  readonly show: (runId: string) => Promise<Result<object>>;
  readonly logs: (
    runId: string,
    stage: string,
  ) => Promise<
    Result<readonly { readonly file: string; readonly head: string; readonly isOfStep: boolean }[]>
  >;
  readonly text: (file: string, lines: number | undefined) => AsyncIterable<string>;
}

export interface OpenedServer {
  readonly url: string;
  readonly stop: () => Promise<void>;
}
