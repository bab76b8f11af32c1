import path from 'node:path';
import process from 'node:process';
import type { SeenCase } from '../../core/cases/case.ts';
import { type CaseRuns, watchCases } from '../../core/cases/watcher.ts';
import { stateOf } from '../../core/engine/engine.ts';
import type { Drive, Engine } from '../../core/engine/api.ts';
import type { StopReason } from '../../core/engine/stop.ts';
import { FAILURE_TRAITS, type Failure, failed, ok, type Result } from '../../core/failure.ts';
import { findLock, lockFailure } from '../../core/pipeline-lock.ts';
import type { RunState } from '../../core/run-state.ts';
import { type CaseSettings, plainCaseSettings } from '../../core/settings/cases.ts';
import type { WatchCommand } from '../command.ts';
import { isProblems, orFail, printFailure, printJson, printProblems } from '../print.ts';
import { nobody } from '../prompter.ts';
import type { CasePlace, Problems, ProjectSettings, Services } from '../services.ts';
import { watchStopSignals, type StopSignals } from '../stop-signals.ts';
import { listCases } from './watch-list.ts';
import { caseReporter } from './watch-lines.ts';
import { prepareRequest } from './run.ts';

/** A terminal signals the launcher and us: so near, two are one press, milliseconds. */
const SAME_PRESS_MS = 300;
/** After a third signal the engine gets this long to write down how runs ended, milliseconds. */
const IMPATIENT_MS = 3_000;

/** `watch`: one run for each case, until it is told to stop. */
export async function watch(command: WatchCommand, services: Services): Promise<number> {
  const opened = await openWatch(command, services);
  if (!opened.ok) {
    return isProblems(opened.failure)
      ? printProblems(services, command, opened.failure)
      : printFailure(services, command, opened.failure);
  }
  const { pipeline, place, settings } = opened.value;
  if (command.list) return listCases({ command, services, place, pipeline });
  return orFail(services, command, place.lock(), async (lock) => {
    if (!('release' in lock)) {
      const { pid, host } = lock;
      const where = `process ${pid} on ${host}`;
      services.terminal.say(`pipewright: ${where} watches ${settings.folder} for ${pipeline} already`);
      if (command.json) await printJson(services, { error: { reason: 'watched', pid, host }, exit_code: 4 });
      return 4;
    }
    try {
      return await watchUntilStopped({ command, services, ...opened.value, settings });
    } finally {
      lock.release();
    }
  });
}

interface Watch {
  readonly command: WatchCommand;
  readonly services: Services;
  readonly engine: Engine;
  readonly project: ProjectSettings;
  readonly pipeline: string;
  readonly place: CasePlace;
  /** `folder` is absolute. */
  readonly settings: CaseSettings;
}

/** Reads everything that runs will need, so that mistakes are told before the first case. */
async function openWatch(
  command: WatchCommand,
  services: Services,
): Promise<Result<Omit<Watch, 'command' | 'services'>, Problems | Failure>> {
  const project = await services.settings();
  if (!project.ok) return project;
  const loaded = await (await services.pipelines()).load(command.target);
  if (!loaded.ok) return loaded;
  const { name, params } = loaded.value.definition;
  if (!params['case']) {
    const message = `Pipeline ${name} has no parameter "case": nothing would tell it which case it is run for.`;
    return failed({ reason: 'invalid', message, hint: 'params: {case: {type: path, required: true}}' });
  }
  const settings = settingsOf(command, services, { name, cases: project.value.stage.cases });
  if (!settings.ok) return settings;
  const probe = { name: 'case', path: settings.value.folder };
  const prepared = await prepareRequest(withCase(command, params, probe), services);
  if (!prepared.ok) return prepared;
  for (const warning of prepared.value.warnings) services.terminal.log('warn', warning);
  const engine = await services.engine(nobody);
  if (!engine.ok) return engine;
  const place = await services.cases(name, settings.value);
  return ok({
    engine: engine.value,
    project: project.value,
    pipeline: name,
    place,
    settings: settings.value,
  });
}

function settingsOf(
  { folder, maxParallel }: WatchCommand,
  { cwd, project }: Services,
  { name, cases }: { readonly name: string; readonly cases: Readonly<Record<string, CaseSettings>> },
): Result<CaseSettings> {
  const written = Object.hasOwn(cases, name) ? cases[name] : undefined;
  const settings = written ?? (folder === undefined ? undefined : plainCaseSettings(folder));
  if (!settings) {
    const message = `Nothing says where the cases of ${name} arrive.`;
    return failed({
      reason: 'invalid',
      message,
      hint: `give --folder DIR, or write  cases: {${name}: {folder: DIR}}  in pipewright.yaml`,
    });
  }
  return ok({
    ...settings,
    folder: folder === undefined ? path.resolve(project.root, settings.folder) : path.resolve(cwd, folder),
    ...(maxParallel !== undefined && { max_parallel: maxParallel }),
  });
}

/** The request of one case: its path, and its name where the pipeline wants that too. */
function withCase(
  command: WatchCommand,
  params: Readonly<Record<string, unknown>>,
  { name, path: file }: Pick<SeenCase, 'name' | 'path'>,
): WatchCommand {
  const named = params['case_name'] === undefined ? [] : [{ name: 'case_name', value: name }];
  return { ...command, parameters: [...command.parameters, { name: 'case', value: file }, ...named] };
}

async function watchUntilStopped(watching: Watch): Promise<number> {
  const { command, services, place, settings, pipeline } = watching;
  const drain = new AbortController();
  const report = caseReporter(services.terminal, command.json, {
    now: place.clock.now,
    describe: (await services.views()).describeFailure,
  });
  const running = new Set<string>();
  const stop = await stopInSteps(watching, drain, {
    running,
    onDrain: (cause) => report.emit({ type: 'watch.draining', cause, running: running.size }),
  });
  const { folder, max_parallel: parallel } = settings;
  report.emit({ type: 'watch.started', pipeline, folder, max_parallel: parallel });
  try {
    const { blocked, ...figures } = await watchCases({
      ...place,
      settings,
      runs: caseRuns(watching, stop.signal, running),
      emit: report.emit,
      once: command.once,
      drain: drain.signal,
    });
    const cause = stop.cause() ?? (drain.signal.aborted ? String(drain.signal.reason) : 'done');
    report.emit({ type: 'watch.stopped', cause, ...figures });
    await report.flush();
    if (stop.cause() !== undefined) return stop.cause() === 'SIGINT' ? 130 : 143;
    if (blocked) return FAILURE_TRAITS[blocked.reason].exitCode;
    if (figures.failed > 0) return command.once ? 1 : 0;
    return command.once && figures.open > 0 ? 3 : 0;
  } finally {
    stop.dispose();
  }
}

/** The first signal drains, the second interrupts runs so that they can be continued, the third kills what they run. */
async function stopInSteps(
  { services }: Watch,
  drain: AbortController,
  { running, onDrain }: { readonly running: ReadonlySet<string>; readonly onDrain: (cause: string) => void },
): Promise<StopSignals> {
  const processes = await services.runProcesses();
  const kill = (): void => {
    for (const runId of running) processes.kill(runId);
    setTimeout(() => process.exit(130), IMPATIENT_MS).unref();
  };
  let drainedAtMs = 0;
  const stop = watchStopSignals(services.terminal.closed, kill, (reason): StopReason | undefined => {
    if (reason.kind === 'interrupt') return reason;
    const nowMs = performance.now();
    if (drain.signal.aborted) {
      return nowMs - drainedAtMs > SAME_PRESS_MS ? { kind: 'interrupt', cause: reason.cause } : undefined;
    }
    drainedAtMs = nowMs;
    onDrain(reason.cause);
    drain.abort(reason.cause);
    return undefined;
  });
  const onStop = (): void => drain.abort(stop.cause());
  stop.signal.addEventListener('abort', onStop, { once: true });
  if (stop.signal.aborted) onStop();
  return stop;
}

function caseRuns(watching: Watch, signal: AbortSignal, running: Set<string>): CaseRuns {
  const { command, services, engine, project, place, pipeline } = watching;
  const request = async (seen: SeenCase): ReturnType<typeof prepareRequest> => {
    const loaded = await (await services.pipelines()).load(command.target);
    if (!loaded.ok) return loaded;
    return prepareRequest(withCase(command, loaded.value.definition.params, seen), services);
  };
  const drive: Drive = {
    signal,
    observers: [],
    assumeYes: command.yes,
    maxConsecutiveFailures: project.maxConsecutiveFailures,
  };
  const driving = async (runId: string, work: () => Promise<Result<RunState>>): Promise<Result<RunState>> => {
    running.add(runId);
    try {
      return await work();
    } finally {
      running.delete(runId);
    }
  };
  return {
    newId: place.newRunId,
    ready: () => whyLocked(watching, pipeline),
    refuses: async (seen) => {
      const prepared = await request(seen);
      return prepared.ok ? undefined : reasonOf(prepared.failure);
    },
    start: async (runId, seen) => {
      const prepared = await request(seen);
      if (!prepared.ok) return failed(asFailure(prepared.failure));
      const { request: base } = prepared.value;
      const asked = { ...base, runId, trigger: 'watch', assumeYes: command.yes };
      return driving(runId, () => engine.start(asked, drive));
    },
    continue: (runId) => driving(runId, () => engine.continue(runId, drive)),
    look: async (runId) => {
      const stored = await (await services.store()).read(runId);
      if (!stored.ok) {
        return stored.failure.reason === 'run-not-found' ? ok({ state: 'unborn' }) : stored;
      }
      if (stored.value.owner) return ok({ state: 'live' });
      const run = stateOf(stored.value, place.clock.nowMs());
      return ok(run.created ? { state: 'stored', run } : { state: 'unborn' });
    },
  };
}

/** `locked`: too many failures in a row; the cases stay where they are until somebody unlocks the pipeline. */
async function whyLocked({ services, command, project }: Watch, pipeline: string): Promise<Result<void>> {
  const index = await (await services.store()).index();
  if (!index.ok) return index;
  const environment = command.env ?? project.environment;
  const lock = findLock(index.value, pipeline, environment);
  return lock ? failed(lockFailure(lock)) : ok(undefined);
}

function reasonOf(failure: Problems | Failure): string {
  if (isProblems(failure)) return 'the pipeline has problems: pipewright validate';
  return 'message' in failure ? failure.message : failure.reason;
}

function asFailure(failure: Problems | Failure): Failure {
  return isProblems(failure) ? { reason: 'invalid', message: reasonOf(failure) } : failure;
}
