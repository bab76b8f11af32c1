import type { RerunChoice } from '../../core/engine/api.ts';
import { isOver } from '../../core/engine/over.ts';
import { undoLines, undoOf } from '../../core/engine/undo.ts';
import type { RunEvent } from '../../core/events.ts';
import { ok, type Result } from '../../core/failure.ts';
import { foldRun, type RunState } from '../../core/run-state.ts';
import type { Command, Common, RerunCommand } from '../command.ts';
import { driveRun } from '../drive.ts';
import { sayEdits } from '../edited.ts';
import { exitCodeOf } from '../exit-code.ts';
import { orFail, printFailure, printProblems, printView, withRun } from '../print.ts';
import { nobody } from '../prompter.ts';
import type { Services } from '../services.ts';

const OPEN = new Set(['waiting', 'interrupted', 'failed', 'running']);

/** `continue`: the newest run with open stages unless one is named. */
export async function continueRun(
  command: Extract<Command, { readonly name: 'continue' }>,
  services: Services,
): Promise<number> {
  const newest = command.run === undefined ? await newestOpenRun(services) : ok(command.run);
  if (!newest.ok) return printFailure(services, command, newest.failure);
  const query = newest.value;
  if (query === undefined) {
    return printFailure(services, command, {
      reason: 'invalid',
      message: 'no run is waiting, interrupted or failed',
      hint: 'pipewright runs  lists all of them',
    });
  }
  return withRun(services, command, query, async (runId, store) => {
    const stored = await store.read(runId);
    const state = stored.ok ? foldRun(runId, stored.value.events) : undefined;
    if (stored.ok && state && isOver(state)) return sayOver(services, command, stored.value.events, state);
    if (stored.ok) await sayEdits(services, stored.value.events);
    return driveRun(services, { common: command, assumeYes: command.yes }, (engine, drive) =>
      engine.continue(runId, drive),
    );
  });
}

/** Nothing is done; the exit code is the one the run ended with. */
async function sayOver(
  services: Services,
  common: Common,
  events: readonly RunEvent[],
  state: RunState,
): Promise<number> {
  const { terminal } = services;
  terminal.say(`pipewright: run ${state.run_id} has already ended: ${state.status}; nothing of it is open`);
  terminal.say(`  pipewright rerun ${state.run_id} <stage>  runs a stage of it again`);
  const end = events.findLast(({ type }) => type === 'run.finished');
  if (common.json && end) await terminal.write(`${JSON.stringify(end)}\n`);
  return exitCodeOf(state, common.strict, undefined);
}

async function newestOpenRun(services: Services): Promise<Result<string | undefined>> {
  const index = await (await services.store()).index();
  return index.ok ? ok(index.value.runs.find(({ status }) => OPEN.has(status))?.pipeline_id) : index;
}

/** `rerun`, or with `--plan` only what it would do. */
export async function rerun(command: RerunCommand, services: Services): Promise<number> {
  const { stages, downstream, failed, skip } = command;
  const choice: RerunChoice = { stages, downstream, failed, ...(skip.length > 0 && { skip }) };
  return withRun(services, command, command.run, async (runId, store) => {
    const stored = await store.read(runId);
    if (stored.ok) await sayEdits(services, stored.value.events);
    if (command.planOnly) {
      return command.rollback
        ? planUndo(command, services, runId)
        : planAgain(command, services, { runId, choice });
    }
    return driveRun(services, { common: command, assumeYes: command.yes }, (engine, drive) =>
      command.rollback ? engine.undo(runId, drive) : engine.rerun(runId, choice, drive),
    );
  });
}

async function planAgain(
  command: RerunCommand,
  services: Services,
  { runId, choice }: { readonly runId: string; readonly choice: RerunChoice },
): Promise<number> {
  const engine = await services.engine(nobody);
  if (!engine.ok) return printProblems(services, command, engine.failure);
  return orFail(services, command, await engine.value.planAgain(runId, choice), async (planned) =>
    printView(services, command, (await services.views()).plan(planned)),
  );
}

/** The stages that `--rollback` would undo, with the commands that do it. */
async function planUndo(command: RerunCommand, services: Services, runId: string): Promise<number> {
  const state = await services.state(runId);
  if (!state.ok) return printFailure(services, command, state.failure);
  return orFail(services, command, undoOf(state.value), (undo) =>
    printView(services, command, {
      lines: () => undoLines(state.value, undo),
      document: () => ({ run_id: runId, cause: undo.cause, stages: undo.stages }),
    }),
  );
}
