import path from 'node:path';
import process from 'node:process';
import { harmlessJson } from '../core/terminal-text.ts';
import type { Drive } from '../core/engine/api.ts';
import type { RunState } from '../core/run-state.ts';
import type { Common } from './command.ts';
import { createDeployGuard } from './deploy-guard.ts';
import { exitCodeOf } from './exit-code.ts';
import { printFailure, printProblems } from './print.ts';
import { createPrompter, nobody } from './prompter.ts';
import type { Services, ShownRun, StartRun } from './services.ts';
import { wantsScreen } from './wants-screen.ts';
import { watchStopSignals, type StopSignals } from './stop-signals.ts';

/** After a stop, output that nobody takes is given up this much later, milliseconds. */
const FLUSH_AFTER_STOP_MS = 1_000;
/** After a second Ctrl-C the engine gets this long to write down how it ended, milliseconds. */
const IMPATIENT_MS = 3_000;

interface DriveOptions {
  readonly common: Common;
  readonly assumeYes: boolean;
}

/** Drives a run in this process: shows it, answers signals, asks questions. Resolves with the exit code. */
export async function driveRun(
  services: Services,
  { common, assumeYes }: DriveOptions,
  start: StartRun,
): Promise<number> {
  if (wantsScreen(services, common)) return services.screen(common, { assumeYes, start });
  const { terminal } = services;
  const settings = await services.settings();
  if (!settings.ok) return printProblems(services, common, settings.failure);
  const views = await services.views();
  const runFolder = (runId: string): string => path.join(services.project.stateDir, 'runs', runId);
  const reporter = views.createReporter(common.output === 'json' ? 'json' : 'plain', { runFolder });
  const asks = terminal.isInteractive && common.output !== 'json';
  const engine = await services.engine(asks ? createPrompter(terminal, reporter.flush) : nobody);
  if (!engine.ok) return printProblems(services, common, engine.failure);

  const processes = await services.runProcesses();
  let runId: string | undefined;
  let latest: RunState | undefined;
  const guard = createDeployGuard({
    terminal,
    asks,
    state: () => latest,
    stop: (reason) => stop.stop(reason),
    flush: reporter.flush,
  });
  const stop = watchStopSignals(terminal.closed, () => endAtOnce(services, runId, processes.kill), guard);
  const observe: Drive['observers'][number] = (event, state) => {
    runId = event.run_id;
    latest = state;
    reporter.observe(event, state);
  };
  try {
    const result = await start(engine.value, {
      signal: stop.signal,
      observers: [observe],
      assumeYes,
      maxConsecutiveFailures: settings.value.maxConsecutiveFailures,
    });
    await closeReporter(services, reporter, stop);
    if (!result.ok) return await refused(services, common, result.failure);
    sayWhereLogsAre(services, common, result.value, stop.cause());
    return exitCodeOf(result.value, common.strict, stop.cause());
  } finally {
    stop.dispose();
  }
}

/** Kills every process of the run; then the engine writes down how it ended, if it can. */
function endAtOnce(services: Services, runId: string | undefined, kill: (runId: string) => number): void {
  const count = runId === undefined ? 0 : kill(runId);
  services.terminal.say(`pipewright: killed ${count} process(es) of the run`);
  setTimeout(() => process.exit(130), IMPATIENT_MS).unref();
}

async function closeReporter({ terminal }: Services, reporter: ShownRun, stop: StopSignals): Promise<void> {
  if (!stop.signal.aborted) {
    await reporter.close();
    return;
  }
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    terminal.giveUp();
    resolve();
  }, FLUSH_AFTER_STOP_MS);
  await Promise.race([reporter.close(), late]);
  clearTimeout(timer);
}

/** `--output json`: one line, as the events are. */
async function refused(
  services: Services,
  common: Common,
  failure: Parameters<typeof printFailure>[2],
): Promise<number> {
  const exitCode = await printFailure(services, { ...common, json: false }, failure);
  if (common.json) {
    const line = { type: 'run.refused', status: 'refused', exit_code: exitCode, failure };
    await services.terminal.write(`${harmlessJson(line)}\n`);
  }
  return exitCode;
}

/** The summary has said it on stdout, unless that is closed or for programs. */
function sayWhereLogsAre(
  { terminal, project }: Services,
  common: Common,
  state: RunState,
  cause: string | undefined,
): void {
  if (cause === undefined || (!common.json && !terminal.closed.aborted)) return;
  const logs = path.join(project.stateDir, 'runs', state.run_id, 'logs');
  const next = state.status === 'interrupted' ? `; pipewright continue ${state.run_id}  goes on` : '';
  terminal.say(`pipewright: run ${state.run_id} ${state.status} (${cause}); logs: ${logs}${next}`);
}
