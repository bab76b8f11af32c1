import { contextsOf } from '../../core/engine/contexts-of.ts';
import { checkSelection } from '../../core/engine/selection.ts';
import { type PipelineDefinition, QUEUE_CONTEXT } from '../../core/definition.ts';
import type { StartRequest } from '../../core/engine/api.ts';
import { type Failure, failed, ok, type Result } from '../../core/failure.ts';
import type { PipelineRequest, PlanCommand, RunCommand } from '../command.ts';
import { resolveCommits } from '../commits.ts';
import { didYouMean } from '../did-you-mean.ts';
import { driveRun } from '../drive.ts';
import { findEnvironment, inEnvironment } from '../environment.ts';
import { isProblems, orFail, printFailure, printProblems, printView } from '../print.ts';
import { nobody } from '../prompter.ts';
import type { PipelineSource, Problems, ProjectSettings, Services } from '../services.ts';

/** `run`: exit code as DESIGN section 3. */
export async function run(command: RunCommand, services: Services): Promise<number> {
  return withRequest(command, services, command.yes, (request) =>
    driveRun(services, { common: command, assumeYes: command.yes }, (engine, drive) =>
      engine.start(request, drive),
    ),
  );
}

/** `plan`: writes nothing anywhere. */
export async function plan(command: PlanCommand, services: Services): Promise<number> {
  return withRequest(command, services, false, async (request) => {
    const engine = await services.engine(nobody);
    if (!engine.ok) return printProblems(services, command, engine.failure);
    return orFail(services, command, await engine.value.plan(request), async (planned) =>
      printView(services, command, (await services.views()).plan(planned)),
    );
  });
}

/** The first thing that is wrong is said, with all its problems. */
async function withRequest(
  command: PipelineRequest,
  services: Services,
  assumeYes: boolean,
  next: (request: StartRequest) => Promise<number>,
): Promise<number> {
  const prepared = await prepareRequest(command, services);
  if (!prepared.ok) {
    return isProblems(prepared.failure)
      ? printProblems(services, command, prepared.failure)
      : printFailure(services, command, prepared.failure);
  }
  for (const warning of prepared.value.warnings) services.terminal.log('warn', warning);
  return next({ ...prepared.value.request, assumeYes });
}

/** Reads settings, pipeline, parameters and commits; prints nothing. */
export async function prepareRequest(
  command: PipelineRequest,
  services: Services,
): Promise<
  Result<{ readonly request: StartRequest; readonly warnings: readonly string[] }, Problems | Failure>
> {
  const settings = await services.settings();
  if (!settings.ok) return settings;
  const source = await services.pipelines();
  const loaded = await source.load(command.target);
  if (!loaded.ok) return loaded;
  const { definition, warnings } = loaded.value;
  const request = await buildRequest(command, services, { settings: settings.value, source, definition });
  return request.ok ? ok({ request: request.value, warnings }) : request;
}

interface Parts {
  readonly settings: ProjectSettings;
  readonly source: PipelineSource;
  readonly definition: PipelineDefinition;
}

async function buildRequest(
  command: PipelineRequest,
  services: Services,
  { settings, source, definition }: Parts,
): Promise<Result<StartRequest>> {
  const name = command.env ?? settings.environment;
  const environment = findEnvironment(name, settings.environments);
  if (!environment.ok) return environment;
  const context = command.context ?? settings.context;
  const stageSettings = environment.value?.settings ?? settings.stage;
  const missing = missingContext(context, definition, [
    'local',
    QUEUE_CONTEXT,
    ...Object.keys(stageSettings.contexts),
    ...Object.keys(stageSettings.groups),
  ]);
  if (missing) return failed(missing);
  const params = await source.parameters(definition, command.parameters, environment.value?.params ?? {});
  if (!params.ok) return params;
  const commits = await commitsOf(command, services);
  if (!commits.ok) return commits;
  const request: StartRequest = {
    definition,
    params: params.value,
    environment: name,
    trigger: triggerOf(services.env),
    commits: commits.value,
    selection: command.selection,
    project: services.project.root,
    context,
    settings: stageSettings,
    assumeYes: false,
    maxConsecutiveFailures: settings.maxConsecutiveFailures,
    ...runIdOf(services.env),
  };
  // Before the environment adds a stage of its own: what is asked for is what the author wrote.
  const known = checkSelection(request);
  return known.ok ? ok(inEnvironment(request, environment.value, settings.confirmationExpiresMs)) : known;
}

async function commitsOf(command: PipelineRequest, services: Services): Promise<Result<readonly string[]>> {
  return command.commits === undefined
    ? ok([])
    : resolveCommits(command.commits, services.project.root, services.vcs);
}

/** Contexts may be those of another environment: then the run would fail in the middle. */
function missingContext(
  chosen: string,
  definition: PipelineDefinition,
  known: readonly string[],
): Failure | undefined {
  const missing = [chosen, ...contextsOf(definition)].find((context) => !known.includes(context));
  if (missing === undefined) return undefined;
  return {
    reason: 'invalid',
    message: `There is no context "${missing}".${didYouMean(missing, known)}`,
    hint: `known are ${known.join(', ')}`,
  };
}

/** A webhook has told its sender which run this will be. */
function runIdOf(env: NodeJS.ProcessEnv): { readonly runId?: string } {
  const chosen = env['PIPEWRIGHT_RUN_ID'] ?? '';
  return /^\d{8}-\d{6}-[0-9a-f]{7}$/.test(chosen) ? { runId: chosen } : {};
}

/** A hook or a timer that starts us says so; whatever else stands there is not believed. */
function triggerOf(env: NodeJS.ProcessEnv): string {
  const named = env['PIPEWRIGHT_TRIGGER'] ?? '';
  return /^[a-z][a-z-]{0,31}$/.test(named) ? named : 'manual';
}
