import type { ContainerEngines } from './containers.ts';
import type { Result } from './failure.ts';
import type { Hosts } from './hosts.ts';
import type { Model } from './model.ts';
import type { Files, Ids, Secrets } from './ports.ts';
import type { ReleaseStore } from './releases.ts';
import type { Vcs } from './vcs.ts';

/** One HTTP request and what came of it. Transport errors are failures: `executor-unreachable`. */
export interface Http {
  readonly request: (
    url: string,
    options: {
      readonly method?: string;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
      readonly timeoutMs: number;
      /** Of the body that is kept. Default 64 KiB. */
      readonly maxBytes?: number;
      readonly signal?: AbortSignal;
    },
  ) => Promise<Result<HttpAnswer>>;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Until the whole body was there. */
  readonly duration_ms: number;
}

/** What stage kinds ask for beside commands; opened once per run and closed with it. main.ts fills it. */
export interface StagePorts {
  readonly ids: Ids;
  readonly files: Files;
  readonly secrets: Secrets;
  readonly http: Http;
  /** The repository around a folder; `invalid` when there is none. */
  readonly vcs: (folder: string) => Promise<Result<Vcs>>;
  readonly hosts: Hosts;
  readonly engines: ContainerEngines;
  readonly releases: ReleaseStore;
  /** The language model that `testgen.model` names. */
  readonly model: Model;
}
