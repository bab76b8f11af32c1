import type { Command, RerunCommand } from '../command.ts';
import { driveRun } from '../drive.ts';
import { orFail, printFailure, printProblems, printView, withRun } from '../print.ts';
import { nobody } from '../prompter.ts';
import type { Services } from '../services.ts';

const OPEN = new Set(['waiting', 'interrupted', 'failed', 'running']);

/** `continue`: the newest run with open stages unless one is named. */
export async function continueRun(
  command: Extract<Command, { readonly name: 'continue' }>,
  services: Services,
): Promise<number> {
  const query = command.run ?? (await newestOpenRun(services));
  if (query === undefined) {
    return printFailure(services, command, {
      reason: 'invalid',
      message: 'no run is waiting, interrupted or failed',
      hint: 'pipewright runs  lists all of them',
    });
  }
  return withRun(services, command, query, (runId) =>
    driveRun(services, { common: command, assumeYes: command.yes }, (engine, drive) =>
      engine.continue(runId, drive),
    ),
  );
}

async function newestOpenRun(services: Services): Promise<string | undefined> {
  const index = await (await services.store()).index();
  return index.ok ? index.value.runs.find(({ status }) => OPEN.has(status))?.pipeline_id : undefined;
}

/** `rerun`, or with `--plan` only what it would do. */
export async function rerun(command: RerunCommand, services: Services): Promise<number> {
  const { stages, downstream, failed } = command;
  const choice = { stages, downstream, failed };
  return withRun(services, command, command.run, async (runId) => {
    if (!command.planOnly) {
      return driveRun(services, { common: command, assumeYes: command.yes }, (engine, drive) =>
        engine.rerun(runId, choice, drive),
      );
    }
    const engine = await services.engine(nobody);
    if (!engine.ok) return printProblems(services, command, engine.failure);
    return orFail(services, command, await engine.value.planAgain(runId, choice), async (planned) =>
      printView(services, command, (await services.views()).plan(planned)),
    );
  });
}
