import { undoLines, undoOf } from '../../core/engine/undo.ts';
import type { RunState } from '../../core/run-state.ts';
import { placeOf } from '../model/tree.ts';
import type { RunView } from '../state.ts';
import { oneLine } from '../text.ts';
import type { AppCommands } from './app.ts';
import { type CommandContext, sayRefusal, withBusy } from './context.ts';
import type { DriveCommands } from './drive.ts';

/** What would be undone first; nothing begins before it was seen. */
export function offerUndo(
  app: AppCommands,
  drive: DriveCommands,
  { run, runId, state }: { readonly run: RunView; readonly runId: string; readonly state: RunState },
): void {
  const undo = undoOf(state);
  if (!undo.ok) return;
  app.showPage({
    title: `Roll back ${runId}: this would happen`,
    lines: [...undoLines(state, undo.value), '', 'The run ends as rolled back.'],
    offer: { label: 'undo it', accept: () => drive.start({ type: 'undo', runId }, run.title) },
  });
}

/** The plan first; nothing begins before it was seen. */
export function offerRerun(
  context: CommandContext,
  app: AppCommands,
  drive: DriveCommands,
  { run, runId }: { readonly run: RunView; readonly runId: string },
): Promise<void> {
  const stage = run.chosen === undefined ? undefined : placeOf(run.chosen).stage;
  if (stage === undefined) return Promise.resolve();
  const choice = { stages: [stage], downstream: true, failed: false };
  return withBusy(context, 'planning', async () => {
    const plan = await context.backend.planAgain(runId, choice);
    if (!plan.ok) return sayRefusal(context.store, plan.failure);
    app.showPage({
      title: `Rerun from ${oneLine(stage)}: this would happen`,
      lines: context.backend.text.plan(plan.value),
      offer: { label: 'start it', accept: () => drive.start({ type: 'rerun', runId, choice }, run.title) },
    });
  });
}
