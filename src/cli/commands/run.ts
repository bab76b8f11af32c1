import type { StartRequest } from '../../core/engine/api.ts';
import type { PipelineRequest, PlanCommand, RunCommand } from '../command.ts';
import { resolveCommits } from '../commits.ts';
import { driveRun } from '../drive.ts';
import { isProblems, orFail, printFailure, printProblems, printView } from '../print.ts';
import { nobody } from '../prompter.ts';
import type { Services } from '../services.ts';

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

/** Reads pipeline, parameters, commits and settings; the first that is wrong is said, with all its problems. */
async function withRequest(
  command: PipelineRequest,
  services: Services,
  assumeYes: boolean,
  next: (request: StartRequest) => Promise<number>,
): Promise<number> {
  const settings = await services.settings();
  if (!settings.ok) return printProblems(services, command, settings.failure);
  const source = await services.pipelines();
  const loaded = await source.load(command.target);
  if (!loaded.ok) {
    return isProblems(loaded.failure)
      ? printProblems(services, command, loaded.failure)
      : printFailure(services, command, loaded.failure);
  }
  const { definition, warnings } = loaded.value;
  for (const warning of warnings) services.terminal.log('warn', warning);
  const params = await source.parameters(definition, command.parameters);
  if (!params.ok) return printFailure(services, command, params.failure);
  const commits =
    command.commits === undefined
      ? ({ ok: true, value: [] } as const)
      : await resolveCommits(command.commits, services.project.root);
  return orFail(services, command, commits, (ids) =>
    next({
      definition,
      params: params.value,
      environment: command.env ?? settings.value.environment,
      trigger: 'manual',
      commits: ids,
      selection: command.selection,
      project: services.project.root,
      context: command.context ?? settings.value.context,
      assumeYes,
      maxConsecutiveFailures: settings.value.maxConsecutiveFailures,
    }),
  );
}
