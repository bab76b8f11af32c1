import path from 'node:path';
import { slug } from '../../core/engine/slug.ts';
import type { RunEvent } from '../../core/events.ts';
import type { StoredRun } from '../../core/ports.ts';
import { isOfPlace } from '../../core/log-place.ts';
import { foldRun, idleRun, reduce, type RunState } from '../../core/run-state.ts';
import type { LogsCommand } from '../command.ts';
import { orFail, printFailure, printJson, withRun } from '../print.ts';
import type { CommandStore, Services } from '../services.ts';
import { watchStopSignals } from '../stop-signals.ts';

/** Lines of each log that `--json` prints unless `--lines` says otherwise. */
const JSON_LINES = 1_000;

/** The output of one command, or of a stage itself. */
interface LogFile {
  readonly stage: string;
  readonly step: string | null;
  readonly attempt: number | null;
  /** Relative to the run's folder. */
  readonly log: string;
}

/** `logs`: what the commands printed, in the order in which they began, every attempt. */
export async function logs(command: LogsCommand, services: Services): Promise<number> {
  if (command.follow && command.json) {
    return printFailure(services, command, {
      reason: 'invalid',
      message: '--follow prints lines as they come; it has no --json',
    });
  }
  return withRun(services, command, command.run, async (runId, store) =>
    orFail(services, command, await store.read(runId), async (stored) => {
      const [damage] = stored.damage;
      if (damage)
        await printFailure(services, { ...command, json: false }, { reason: 'journal-corrupt', ...damage });
      const unknown = unknownStage(stored, command.stage);
      if (unknown) return printFailure(services, command, unknown);
      if (command.follow) return follow(command, services, { store, stored });
      return command.json ? printDocument(command, services, stored) : printText(command, services, stored);
    }),
  );
}

/** Says so when the run has no such stage. */
export function unknownStage(stored: StoredRun, stage: string | undefined) {
  const known = Object.keys(stateOf(stored).stages);
  const isKnown = stage === undefined || known.includes(stage) || logFiles(stored, stage).length > 0;
  return isKnown
    ? undefined
    : ({
        reason: 'invalid',
        message: `no stage "${stage}" in run ${stored.runId}`,
        hint: `its stages: ${known.join(', ')}`,
      } as const);
}

function stateOf(stored: StoredRun): RunState {
  return foldRun(stored.runId, stored.events);
}

/** In the order in which they began. */
export function logFiles(stored: StoredRun, stage: string | undefined): readonly LogFile[] {
  const byLog = new Map<string, LogFile>();
  const add = (file: LogFile): void => {
    if (isOfPlace(stage, file.stage, file.step)) byLog.set(file.log, byLog.get(file.log) ?? file);
  };
  for (const event of stored.events) {
    if (event.type === 'stage.started') {
      add({ stage: event.stage, step: null, attempt: null, log: `logs/${slug(event.stage)}.log` });
    }
    if (event.type === 'step.started') {
      add({ stage: event.stage, step: event.step, attempt: event.attempt, log: event.log });
    }
  }
  return [...byLog.values()];
}

async function printText(command: LogsCommand, services: Services, stored: StoredRun): Promise<number> {
  const views = await services.views();
  const files = logFiles(stored, command.stage);
  const hasHeads = files.filter(({ step }) => step !== null).length > 1;
  for (const file of files) {
    let isFirst = true;
    for await (const text of views.copyLog(path.join(stored.folder, file.log), command.lines)) {
      if (services.terminal.closed.aborted) return 0;
      await services.terminal.write(isFirst && hasHeads ? `${headOf(file)}\n${text}` : text);
      isFirst = false;
    }
  }
  return 0;
}

/** What stands above a log where there are several. */
export function headOf({ stage, step, attempt }: LogFile): string {
  const again = attempt !== null && attempt > 1 ? ` (attempt ${attempt})` : '';
  return `==> ${step === null ? stage : `${stage}.${step}`}${again} <==`;
}

async function printDocument(command: LogsCommand, services: Services, stored: StoredRun): Promise<number> {
  const views = await services.views();
  const limit = command.lines ?? JSON_LINES;
  const documents: object[] = [];
  for (const file of logFiles(stored, command.stage)) {
    let text = '';
    // One more than is printed: tells whether there was more.
    for await (const piece of views.copyLog(path.join(stored.folder, file.log), limit + 1)) text += piece;
    const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n');
    if (file.step === null && lines.length === 0) continue;
    documents.push({
      ...file,
      path: path.join(stored.folder, file.log),
      lines: lines.slice(Math.max(0, lines.length - limit)),
      truncated: lines.length > limit,
    });
  }
  await printJson(services, { pipeline_id: stored.runId, logs: documents });
  return 0;
}

/** Until the process that owns the run ends, or somebody stops us. */
async function follow(
  command: LogsCommand,
  services: Services,
  { store, stored }: { readonly store: CommandStore; readonly stored: StoredRun },
): Promise<number> {
  const views = await services.views();
  const stop = watchStopSignals(services.terminal.closed, () => process.exit(130));
  const shown = views.createLogFollower({
    runFolder: () => stored.folder,
    ...(command.stage !== undefined && { stage: command.stage }),
  });
  let state = idleRun(stored.runId);
  const take = (event: RunEvent): void => {
    state = reduce(state, event);
    shown.observe(event, state);
  };
  try {
    stored.events.forEach(take);
    if (stored.owner) {
      const from = (stored.events.at(-1)?.seq ?? -1) + 1;
      for await (const event of store.follow(stored.runId, from, stop.signal)) take(event);
    }
    await shown.close();
    return stop.cause() === 'SIGTERM' ? 143 : stop.cause() === 'SIGINT' ? 130 : 0;
  } finally {
    stop.dispose();
  }
}
