import process from 'node:process';
import type { ProjectPlaces } from './cli/services.ts';
import type { CircuitBreaker } from './core/circuit-breaker.ts';
import type { Engine, EngineDeps } from './core/engine/api.ts';
import { systemClock } from './system/clock.ts';
import { createFiles } from './system/files.ts';
import { systemHttp } from './system/http.ts';
import { systemIds } from './system/ids.ts';

type GivenPort = 'store' | 'kinds' | 'prompter' | 'identity' | 'secrets' | 'notifier' | 'vcs';

interface EngineParts extends Pick<EngineDeps, GivenPort> {
  /** For a person, on the terminal. */
  readonly say: (line: string) => void;
  readonly project: ProjectPlaces;
}

/** The engine with every port filled: this machine, its executors, the state folder. */
export async function openEngine({ project, say, ...parts }: EngineParts): Promise<Engine> {
  const [{ createEngine }, { createStageCache }, { lazyConditions }] = await Promise.all([
    import('./core/engine/engine.ts'),
    import('./persistence/stage-cache.ts'),
    import('./config/lazy-conditions.ts'),
  ]);
  const { createExecutors } = await import('./executors/index.ts');
  const { openModel } = await import('./system/model.ts');
  const { createReleaseStore } = await import('./persistence/release-store.ts');
  const breakers = new Map<string, CircuitBreaker>();
  return createEngine({
    ...parts,
    clock: systemClock,
    ids: systemIds,
    files: createFiles({ stateDir: project.stateDir }),
    cache: createStageCache({ stateDir: project.stateDir }),
    conditions: lazyConditions(),
    executors: (run) =>
      createExecutors({
        ...run,
        secrets: parts.secrets,
        breakers,
        queue: async () => {
          const { linkOf } = await import('./queue-desk.ts');
          return linkOf(run, { project, env: process.env, secrets: parts.secrets, vcs: parts.vcs, say });
        },
      }),
    http: systemHttp,
    models: (run) => openModel({ ...run, http: systemHttp, secrets: parts.secrets, clock: systemClock }),
    releases: createReleaseStore({ stateDir: project.stateDir }),
  });
}
