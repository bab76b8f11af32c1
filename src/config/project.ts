import path from 'node:path';
import type { CommandTemplate } from '../core/definition.ts';
import type { Result } from '../core/failure.ts';
import { defaultSettings, type StageSettings } from '../core/settings/index.ts';
import { type Diagnostic, sortDiagnostics } from './diagnostic.ts';
import { PROJECT_FILE } from './find-project.ts';
import { describe, parseReporting } from './issues.ts';
import { projectSchema } from './project-schema.ts';
import { type ReadBytes, readBytesBounded, readSource } from './source-text.ts';
import { checkTemplateNames, placesIn } from './template-names.ts';
import { YamlFile } from './yaml-file.ts';
import type { z } from 'zod';

/** What `pipewright.yaml` says, defaults filled in. Times are milliseconds. */
export interface ProjectConfig {
  /** Default: the name of the folder. */
  readonly name: string;
  readonly description?: string;
  readonly safety: {
    /** 0 never locks. */
    readonly max_consecutive_failures: number;
    readonly confirmation_expires_ms: number;
  };
  readonly environments: Readonly<Record<string, EnvironmentConfig>>;
  /** For pipelines that say nothing. */
  readonly max_workers: number;
  /** Sections that stage kinds read, before the overlay of an environment. */
  readonly settings: StageSettings;
}

export interface EnvironmentConfig {
  readonly description?: string;
  readonly env: Readonly<Record<string, CommandTemplate>>;
  readonly params: Readonly<Record<string, string | number | boolean>>;
  readonly require_confirmation: boolean;
}

/** A project folder and its settings. */
export interface Project {
  /** Absolute. */
  readonly folder: string;
  /** Absolute; absent when there is no `pipewright.yaml`. */
  readonly file?: string;
  readonly config: ProjectConfig;
}

/** Reads `pipewright.yaml` of a folder; without the file everything is at its default. Fails with all problems in it. */
export async function loadProject(
  folder: string,
  readBytes: ReadBytes = readBytesBounded,
): Promise<Result<Project, readonly Diagnostic[]>> {
  const absolute = path.resolve(folder);
  const file = path.join(absolute, PROJECT_FILE);
  const source = await readSource(file, readBytes);
  if (!source.ok) {
    const { missing, diagnostic } = source.failure;
    if (!missing) return { ok: false, failure: [diagnostic] };
    return { ok: true, value: { folder: absolute, config: settle(absolute, {}) } };
  }
  const yaml = new YamlFile(source.value);
  const parsed = yaml.root && parseProject(yaml, yaml.root.value);
  if (!parsed || yaml.hasErrors) return { ok: false, failure: sortDiagnostics(yaml.diagnostics) };
  return { ok: true, value: { folder: absolute, file, config: settle(absolute, parsed) } };
}

type Written = z.output<typeof projectSchema>;

function parseProject(yaml: YamlFile, value: unknown): Written | undefined {
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    yaml.report([], { code: 'bad-value', message: `expected a mapping, found ${describe(value)}` });
    return undefined;
  }
  const settings = Object.fromEntries(Object.entries(value).filter(([key]) => !key.startsWith('x-')));
  const parsed = parseReporting(projectSchema, settings, { file: yaml, base: [] });
  for (const name of Object.keys(parsed?.environments ?? {})) checkEnvironment(yaml, name);
  return parsed;
}

/** Its variables hold for every pipeline, so only the built-in names stand for sure. */
function checkEnvironment(yaml: YamlFile, name: string): void {
  const none = new Set<string>();
  const names = { params: none, variables: none, secrets: none, stages: none };
  checkTemplateNames(
    yaml,
    names,
    placesIn(yaml, ['environments', name, 'env'], () => true),
  );
}

const DAY_MS = 86_400_000;

function settle(folder: string, written: Written): ProjectConfig {
  const about = typeof written.project === 'string' ? { name: written.project } : written.project;
  const name = about?.name ?? (path.basename(folder) || 'project');
  return {
    name,
    ...(about?.description !== undefined && { description: about.description }),
    safety: settleSafety(written.safety),
    environments: Object.fromEntries(
      Object.entries(written.environments ?? {}).map(([place, environment]) => [
        place,
        settleEnvironment(environment),
      ]),
    ),
    max_workers: written.max_workers ?? 4,
    settings: settleSections(name, written),
  };
}

function settleSections(name: string, written: Written): StageSettings {
  const defaults = defaultSettings(name);
  return {
    project: name,
    contexts: written.contexts ?? defaults.contexts,
    analyze: written.analyze ?? defaults.analyze,
    test: written.test ?? defaults.test,
    build: written.build ?? defaults.build,
    deploy: written.deploy ?? defaults.deploy,
    verify: written.verify ?? defaults.verify,
    trigger: written.trigger ?? defaults.trigger,
    notify: written.notify ?? defaults.notify,
  };
}

function settleSafety(written: Written['safety']): ProjectConfig['safety'] {
  return {
    max_consecutive_failures: written?.max_consecutive_failures ?? 3,
    confirmation_expires_ms: written?.confirmation_expires ?? DAY_MS,
  };
}

function settleEnvironment(written: NonNullable<Written['environments']>[string]): EnvironmentConfig {
  const { description, env, params, require_confirmation: confirm } = written ?? {};
  return {
    ...(description !== undefined && { description }),
    env: env ?? {},
    params: params ?? {},
    require_confirmation: confirm ?? false,
  };
}
