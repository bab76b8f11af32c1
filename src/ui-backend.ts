import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { openCanceller } from './cli/canceller.ts';
import { wayLines } from './cli/commands/rollback.ts';
import { prepareRequest } from './cli/commands/run.ts';
import type { Common, RawParameter } from './cli/command.ts';
import { isProblems } from './cli/print.ts';
import { nobody } from './cli/prompter.ts';
import type { Problems, Services, Views } from './cli/services.ts';
import type { Engine } from './core/engine/api.ts';
import { slug } from './core/engine/slug.ts';
import { ok, toFailure, type Failure, type Result } from './core/failure.ts';
import { parseParameters } from './core/parameters.ts';
import type { StepProgress, StreamProgress } from './core/stream-report.ts';
import { sanitizeText } from './core/terminal-text.ts';
import { inheritedEnvironment } from './executors/local/environment.ts';
import { allReleases, lastDeployed } from './ui-deployed.ts';
import { savePreferences } from './ui-preferences.ts';
import type { Backend, OpenedPipeline, Refusal, RunOrder, ShellPlace } from './ui/backend.ts';

export interface BackendParts {
  readonly services: Services;
  readonly common: Common;
  readonly views: Views;
  /** Drives runs; see src/screen-session.ts. */
  readonly drive: Backend['drive'];
}

/** The screen's port, filled from the services that the commands use. Part of the composition root. */
export function createBackend(parts: BackendParts): Backend {
  const { services, views } = parts;
  const runFolder = (runId: string): string => path.join(services.project.stateDir, 'runs', runId);
  const refusing = <T>(result: Result<T, Problems | Failure>): Result<T, Refusal> =>
    result.ok ? result : { ok: false, failure: refusalOf(views, result.failure) };
  return {
    ...createLookups(parts, refusing),
    project: shortHome(services.project.root),
    drive: parts.drive,
    runFolder,
    streamProgress: (runId, stage) =>
      readProgress(path.join(runFolder(runId), 'artifacts', slug(stage), 'progress.json')),
    check: ({ definition, presets }, given, environment) => {
      const preset = Object.entries(presets[environment] ?? {});
      const declared = preset.filter(([name]) => Object.hasOwn(definition.params, name));
      return parseParameters(
        definition.params,
        { ...Object.fromEntries(declared), ...given },
        { home: homedir() },
      );
    },
    completePath: (prefix) => completePath(services.project.root, prefix),
    cancel: async (runId) => refusing(await (await openCanceller(services)).cancel(runId)),
    kill: (runId) => void services.runProcesses().then(({ kill }) => kill(runId)),
    shell: (place) => openShell(services, place),
    openFile: async (file) => {
      const { PAGER, EDITOR } = process.env;
      // The variable is the person's own command line; the file is an argument of it, never part of it.
      await runHere('/bin/sh', ['-c', `${PAGER || EDITOR || 'less -R'} "$1"`, 'sh', file], {});
    },
    suspend: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      process.once('SIGCONT', () => resolve());
      // The whole foreground group: a launcher in front of us would otherwise keep the terminal.
      process.kill(0, 'SIGTSTP');
      return promise;
    },
    savePreferences: (preferences) => void savePreferences(services.env, preferences),
    text: {
      why: (state, stage) => {
        const stages = Object.values(state.stages);
        return views
          .why(state, stage === undefined ? stages : stages.filter(({ name }) => name === stage))
          .lines();
      },
      show: (state) => views.show(state, { folder: runFolder(state.run_id) }).lines(),
      plan: (plan) => views.plan(plan).lines(),
      failure: views.describeFailure,
    },
  };
}

type Lookups = Pick<
  Backend,
  | 'releases'
  | 'waysBack'
  | 'repository'
  | 'deployedCommit'
  | 'pipelines'
  | 'index'
  | 'history'
  | 'load'
  | 'plan'
  | 'planAgain'
  | 'read'
  | 'watch'
>;
const AFTERWARDS =
  'It is a run of its own: through the gate, the first host before the others, then smoke test and watchdog. What serves now is marked bad.';

type Refusing = <T>(result: Result<T, Problems | Failure>) => Result<T, Refusal>;

function createLookups(parts: BackendParts, refusing: Refusing): Lookups {
  const { services } = parts;
  const withEngine = async <T>(ask: (engine: Engine) => Promise<Result<T>>): Promise<Result<T, Refusal>> => {
    const engine = await services.engine(nobody);
    return engine.ok ? refusing(await ask(engine.value)) : refusing(engine);
  };
  return {
    pipelines: async () => (await services.pipelines()).list(),
    index: async () => refusing(await (await services.store()).index()),
    history: async (limit) => {
      const runs = [];
      for await (const run of (await services.store()).history({ limit })) runs.push(run);
      return runs.slice(0, limit);
    },
    repository: async () => refusing(await (await import('./vcs/index.ts')).openVcs(services.project.root)),
    releases: () => allReleases(services),
    waysBack: async ({ environment, services: names, to }) => {
      const desk = await services.delivery();
      const ways = await desk.waysBack(environment, { services: names, ...(to !== undefined && { to }) });
      return refusing(ways.ok ? ok([...wayLines(ways.value, services), '', AFTERWARDS]) : ways);
    },
    deployedCommit: (pipeline) => lastDeployed(services, pipeline),
    load: async (target) => refusing(await loadPipeline(services, target)),
    plan: async (order) => {
      const prepared = await prepareOrder(parts, order);
      return prepared.ok ? withEngine((engine) => engine.plan(prepared.value.request)) : refusing(prepared);
    },
    planAgain: (runId, choice) => withEngine((engine) => engine.planAgain(runId, choice)),
    read: async (runId) => refusing(await services.state(runId)),
    watch: async (runId, { seq, observe }, signal) => {
      for await (const event of (await services.store()).follow(runId, seq, signal)) observe(event);
    },
  };
}

/** The request that `pipewright run` would make of it. */
export function prepareOrder(
  { services, common }: Pick<BackendParts, 'services' | 'common'>,
  { target, values, environment, commits }: RunOrder,
): ReturnType<typeof prepareRequest> {
  const parameters: readonly RawParameter[] = values;
  const request = { ...common, target, parameters, selection: { skip: [], only: [] } };
  return prepareRequest(
    {
      ...request,
      ...(environment !== undefined && { env: environment }),
      ...(commits !== undefined && { commits }),
    },
    services,
  );
}

/** What is wrong, in lines; the last one says what can be done, where something can. */
export function refusalOf(views: Views, failure: Problems | Failure): Refusal {
  if (isProblems(failure)) return { lines: failure.text.flatMap((text) => text.split('\n')) };
  const hint = views.hintFor(failure);
  return { lines: [views.describeFailure(failure), ...(hint === undefined ? [] : [sanitizeText(hint)])] };
}

/** A refusal for what was thrown: a bug, or a state that cannot be read. */
export function refusalOfError(views: Views, error: unknown): Refusal {
  return refusalOf(views, toFailure(error));
}

async function loadPipeline(
  services: Services,
  target: string,
): Promise<Result<OpenedPipeline, Problems | Failure>> {
  const settings = await services.settings();
  if (!settings.ok) return settings;
  const loaded = await (await services.pipelines()).load(target);
  if (!loaded.ok) return loaded;
  const { definition, warnings } = loaded.value;
  const { environment, environments } = settings.value;
  const presets = Object.entries(environments).map(([name, { params }]) => {
    const texts = Object.entries(params).map(([key, value]) => [key, String(value)] as const);
    return [name, Object.fromEntries(texts)] as const;
  });
  const index = await (await services.store()).index();
  const last = index.ok ? index.value.runs.find(({ pipeline }) => pipeline === definition.name) : undefined;
  const state = last ? await services.state(last.pipeline_id) : undefined;
  const lastValues = state?.ok ? state.value.created?.params : undefined;
  return {
    ok: true,
    value: {
      definition,
      warnings,
      environment,
      environments: Object.keys(environments),
      presets: Object.fromEntries(presets),
      ...(lastValues && { lastValues }),
    },
  };
}

/** Most names of one folder that are offered. */
const MOST_COMPLETIONS = 200;

async function completePath(root: string, prefix: string): Promise<readonly string[]> {
  const cut = prefix.lastIndexOf('/') + 1;
  const folder = prefix.slice(0, cut);
  const start = prefix.slice(cut);
  const expanded = folder.startsWith('~/') ? path.join(homedir(), folder.slice(2)) : folder;
  const entries = await readdir(path.resolve(root, expanded), { withFileTypes: true }).catch(() => []);
  return entries
    .filter(({ name }) => name.startsWith(start) && (start.startsWith('.') || !name.startsWith('.')))
    .slice(0, MOST_COMPLETIONS)
    .map((entry) => `${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`)
    .toSorted();
}

async function openShell(services: Services, { runId, stage, workdir }: ShellPlace): Promise<void> {
  const state = await services.state(runId);
  const created = state.ok ? state.value.created : undefined;
  // Variables that secrets are read from: a shell on the screen must not show them.
  const hidden = Object.values(created?.definition.secrets ?? {}).flatMap((reference) =>
    reference.startsWith('env:') ? [reference.slice('env:'.length)] : [],
  );
  const env = inheritedEnvironment(process.env, hidden);
  const shell = env['SHELL'] ?? '/bin/sh';
  const where = stage === undefined ? `run ${runId}` : `stage ${sanitizeText(stage)} of run ${runId}`;
  process.stdout.write(`pipewright: a shell for ${where}; exit comes back to the screen\n`);
  await runHere(shell, [], {
    cwd: path.resolve(services.project.root, workdir ?? '.'),
    env: { ...env, PIPEWRIGHT_RUN: runId, ...(stage !== undefined && { PIPEWRIGHT_STAGE: stage }) },
  });
}

/** Not begun yet, or of another version: nothing is known. The file is replaced as a whole. */
async function readProgress(file: string): Promise<readonly StepProgress[]> {
  try {
    const progress: StreamProgress = JSON.parse(await readFile(file, 'utf8'));
    return Array.isArray(progress.steps) ? progress.steps : [];
  } catch {
    return [];
  }
}

/** A program on this terminal; resolves when it has ended, also when it cannot be started. */
function runHere(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> },
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const child = spawn(program, args, { ...options, stdio: 'inherit' });
  child.on('error', () => resolve());
  child.on('close', () => resolve());
  return promise;
}

function shortHome(folder: string): string {
  const home = homedir();
  return folder === home || folder.startsWith(`${home}/`) ? `~${folder.slice(home.length)}` : folder;
}
