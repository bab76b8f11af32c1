import { access } from 'node:fs/promises';
import path from 'node:path';
import type { PipelineDefinition } from '../core/definition.ts';
import type { Diagnostic } from './diagnostic.ts';
import type { Path } from './located.ts';
import { claimOf, isFileReference, type NamedFile, pipelineFilesIn } from './pipeline-files.ts';
import type { YamlFile } from './yaml-file.ts';

const DEEPEST = 8;
/** All stages of a run together, those of inner pipelines included. */
const MOST_STAGES = 1000;

interface Places {
  readonly project: { readonly folder: string };
  readonly shippedFolder?: string;
}

interface Request {
  /** The file that names the pipeline, and where. */
  readonly yaml: YamlFile;
  readonly reference: string;
  readonly at: Path;
  readonly chain: readonly string[];
}

interface Loaded {
  readonly definition: PipelineDefinition | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

type Load = (file: string, chain: readonly string[]) => Promise<Loaded>;

/** Pipelines run as stages of others: each file is read once, circles and endless growth are refused. */
export class InnerPipelines {
  readonly #places: Places;
  readonly #loaded = new Map<string, Promise<Loaded>>();
  readonly #diagnostics: Diagnostic[] = [];

  constructor(places: Places) {
    this.#places = places;
  }

  /** What was found in the inner files, without the outermost. */
  get diagnostics(): readonly Diagnostic[] {
    return this.#diagnostics;
  }

  /** The pipeline, or undefined after reporting why there is none. */
  async resolve(request: Request, load: Load): Promise<PipelineDefinition | undefined> {
    const { yaml, reference, at, chain } = request;
    const report = (code: string, message: string, hint?: string) => {
      yaml.report(at, { code, message, hint });
    };
    const found = await this.#find(yaml.source.file, reference);
    const claim = claimOf(found);
    if (claim) {
      report('name-taken', claim.message, claim.hint);
      return undefined;
    }
    const file = found[0]?.file;
    if (file === undefined) {
      report('no-pipeline', `there is no pipeline "${reference.slice(0, 80)}"`, this.#whereLooked(reference));
      return undefined;
    }
    const absolute = path.resolve(file);
    if (chain.includes(absolute)) {
      const names = [...chain.slice(chain.indexOf(absolute)), absolute].map((member) =>
        path.basename(member),
      );
      report('cycle', `pipelines run each other in a circle: ${names.join(' → ')}`);
      return undefined;
    }
    if (chain.length > DEEPEST) {
      report('too-deep', `pipelines inside pipelines, more than ${DEEPEST} deep`);
      return undefined;
    }
    const { definition } = await this.#loadOnce(absolute, () => load(file, [...chain, absolute]));
    if (!definition) report('inner', `the pipeline "${reference.slice(0, 80)}" has errors`);
    if (definition && countStages(definition) > MOST_STAGES) {
      report('too-large', `more than ${MOST_STAGES} stages once the pipelines in it are counted`);
      return undefined;
    }
    return definition;
  }

  #loadOnce(file: string, load: () => Promise<Loaded>): Promise<Loaded> {
    const known = this.#loaded.get(file);
    if (known) return known;
    const loading = load().then((loaded) => {
      this.#diagnostics.push(...loaded.diagnostics);
      const isBroken = loaded.diagnostics.some(({ severity }) => severity === 'error');
      return isBroken ? { ...loaded, definition: undefined } : loaded;
    });
    this.#loaded.set(file, loading);
    return loading;
  }

  async #find(from: string, reference: string): Promise<readonly NamedFile[]> {
    const beside = path.dirname(from);
    if (isFileReference(reference)) {
      const file = join(beside, reference);
      return !reference.includes('\0') && (await isThere(file)) ? [{ name: reference, file }] : [];
    }
    for (const folder of [beside, ...this.#folders()]) {
      const files = (await pipelineFilesIn(folder)).get(reference);
      if (files) return files;
    }
    return [];
  }

  #folders(): readonly string[] {
    const { project, shippedFolder } = this.#places;
    return [path.join(project.folder, 'pipelines'), ...(shippedFolder === undefined ? [] : [shippedFolder])];
  }

  #whereLooked(reference: string): string {
    return isFileReference(reference)
      ? 'A file is looked for relative to this one.'
      : 'A name is looked for beside this file, in pipelines/ of the project, then among the shipped ones.';
  }
}

function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

function join(folder: string, file: string): string {
  return path.isAbsolute(file) ? file : path.join(folder, file);
}

/** Shared inner pipelines are counted as often as they run; stops counting beyond the limit. */
function countStages(definition: PipelineDefinition): number {
  let count = 0;
  for (const stage of [...definition.stages, ...definition.finally]) {
    count += 1 + (stage.pipeline ? countStages(stage.pipeline) : 0);
    if (count > MOST_STAGES) return count;
  }
  return count;
}
