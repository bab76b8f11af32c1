import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Diagnostic } from '../../src/config/diagnostic.ts';
import { type LoadDeps, type LoadedPipeline, loadPipeline } from '../../src/config/load-pipeline.ts';
import { loadProject, type Project } from '../../src/config/project.ts';
import type { PipelineDefinition } from '../../src/core/definition.ts';
import { testKinds } from './config-kinds.ts';

/** A project folder on disk with the loader's real parts; removed by `await using`. */
export interface ConfigRig extends AsyncDisposable {
  readonly folder: string;
  readonly file: (name: string) => string;
  readonly write: (name: string, content: string | Uint8Array) => Promise<string>;
  /** Loads `text` as `case.yaml`. */
  readonly load: (text: string | Uint8Array, deps?: Partial<LoadDeps>) => Promise<LoadedPipeline>;
  readonly loadFile: (name: string, deps?: Partial<LoadDeps>) => Promise<LoadedPipeline>;
}

export async function configRig(): Promise<ConfigRig> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'pipewright-config-'));
  const file = (name: string) => path.join(folder, name);
  const write = async (name: string, content: string | Uint8Array) => {
    await mkdir(path.dirname(file(name)), { recursive: true });
    await writeFile(file(name), content);
    return file(name);
  };
  const project: Project = await defaultProject(folder);
  const loadFile: ConfigRig['loadFile'] = (name, deps) =>
    loadPipeline(file(name), { kinds: testKinds, project, contexts: ['local'], ...deps });
  const load: ConfigRig['load'] = async (text, deps) => {
    await write('case.yaml', text);
    return loadFile('case.yaml', deps);
  };
  return {
    folder,
    file,
    write,
    load,
    loadFile,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

async function defaultProject(folder: string): Promise<Project> {
  const result = await loadProject(folder);
  if (!result.ok) throw new Error('a folder without a project file has defaults');
  return result.value;
}

/** The definition, or an error that shows what was wrong instead. */
export function loaded(result: LoadedPipeline): PipelineDefinition {
  if (result.ok) return result.value;
  throw new Error(result.failure.map(brief).join('\n'));
}

/** What was found, whether or not the file loads. */
export function found(result: LoadedPipeline): readonly string[] {
  return (result.ok ? result.warnings : result.failure).map(brief);
}

/** `line:column severity: message [hint]`. */
export function brief({ line, column, severity, message, hint }: Diagnostic): string {
  return `${line}:${column} ${severity}: ${message}${hint === undefined ? '' : ` [${hint}]`}`;
}
