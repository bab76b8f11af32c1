import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { CommandTemplate } from '../core/definition.ts';
import type { Result } from '../core/failure.ts';
import { defaultSettings, type StageSettings } from '../core/settings/index.ts';
import { type Diagnostic, fileDiagnostic, sortDiagnostics } from './diagnostic.ts';
import { type ServeSettings, serveSchema } from '../core/settings/serve.ts';
import { PROJECT_FILE } from './find-project.ts';
import { checkFiles } from './check-files.ts';
import { checkServe } from './check-serve.ts';
import { describe, parseReporting } from './issues.ts';
import { reportPastedKeys } from './pasted-keys.ts';
import { readOverlay, readSettings } from './read-settings.ts';
import { projectSchema } from './project-schema.ts';
import { type ReadBytes, readBytesBounded, readSource } from './source-text.ts';
import { checkTemplateNames, placesIn } from './template-names.ts';
import { YamlFile } from './yaml-file.ts';
import type { z } from 'zod';
import { DAY_MS } from '../core/quantities.ts';
import { isObject } from '../core/json.ts';

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
  readonly serve: ServeSettings;
}

export interface EnvironmentConfig {
  readonly description?: string;
  readonly env: Readonly<Record<string, CommandTemplate>>;
  readonly params: Readonly<Record<string, string | number | boolean>>;
  readonly require_confirmation: boolean;
  /** `settings` of the project with what this environment says over it. */
  readonly settings: StageSettings;
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
  const opened = await open(absolute, readBytes);
  if (!opened.ok) return opened;
  const { yaml, config } = opened.value;
  const file = yaml && { file: yaml.source.file };
  return { ok: true, value: { folder: absolute, ...file, config } };
}

/** Every problem of `pipewright.yaml`, also where it disagrees with the files that it names. */
export async function checkProject(folder: string): Promise<readonly Diagnostic[]> {
  const absolute = path.resolve(folder);
  const opened = await open(absolute, readBytesBounded);
  if (!opened.ok) return opened.failure;
  const { yaml, config } = opened.value;
  if (yaml) await checkFiles(yaml, config, absolute);
  return sortDiagnostics(yaml?.diagnostics ?? []);
}

interface Opened {
  readonly config: ProjectConfig;
  /** Absent when there is no file. */
  readonly yaml?: YamlFile;
}

async function open(folder: string, readBytes: ReadBytes): Promise<Result<Opened, readonly Diagnostic[]>> {
  const source = await readSource(path.join(folder, PROJECT_FILE), readBytes);
  if (!source.ok) {
    const { missing, diagnostic } = source.failure;
    const misnamed = missing ? await misnamedIn(folder) : diagnostic;
    if (misnamed) return { ok: false, failure: [misnamed] };
    return { ok: true, value: { config: settle({}, defaultSettings(nameOf(folder, {}))) } };
  }
  const yaml = new YamlFile(source.value);
  const config = yaml.root && readProject(yaml, yaml.root.value, folder);
  if (!config || yaml.hasErrors) return { ok: false, failure: sortDiagnostics(yaml.diagnostics) };
  return { ok: true, value: { config, yaml } };
}

/** A project file that nobody would read, because its name is another one. */
async function misnamedIn(folder: string): Promise<Diagnostic | undefined> {
  const names = await readdir(folder).catch(() => []);
  const name = names.find((known) => /^pipewright\.ya?ml$/i.test(known));
  const hint = `Rename ${name} to ${PROJECT_FILE}.`;
  return name === undefined
    ? undefined
    : fileDiagnostic(path.join(folder, name), 'misnamed', `the project file is called ${PROJECT_FILE}`, hint);
}

type Written = z.output<typeof projectSchema>;

function readProject(yaml: YamlFile, value: unknown, folder: string): ProjectConfig | undefined {
  if (value !== null && !isObject(value)) {
    yaml.report([], { code: 'bad-value', message: `expected a mapping, found ${describe(value)}` });
    return undefined;
  }
  const raw = Object.fromEntries(Object.entries(value ?? {}).filter(([key]) => !key.startsWith('x-')));
  const written = parseReporting(projectSchema, raw, { file: yaml, base: [] });
  reportPastedKeys(yaml);
  if (!written) return undefined;
  const setting = { file: yaml, project: nameOf(folder, written), raw };
  const base = readSettings(setting, written);
  const config = settle(written, base, (name) => readOverlay(setting, name, base));
  for (const name of Object.keys(written.environments ?? {})) checkEnvironment(yaml, name);
  checkServe(yaml, config);
  return config;
}

function nameOf(folder: string, { project }: Written): string {
  return (typeof project === 'string' ? project : project?.name) ?? (path.basename(folder) || 'project');
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

function settle(
  written: Written,
  settings: StageSettings,
  overlay: (environment: string) => StageSettings = () => settings,
): ProjectConfig {
  const { project: about } = written;
  const description = typeof about === 'object' ? about.description : undefined;
  const environments = Object.entries(written.environments ?? {}).map(([name, environment]) => [
    name,
    settleEnvironment(environment, overlay(name)),
  ]);
  return {
    name: settings.project,
    ...(description !== undefined && { description }),
    safety: settleSafety(written.safety),
    environments: Object.fromEntries(environments),
    max_workers: written.max_workers ?? 4,
    settings,
    serve: written.serve ?? serveSchema.parse({}),
  };
}

function settleSafety(written: Written['safety']): ProjectConfig['safety'] {
  return {
    max_consecutive_failures: written?.max_consecutive_failures ?? 3,
    confirmation_expires_ms: written?.confirmation_expires ?? DAY_MS,
  };
}

function settleEnvironment(
  written: NonNullable<Written['environments']>[string],
  settings: StageSettings,
): EnvironmentConfig {
  const { description, env, params, require_confirmation: confirm } = written ?? {};
  return {
    ...(description !== undefined && { description }),
    env: env ?? {},
    params: params ?? {},
    require_confirmation: confirm ?? false,
    settings,
  };
}
