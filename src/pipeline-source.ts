import { homedir } from 'node:os';
import path from 'node:path';
import type { RawParameter } from './cli/command.ts';
import { GLOBAL_OPTIONS, JSON_OPTION, PIPELINE_OPTIONS, YES } from './cli/options.ts';
import type { CheckedFile, PipelineSource, Problems, ProjectSettings } from './cli/services.ts';
import type { Terminal } from './cli/terminal.ts';
import { PROJECT_FILE } from './config/find-project.ts';
import { renderDiagnostic, type Diagnostic } from './config/diagnostic.ts';
import { findPipelines, resolvePipeline } from './config/find-pipelines.ts';
import { loadPipeline, type LoadDeps } from './config/load-pipeline.ts';
import { claimDiagnostics } from './config/pipeline-files.ts';
import { checkProject } from './config/project.ts';
import { closest } from './core/closest.ts';
import type { PipelineDefinition } from './core/definition.ts';
import { failed, type Failure, type Result } from './core/failure.ts';
import { parseParameters, type GivenParameter, type ParameterProblem } from './core/parameters.ts';

/** What the project says, ready for the loader and for the engine. */
export interface Config {
  readonly deps: LoadDeps;
  readonly settings: ProjectSettings;
  /** Of stage kinds that could not be loaded: those pipelines that do not use them still run. */
  readonly kindProblems: readonly Diagnostic[];
}

interface SourceParts {
  readonly config: () => Promise<Result<Config, Problems>>;
  readonly terminal: Terminal;
  readonly cwd: string;
}

/** What commands ask about pipelines, answered by src/config. Part of the composition root, apart so that only some commands load it. */
export function createPipelineSource({ config, terminal, cwd }: SourceParts): PipelineSource {
  const check = async (file: string, deps: LoadDeps): Promise<CheckedFile> => {
    const diagnostics =
      path.basename(file) === PROJECT_FILE
        ? await checkProject(path.dirname(file))
        : [...(await claimDiagnostics(file)), ...(await checkPipeline(file, deps))];
    const isValid = diagnostics.every(({ severity }) => severity !== 'error');
    return { file: shortPath(file, cwd), isValid, ...problemsOf(diagnostics, terminal) };
  };
  return {
    list: async () => {
      const loaded = await config();
      const found = loaded.ok ? await findPipelines(loaded.value.deps) : [];
      return found.map(({ name, file, description, problems, origin }) => ({
        name,
        file: shortPath(file, cwd),
        isShipped: origin === 'shipped',
        isBroken: problems > 0,
        ...(description !== undefined && { description }),
      }));
    },
    load: async (target) => {
      const loaded = await config();
      if (!loaded.ok) return loaded;
      const { deps, kindProblems } = loaded.value;
      const file = await resolvePipeline(target, deps, cwd);
      if (!file.ok) return file;
      const pipeline = await loadPipeline(file.value, deps);
      if (!pipeline.ok) {
        return { ok: false, failure: problemsOf([...kindProblems, ...pipeline.failure], terminal) };
      }
      const warnings = problemsOf([...kindProblems, ...pipeline.warnings], terminal);
      return { ok: true, value: { definition: pipeline.value, warnings: warnings.text } };
    },
    validate: async (targets) => {
      const loaded = await config();
      if (!loaded.ok) return [{ file: 'pipewright.yaml', isValid: false, ...loaded.failure }];
      const { deps, kindProblems } = loaded.value;
      const own = (await findPipelines(deps))
        .filter(({ origin }) => origin === 'project')
        .map(({ file }) => file);
      const all = [...(deps.project.file === undefined ? [] : [deps.project.file]), ...own];
      const files =
        targets.length === 0 ? all : await Promise.all(targets.map((target) => fileOf(target, deps, cwd)));
      const checked = await Promise.all(files.map((file) => check(file, deps)));
      const kinds = await Promise.all(
        kindProblems.map(async (problem) => ({
          file: shortPath(problem.file, cwd),
          isValid: false,
          ...problemsOf([problem], terminal),
        })),
      );
      return targets.length === 0 ? [...kinds, ...checked] : checked;
    },
    parameters: async (definition, given, preset) => {
      const declared = Object.entries(preset).filter(([name]) => Object.hasOwn(definition.params, name));
      const presets = declared.map(([name, value]) => [name, String(value)] as const);
      const values = { ...Object.fromEntries(presets), ...collect(given) };
      const parsed = parseParameters(definition.params, values, { home: homedir() });
      if (parsed.ok) return parsed;
      return failed(parameterFailure(parsed.failure.map((problem) => asTyped(problem, definition))));
    },
  };
}

/** Options of the commands that take a pipeline. */
const OPTION_NAMES = [...PIPELINE_OPTIONS, YES, JSON_OPTION, ...GLOBAL_OPTIONS].map(({ name }) => name);

/** Who mistypes an option of ours has, for the parser, given a parameter. */
function asTyped(problem: ParameterProblem, { params }: PipelineDefinition): ParameterProblem {
  const { name } = problem;
  if (Object.hasOwn(params, name)) {
    const isTaken = params[name]?.required && OPTION_NAMES.includes(name);
    return isTaken && problem.message === 'is required.'
      ? { ...problem, hint: `Give it with --set ${name}=…; --${name} is an option.` }
      : problem;
  }
  const option = closest(name, OPTION_NAMES);
  const isParameter = closest(name, [...Object.keys(params), ...OPTION_NAMES]) !== option;
  return option === undefined || isParameter ? problem : { ...problem, hint: `Did you mean --${option}?` };
}

function parameterFailure(problems: readonly ParameterProblem[]): Failure {
  const [first, ...more] = problems;
  if (more.length > 0) {
    const sentences = problems.map((problem) => [sentenceOf(problem), problem.hint ?? ''].join(' ').trim());
    return { reason: 'invalid', message: sentences.join(' ') };
  }
  const message = problems.map(sentenceOf).join('');
  return { reason: 'invalid', message, ...(first?.hint !== undefined && { hint: first.hint }) };
}

function sentenceOf({ name, message }: ParameterProblem): string {
  return /^[a-z]/.test(message) ? `Parameter ${name} ${message}` : message;
}

/** Given several times, it is a list of what was given; without a value, it is a flag. */
function collect(given: readonly RawParameter[]): Readonly<Record<string, GivenParameter>> {
  const values = new Map<string, GivenParameter>();
  for (const { name, value } of given) {
    const before = values.get(name);
    const now = value ?? true;
    if (before === undefined) values.set(name, now);
    else values.set(name, [...(typeof before === 'object' ? before : [String(before)]), String(now)]);
  }
  return Object.fromEntries(values);
}

/** A name, a file, or something that is neither: then the loader says so, at its place. */
async function fileOf(target: string, deps: LoadDeps, cwd: string): Promise<string> {
  const file = await resolvePipeline(target, deps, cwd);
  return file.ok ? file.value : path.resolve(cwd, target);
}

async function checkPipeline(file: string, deps: LoadDeps): Promise<readonly Diagnostic[]> {
  const loaded = await loadPipeline(file, deps);
  return loaded.ok ? loaded.warnings : loaded.failure;
}

/** Problems in files, drawn for this terminal and as they are. */
export function problemsOf(diagnostics: readonly Diagnostic[], { hasColor }: Terminal): Problems {
  return {
    text: diagnostics.map((diagnostic) =>
      renderDiagnostic(
        { ...diagnostic, file: shortPath(diagnostic.file, process.cwd()) },
        { color: hasColor },
      ),
    ),
    diagnostics,
  };
}

function shortPath(file: string, cwd: string): string {
  const relative = path.relative(cwd, file);
  return relative.startsWith('..') ? file : relative;
}
