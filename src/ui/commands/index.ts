import { type CommitCommands, createCommitCommands } from './commits.ts';
import { type AppCommands, createAppCommands } from './app.ts';
import type { CommandContext } from './context.ts';
import { createDriveCommands, type DriveCommands } from './drive.ts';
import { createFormCommands, type FormCommands } from './form.ts';
import { createHistoryCommands, type HistoryCommands } from './history.ts';
import { createHomeCommands, type HomeCommands } from './home.ts';
import { createPaneCommands, type PaneCommands } from './panes.ts';
import { createReleaseCommands, type ReleaseCommands } from './releases.ts';
import { createRunCommands, type RunCommands } from './run.ts';

/** Everything that a key can do. Components never see it: they draw. */
export interface Commands {
  readonly app: AppCommands;
  readonly home: HomeCommands;
  readonly commits: CommitCommands;
  readonly form: FormCommands;
  readonly run: RunCommands;
  readonly panes: PaneCommands;
  readonly history: HistoryCommands;
  readonly releases: ReleaseCommands;
  readonly drive: DriveCommands;
}

/** Everything that keys can do, by the part of the screen it belongs to. */
export function createCommands(context: CommandContext, helpLines: () => readonly string[]): Commands {
  const app = createAppCommands(context, helpLines);
  const drive = createDriveCommands(context, () => void home.refresh());
  const run = createRunCommands(context, app, drive);
  const form = createFormCommands(context, app, drive, {
    openCommits: (target, orElse) => commits.open(target, orElse),
  });
  const commits = createCommitCommands(context, app, { openForm: form.open });
  const home = createHomeCommands(context, app, {
    openPipeline: (target) => form.open(target),
    openCommits: (target) => commits.open(target),
    openRun: run.open,
    continueRun: (runId, title) => drive.start({ type: 'continue', runId }, title),
  });
  const history = createHistoryCommands(context, app, run.open);
  const releases = createReleaseCommands(context, app, drive, { openRun: run.open });
  return { app, home, commits, form, run, panes: createPaneCommands(context, app), history, releases, drive };
}
