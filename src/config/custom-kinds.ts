import { readdir } from 'node:fs/promises';
import { registerHooks } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { z } from 'zod';
import { defineStage, type StageKind } from '../core/stage-kind.ts';
import { type Diagnostic, fileDiagnostic } from './diagnostic.ts';
import { inputSchemaOf } from './schema-keys.ts';
import { probeKinds } from './probe-kinds.ts';
import { syntaxPlace } from './syntax-place.ts';

interface CustomKindDeps {
  /** Where `import … from 'pipewright'` of these files leads: the URL of our own API module. */
  readonly apiUrl: string;
  /** Kinds that the project's may not replace. */
  readonly builtIn: Readonly<Record<string, StageKind>>;
}

export interface CustomKinds {
  readonly kinds: Readonly<Record<string, StageKind>>;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Imports the stage kinds of a project: `pipelines/kinds/*.js` and `*.mjs`. Each exports (as default, or as
 * `stage`) what `defineStage` returns, or a function `({defineStage, z}) => …` that does. One that cannot be
 * used becomes a diagnostic and the others still load. Runs the project's code: first on a thread of its own, where
 * one that does not end can be stopped, then in this process.
 */
export async function loadCustomKinds(projectFolder: string, deps: CustomKindDeps): Promise<CustomKinds> {
  const folder = path.join(path.resolve(projectFolder), 'pipelines', 'kinds');
  const entries = await readdir(folder).catch(() => []);
  const files = entries.filter((name) => /^[^.].*\.m?js$/.test(name)).toSorted();
  if (files.length > 0) leadToApi(folder, deps.apiUrl);
  const kinds: Record<string, StageKind> = {};
  const diagnostics: Diagnostic[] = [];
  const paths = files.map((name) => path.join(folder, name));
  const unusable = await probeKinds(paths, { folder, apiUrl: deps.apiUrl });
  for (const file of paths) {
    const reason = unusable.get(file);
    const loaded =
      reason === undefined ? await loadKind(file) : { problem: fileDiagnostic(file, 'kind', reason) };
    const problem =
      'problem' in loaded ? loaded.problem : clash(file, loaded.kind.kind, { ...deps.builtIn, ...kinds });
    if (problem) diagnostics.push(problem);
    else if ('kind' in loaded) kinds[loaded.kind.kind] = loaded.kind;
  }
  return { kinds, diagnostics };
}

function clash(
  file: string,
  name: string,
  taken: Readonly<Record<string, StageKind>>,
): Diagnostic | undefined {
  if (!Object.hasOwn(taken, name)) return undefined;
  return fileDiagnostic(file, 'kind', `a stage kind "${name}" is already there; choose another name`);
}

const led = new Map<string, string>();

/**
 * A project need not install us to import us, and its `.js` files are ES modules whatever its package.json says.
 * The hooks stay: a kind may import lazily while it runs.
 */
function leadToApi(folder: string, apiUrl: string): void {
  const base = `${pathToFileURL(folder).href}/`;
  if (led.get(base) === apiUrl) return;
  led.set(base, apiUrl);
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'pipewright' && context.parentURL?.startsWith(base)
        ? { url: apiUrl, shortCircuit: true }
        : next(specifier, context),
    load: (url, context, next) =>
      url.startsWith(base) && /\.js(?:\?|$)/.test(url)
        ? next(url, { ...context, format: 'module' })
        : next(url, context),
  });
}

type LoadedKind = { readonly kind: StageKind } | { readonly problem: Diagnostic };

async function loadKind(file: string): Promise<LoadedKind> {
  const refuse = (message: string, hint?: string) => ({
    problem: fileDiagnostic(file, 'kind', message, hint),
  });
  try {
    const exported = await exportOf(file);
    const made: unknown = typeof exported === 'function' ? await exported({ defineStage, z }) : exported;
    if (made === undefined) {
      return refuse(
        'exports no stage kind',
        'Write: export default defineStage({ kind, summary, schema, run }).',
      );
    }
    const parsed = kindShape.safeParse(made);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      return refuse(`the stage kind's "${String(issue?.path[0] ?? 'kind')}" ${issue?.message ?? 'is wrong'}`);
    }
    const { effects, alwaysConfirms, ...kind } = parsed.data;
    // Validation, docs and the picker read the schema as JSON Schema: what cannot be read so fails here.
    inputSchemaOf(kind.schema);
    return { kind: { ...kind, ...(effects && { effects }), ...(alwaysConfirms && { alwaysConfirms }) } };
  } catch (error) {
    return { problem: await explainThrow(file, error) };
  }
}

async function exportOf(file: string): Promise<unknown> {
  const module: unknown = await import(pathToFileURL(file).href);
  if (typeof module !== 'object' || module === null) return undefined;
  return 'default' in module ? module.default : 'stage' in module ? module.stage : undefined;
}

const NAME_RULE = 'must be a name of small letters, digits and "-"';

/** What `defineStage` takes, checked: its types are checked only where there is a compiler. */
const kindShape = z.object(
  {
    kind: z.string(NAME_RULE).regex(/^[a-z][a-z0-9-]{0,63}$/, NAME_RULE),
    summary: z.string('must be one line of text').min(1, 'must be one line of text'),
    schema: z.custom<z.ZodType>(
      (value) => value instanceof Object && '_zod' in value && 'safeParse' in value,
      'must be a zod 4 schema',
    ),
    run: z.custom<StageKind['run']>((value) => typeof value === 'function', 'must be a function'),
    effects: z.enum(['none', 'local', 'remote'], 'must be none, local or remote').optional(),
    alwaysConfirms: z.boolean('must be true or false').optional(),
  },
  'must be what defineStage returns',
);

/** The message and, where the stack names the file, the place; never the stack itself. */
async function explainThrow(file: string, error: unknown): Promise<Diagnostic> {
  const text = error instanceof Error ? error.message : String(error);
  const [message = ''] = text.split('\n', 1);
  const diagnostic = fileDiagnostic(
    file,
    'kind',
    `cannot be loaded: ${message.replaceAll(pathToFileURL(file).href, path.basename(file))}`,
  );
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const place = error instanceof SyntaxError ? await syntaxPlace(file) : placeIn(stack, file);
  return place ? { ...diagnostic, ...place } : diagnostic;
}

function placeIn(
  stack: string,
  file: string,
): { readonly line: number; readonly column: number } | undefined {
  for (const [, url = '', line, column = '1'] of stack.matchAll(
    /(file:\/\/\S+?):(\d+)(?::(\d+))?(?=\D|$)/g,
  )) {
    if (URL.canParse(url) && fileURLToPath(url) === file)
      return { line: Number(line), column: Number(column) };
  }
  return undefined;
}
