import type { EventLog } from '../event-log.ts';
import type { RunHandle, RunRequest } from '../ports.ts';
import type { Drive, EngineDeps } from './api.ts';
import { recordRequest } from './confirm.ts';
import { runNested } from './graph.ts';
import type { OpenExecutors } from './open-executors.ts';
import type { RunContext } from './run-context.ts';
import { runPlace } from './run-place.ts';
import type { Scope } from './scope.ts';
import { Slots } from './slots.ts';
import type { StopReason } from './stop.ts';
import { isUnitOpen } from './unit.ts';

/** Instead of running stages: undo what ran, from this stage on, because somebody asked. */
export interface AskedUndo {
  readonly cause: string;
  readonly by: string;
}

/** What a process has of the run that it drives. */
export interface Session {
  readonly run: RunContext;
  readonly scope: Scope;
  readonly opened: OpenExecutors;
  readonly undo: AskedUndo | undefined;
  readonly close: () => void;
}

/** Needs the run's first event; hears requests of other processes until it is closed. */
export function openSession(parts: {
  readonly deps: EngineDeps;
  readonly drive: Drive;
  readonly log: EventLog;
  readonly handle: RunHandle;
  readonly opened: OpenExecutors;
  readonly undo: AskedUndo | undefined;
}): Session {
  const { deps, drive, log, handle, opened, undo } = parts;
  const { created } = log.state;
  if (!created) throw new Error(`run ${handle.runId} has no run.created event`);
  const place = runPlace(handle, created);
  const stop = new AbortController();
  const listeners = new Set<() => void>();
  const unsubscribe = handle.onRequest((request) => void hear(request));
  const hear = async (request: RunRequest): Promise<void> => {
    if (request.type === 'cancel') {
      // Nobody can be asked: what is in the middle of a deploy goes back.
      stop.abort({
        kind: 'cancel',
        cause: request.by,
        undo: isUnitOpen(log.state),
      } satisfies StopReason);
    } else if (await recordRequest({ log, created }, request)) for (const listen of listeners) listen();
  };
  const run: RunContext = {
    deps,
    drive,
    log,
    handle,
    created,
    facts: {
      run_id: handle.runId,
      environment: created.environment,
      trigger: created.trigger,
      project: created.project,
      commits: created.commits,
      artifacts: `${handle.folder}/artifacts`,
    },
    executors: opened.track(deps.executors(place)),
    model: deps.models(place),
    settings: place.settings,
    slots: new Slots(created.definition.max_workers),
    questions: new Slots(1),
    signal: AbortSignal.any([drive.signal, stop.signal, log.broken]),
    onRequest: (listen) => {
      listeners.add(listen);
      return () => listeners.delete(listen);
    },
    nested: runNested,
  };
  return {
    run,
    opened,
    undo,
    scope: { definition: created.definition, prefix: '', params: created.params },
    close: unsubscribe,
  };
}
