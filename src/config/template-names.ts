import { splitPlaces } from '../core/template/places.ts';
import { suggestion } from './issues.ts';
import { type Located, nodeAt, type Path, scalarsOf } from './located.ts';
import type { LoadedStage } from './load-stage.ts';
import type { YamlFile } from './yaml-file.ts';

/** Names that every template and condition may read. Source: core/engine/scope.ts. */
export const BUILT_IN_NAMES = [
  'run_id',
  'environment',
  'pipeline',
  'project',
  'artifacts',
  'commits',
] as const;

/** What templates of one pipeline may name. */
export interface Names {
  /** Undefined when the pipeline has no `params:`: then unknown names become parameters. */
  readonly params: ReadonlySet<string> | undefined;
  readonly variables: ReadonlySet<string>;
  readonly secrets: ReadonlySet<string>;
  readonly stages: ReadonlySet<string>;
}

/** A place of a template in the file. */
interface Use {
  readonly name: string;
  readonly path: Path;
  readonly inside: number;
}

/** Reports names that nothing declares; returns those that became parameters, in order of appearance. */
export function checkTemplateNames(file: YamlFile, names: Names, uses: Iterable<Use>): readonly string[] {
  const implicit = new Set<string>();
  for (const use of uses) {
    const [head = '', ...rest] = use.name.split('.');
    if (head === 'stages') checkStagePath(file, names, use);
    else if (head === 'params') checkParam(file, names, implicit, { use, name: rest.join('.') });
    else if (rest.length > 0) reportName(file, names, use);
    else if (names.secrets.has(head)) reportSecret(file, use);
    else if (!isDeclared(names, head)) {
      if (names.params) reportName(file, names, use);
      else implicit.add(head);
    }
  }
  return [...implicit];
}

function isDeclared(names: Names, name: string): boolean {
  return (
    BUILT_IN_NAMES.some((known) => known === name) ||
    names.variables.has(name) ||
    (names.params?.has(name) ?? false)
  );
}

function checkParam(
  file: YamlFile,
  names: Names,
  implicit: Set<string>,
  { use, name }: { readonly use: Use; readonly name: string },
): void {
  if (name !== '' && !name.includes('.') && !names.params) implicit.add(name);
  else if (!names.params?.has(name)) {
    const known = [...(names.params ?? [])].map((param) => `params.${param}`);
    reportUndeclared(file, use, known);
  }
}

function checkStagePath(file: YamlFile, names: Names, use: Use): void {
  const rest = use.name.slice('stages.'.length);
  const stage = [...names.stages].find((name) => rest.startsWith(`${name}.`));
  if (stage !== undefined) {
    const field = rest.slice(stage.length + 1);
    if (field === 'status' || /^outputs\../.test(field)) return;
    const message = `{{.${use.name}}}: a stage has "status" and "outputs.NAME"`;
    file.report(use.path, { code: 'unknown-name', message }, { inside: use.inside });
    return;
  }
  const [word = ''] = rest.split('.');
  const hint = suggestion(word, [...names.stages]);
  file.report(
    use.path,
    { code: 'unknown-name', message: `{{.${use.name}}}: there is no stage "${word}"`, hint },
    { inside: use.inside },
  );
}

function reportName(file: YamlFile, names: Names, use: Use): void {
  reportUndeclared(file, use, [...(names.params ?? []), ...names.variables, ...BUILT_IN_NAMES]);
}

function reportUndeclared(file: YamlFile, use: Use, known: readonly string[]): void {
  const message = `{{.${use.name}}}: nothing declares "${use.name}"`;
  file.report(
    use.path,
    { code: 'unknown-name', message, hint: suggestion(use.name, known) },
    { inside: use.inside },
  );
}

function reportSecret(file: YamlFile, use: Use): void {
  const message = `{{.${use.name}}}: a secret is no template value`;
  const hint = `List it under "secrets:" of the stage and read the environment variable: "$${use.name}".`;
  file.report(use.path, { code: 'secret-in-template', message, hint }, { inside: use.inside });
}

/** Every place of every template in a part of the file. */
export function* placesIn(
  file: YamlFile,
  path: Path,
  isTemplate: (text: string, at: Path) => boolean,
): Generator<Use> {
  const root = nodeAt(file.root, path);
  if (!root) return;
  for (const { path: at, node } of scalarsOf(root)) {
    if (typeof node.value !== 'string' || !node.value.includes('{{') || !isTemplate(node.value, at)) continue;
    for (const place of splitPlaces(node.value).places) {
      const inside = place.offset + Math.max(0, place.source.indexOf(`.${place.path}`)) + 1;
      yield { name: place.path, path: [...path, ...at], inside };
    }
  }
}

/** What is a template in a stage: what was compiled; in one that could not be read, what would have been. */
export function templateTest(stage: LoadedStage): (text: string, at: Path) => boolean {
  if (!stage.definition) return (_text, at) => looksCompiled(at);
  const { env, rollback, config } = stage.definition;
  const compiled = new Set<string>();
  collectTexts([env, rollback, config], compiled);
  return (text) => compiled.has(text);
}

function looksCompiled(at: Path): boolean {
  const last = at.at(-1);
  const owner = at.at(-2);
  return last === 'command' || owner === 'env' || owner === 'params' || (owner === 'steps' && at.length > 1);
}

function collectTexts(value: unknown, found: Set<string>): void {
  if (typeof value !== 'object' || value === null) return;
  if ('script' in value && 'text' in value && typeof value.text === 'string') found.add(value.text);
  else for (const inner of Object.values(value)) collectTexts(inner, found);
}

/** Names that steps give to their output (`output: variable:NAME`), wherever they stand. */
export function stepVariables(root: Located): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { path, node } of scalarsOf(root)) {
    const [, name] = path.at(-1) === 'output' ? (/^variable:(\w+)$/.exec(String(node.value)) ?? []) : [];
    if (name !== undefined) found.add(name);
  }
  return found;
}
