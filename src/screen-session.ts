import path from 'node:path';
import process from 'node:process';
import type { Common } from './cli/command.ts';
import { prepareRollback } from './cli/commands/rollback.ts';
import { exitCodeOf } from './cli/exit-code.ts';
import { createPrompter } from './cli/prompter.ts';
import type { PreparedRun, Services, Views } from './cli/services.ts';
import { watchStopSignals } from './cli/stop-signals.ts';
import type { Drive, Engine } from './core/engine/api.ts';
import { stopReason } from './core/engine/stop.ts';
import { isUnitOpen } from './core/engine/unit.ts';
import type { Observer } from './core/event-log.ts';
import { FAILURE_TRAITS, type Failure, type Result } from './core/failure.ts';
import type { RunState } from './core/run-state.ts';
import { createBackend, prepareOrder, refusalOf, refusalOfError } from './ui-backend.ts';
import type { Backend, DrivenRun, RunPart, RunWork } from './ui/backend.ts';
import { readPreferences } from './ui-preferences.ts';
import { showScreen } from './ui/index.ts';
import { createCompositor, createPaneSet, osc52 } from './ui/panes/index.ts';

interface SessionParts {
  readonly services: Services;
  readonly common: Common;
  readonly prepared?: PreparedRun;
}

/** After a second Ctrl-C or SIGTERM the engine gets this long to write down how it ended, milliseconds. */
const IMPATIENT_MS = 3_000;

export type RunScreen = typeof runScreen;

/**
 * Shows the screen until it is left; then the terminal is as before and the summary of the last run is printed.
 * Resolves with the exit code.
 */
export async function runScreen(parts: SessionParts): Promise<number> {
  const { services } = parts;
  const views = await services.views();
  const runs = createRunDriver(parts, views);
  const { stdout, stdin } = process;
  const preferences = await readPreferences(services.env);
  const panes = createPaneSet({ color: services.terminal.hasColor && preferences.theme !== 'mono' });
  const painter = createCompositor(stdout, { panes });
  const screen = showScreen({
    backend: createBackend({ ...parts, views, drive: runs.drive }),
    panes,
    painter,
    stdin,
    stdout,
    hasColor: services.terminal.hasColor,
    preferences,
    nowMs: Date.now,
    copy: (text) => painter.send(osc52(text)),
    ...(parts.prepared && { first: { work: { type: 'prepared' }, title: 'run' } }),
  });
  const stop = watchStopSignals(services.terminal.closed, () => void endAtOnce(services, runs));
  stop.signal.addEventListener('abort', () => {
    const reason = stopReason(stop.signal);
    if (!reason) return;
    // In the middle of a deploy a signal leaves it to be continued; the screen's own Ctrl-C asks.
    const kind = isUnitOpen(runs.last()) ? 'interrupt' : reason.kind;
    if (runs.isPlain()) runs.active()?.stop({ ...reason, kind });
    else screen.stop(kind, reason.cause);
  });
  try {
    const left = await screen.left.catch((error: unknown) => {
      services.terminal.say(`pipewright: the screen broke: ${describe(error)}`);
      return 'plain' as const;
    });
    if (painter.stats().isStuck) giveUpOutput(services.terminal);
    if (left === 'plain') await goOnPlain(parts, views, { runs, handOver: screen.handOver });
    else await sayHowItEnded(parts, views, runs);
    return codeOf(parts, runs, stop.cause());
  } finally {
    stop.dispose();
  }
}

/**
 * The terminal has stopped reading, and Node writes to terminals synchronously: one more byte, also the one that some
 * exit handler writes, would hold this process for as long as nobody reads.
 */
function giveUpOutput(terminal: Services['terminal']): void {
  terminal.giveUp();
  for (const stream of [process.stdout, process.stderr]) {
    stream.write = (_data: unknown, encoding?: unknown, callback?: unknown): boolean => {
      const done = typeof encoding === 'function' ? encoding : callback;
      if (typeof done === 'function') process.nextTick(() => void done());
      return true;
    };
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function endAtOnce(services: Services, runs: RunDriver): Promise<void> {
  const runId = runs.last()?.run_id;
  if (runId !== undefined) (await services.runProcesses()).kill(runId);
  setTimeout(() => process.exit(130), IMPATIENT_MS).unref();
}

/** The runs of this process: at most one at a time. */
interface RunDriver {
  readonly drive: Backend['drive'];
  readonly active: () => DrivenRun | undefined;
  /** Newest state of the run that was driven last. */
  readonly last: () => RunState | undefined;
  /** Why nothing was begun. */
  readonly refused: () => Failure | undefined;
  readonly refusedLines: () => readonly string[];
  /** From now on lines are printed for its events. */
  readonly goPlain: (observe: Observer) => void;
  readonly isPlain: () => boolean;
}

function createRunDriver(parts: SessionParts, views: Views): RunDriver {
  let active: DrivenRun | undefined;
  let last: RunState | undefined;
  let refusal: { readonly failure?: Failure; readonly lines: readonly string[] } | undefined;
  let plain: Observer | undefined;
  return {
    active: () => active,
    last: () => last,
    refused: () => refusal?.failure,
    refusedLines: () => refusal?.lines ?? [],
    isPlain: () => plain !== undefined,
    goPlain: (observe) => {
      plain = observe;
    },
    drive: (work, part) => {
      const controller = new AbortController();
      refusal = undefined;
      const observe: Observer = (event, state) => {
        last = state;
        part.observe(event, state);
        plain?.(event, state);
      };
      const done = begin(parts, work, { ...part, observe }, controller.signal)
        .then((result) => {
          if (result.ok) {
            last = result.value;
            return result;
          }
          const isKnown = 'reason' in result.failure;
          const { lines } = refusalOf(views, result.failure);
          refusal = { lines, ...(isKnown && 'reason' in result.failure && { failure: result.failure }) };
          return { ok: false as const, failure: { lines } };
        })
        .catch((error: unknown) => {
          refusal = refusalOfError(views, error);
          return { ok: false as const, failure: { lines: refusal.lines } };
        })
        .finally(() => {
          active = undefined;
        });
      active = { done, stop: (reason) => controller.abort(reason) };
      return active;
    },
  };
}

type Problems = Parameters<typeof refusalOf>[1];

async function begin(
  { services, common, prepared }: SessionParts,
  work: RunWork,
  { observe, prompter }: RunPart,
  signal: AbortSignal,
): Promise<Result<RunState, Problems>> {
  const settings = await services.settings();
  if (!settings.ok) return settings;
  const loaded = await services.engine(prompter);
  if (!loaded.ok) return loaded;
  const engine: Engine = loaded.value;
  const { maxConsecutiveFailures } = settings.value;
  const drive: Drive = { signal, observers: [observe], assumeYes: false, maxConsecutiveFailures };
  switch (work.type) {
    case 'prepared':
      return prepared
        ? prepared.start(engine, { ...drive, assumeYes: prepared.assumeYes })
        : { ok: false, failure: { reason: 'invalid', message: 'nothing was asked for' } };
    case 'continue':
      return engine.continue(work.runId, drive);
    case 'rerun':
      return engine.rerun(work.runId, work.choice, drive);
    case 'rollback': {
      const { environment: env, ...wanted } = work.order;
      const request = await prepareRollback({ ...common, ...wanted, env }, services);
      // The person has seen what would happen, and said yes to that.
      return request.ok
        ? engine.start({ ...request.value.request, assumeYes: true }, { ...drive, assumeYes: true })
        : request;
    }
    case 'undo':
      return engine.undo(work.runId, drive);
    case 'start': {
      const request = await prepareOrder({ services, common }, work.order);
      return request.ok ? engine.start(request.value.request, drive) : request;
    }
    default:
      return work satisfies never;
  }
}

/** The screen is gone and the run is not: its events become lines, its questions are asked by them. */
async function goOnPlain(
  { services }: SessionParts,
  views: Views,
  {
    runs,
    handOver,
  }: { readonly runs: RunDriver; readonly handOver: (next: ReturnType<typeof createPrompter>) => void },
): Promise<void> {
  const active = runs.active();
  const state = runs.last();
  if (!active) return;
  const { terminal } = services;
  const runFolder = (runId: string): string => path.join(services.project.stateDir, 'runs', runId);
  const reporter = views.createReporter('plain', { runFolder });
  await terminal.print([`run ${state?.run_id ?? ''} goes on here; Ctrl-C cancels it`]);
  for (const { status, steps } of Object.values(state?.stages ?? {})) {
    if (status !== 'running' || !state) continue;
    for (const { started, finished } of Object.values(steps)) if (!finished) reporter.observe(started, state);
  }
  runs.goPlain(reporter.observe);
  // Ink lets go of stdin for good; questions are asked there again.
  process.stdin.ref();
  handOver(createPrompter(terminal, reporter.flush));
  await active.done;
  await reporter.close();
}

/** Into the scrollback: what the screen showed last, for whoever reads on. */
async function sayHowItEnded({ services }: SessionParts, views: Views, runs: RunDriver): Promise<void> {
  for (const line of runs.refusedLines()) services.terminal.say(`pipewright: ${line}`);
  const state = runs.last();
  if (!state) return;
  const folder = path.join(services.project.stateDir, 'runs', state.run_id);
  const shown = path.relative(services.cwd, folder);
  const lines = views.summary(state, shown.startsWith('..') ? folder : shown);
  await services.terminal.print([`run ${state.run_id}`, ...lines]);
}

/** Of `run` and its kin that of the run; of the app alone 0, unless a signal ended it. */
function codeOf({ common, prepared }: SessionParts, runs: RunDriver, cause: string | undefined): number {
  const state = runs.last();
  const failure = runs.refused();
  if (prepared && !state) return failure ? FAILURE_TRAITS[failure.reason].exitCode : 2;
  if (state && (prepared || cause !== undefined)) return exitCodeOf(state, common.strict, cause);
  return cause === 'SIGTERM' ? 143 : cause === 'SIGHUP' ? 129 : cause === 'SIGINT' ? 130 : 0;
}
