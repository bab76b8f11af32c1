import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Problems, ProjectPlaces } from './cli/services.ts';
import type { Terminal } from './cli/terminal.ts';
import type { CustomKinds } from './config/custom-kinds.ts';
import type { LoadDeps } from './config/load-pipeline.ts';
import type { Result } from './core/failure.ts';
import type { Config } from './pipeline-source.ts';

const KINDS_FOLDER = path.join('pipelines', 'kinds');
/** Pipelines that come with the program. */
export const SHIPPED_PIPELINES = path.resolve(import.meta.dirname, '../pipelines');

/** The stage kinds that come with the program. */
export async function builtInKinds(): Promise<LoadDeps['kinds']> {
  return (await import('./stages/index.ts')).stageKinds;
}

/** The project file, the stage kinds, ours and its own, and what pipelines are loaded with. Fails with every mistake in the file. */
export async function openConfig(
  places: ProjectPlaces,
  terminal: Terminal,
): Promise<Result<Config, Problems>> {
  const { loadProject } = await import('./config/project.ts');
  const project = await loadProject(places.root);
  if (!project.ok) {
    const { problemsOf } = await import('./pipeline-source.ts');
    return { ok: false, failure: problemsOf(project.failure, terminal) };
  }
  const builtIn = await builtInKinds();
  const custom = await customKinds(places.root, builtIn);
  const { config } = project.value;
  const { contextNames } = await import('./executors/index.ts');
  // A pipeline may be for one of them: which one is known when it runs.
  const meant = [config.settings, ...Object.values(config.environments).map(({ settings }) => settings)];
  const declared = contextNames(Object.assign({}, ...meant.map(({ contexts }) => contexts)));
  const contexts = [...new Set([...declared, ...meant.flatMap(({ groups }) => Object.keys(groups))])];
  return {
    ok: true,
    value: {
      deps: {
        kinds: { ...builtIn, ...custom.kinds },
        project: project.value,
        shippedFolder: SHIPPED_PIPELINES,
        contexts,
      },
      settings: {
        environment: 'default',
        context: 'local',
        maxConsecutiveFailures: config.safety.max_consecutive_failures,
        confirmationExpiresMs: config.safety.confirmation_expires_ms,
        environments: config.environments,
        stage: config.settings,
        serve: config.serve,
      },
      kindProblems: custom.diagnostics,
    },
  };
}

async function customKinds(root: string, builtIn: LoadDeps['kinds']): Promise<CustomKinds> {
  // Their loader takes all of zod along, which costs a start as much as reading a pipeline.
  if (!existsSync(path.join(root, KINDS_FOLDER))) return { kinds: {}, diagnostics: [] };
  const { loadCustomKinds } = await import('./config/custom-kinds.ts');
  return loadCustomKinds(root, { apiUrl: new URL('./api.js', import.meta.url).href, builtIn });
}
