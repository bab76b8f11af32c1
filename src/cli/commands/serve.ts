import path from 'node:path';
import type { HookJob } from '../../core/deliveries.ts';
import { failed, ok, type Result } from '../../core/failure.ts';
import { harmlessJson, oneLine } from '../../core/terminal-text.ts';
import type { ServeCommand } from '../command.ts';
import { isProblems, orFail, printFailure, printJson, printProblems } from '../print.ts';
import type { ServerDocuments, ServerOptions } from '../open-server.ts';
import type { Services } from '../services.ts';
import { headOf, logFiles, unknownStage } from './logs.ts';
import { runsView, showView } from './look.ts';
import { prepareRequest } from './run.ts';

/** `serve`: until somebody ends it. Exit code 0 then: that is how a service ends. */
export async function serve(command: ServeCommand, services: Services): Promise<number> {
  const settings = await services.settings();
  if (!settings.ok) return printProblems(services, command, settings.failure);
  const { serve: served } = settings.value;
  const problem = await firstProblem(command, services, Object.entries(served.hooks));
  if (problem !== undefined) return printFailure(services, command, { reason: 'invalid', message: problem });
  const log = createLog(command, services);
  const opened = await services.server({
    host: command.host,
    port: command.port,
    settings: served,
    documents: await documentsOf(services),
    check: async (job) => checkJob(command, services, job),
    log,
  });
  return orFail(services, command, opened, async ({ url, stop }) => {
    if (command.json) await printJson(services, { url, pid: process.pid, state: services.project.stateDir });
    else await services.terminal.print([`pipewright serves ${url}  (state ${services.project.stateDir})`]);
    log('info', 'server.started', { url, hooks: Object.keys(served.hooks).length });
    const cause = await stopSignal();
    log('info', 'server.stopping', { cause });
    await stop();
    log('info', 'server.stopped', {});
    return 0;
  });
}

/** Hooks whose pipeline is not there would refuse each delivery: said before anybody sends one. */
async function firstProblem(
  command: ServeCommand,
  services: Services,
  hooks: readonly (readonly [
    string,
    { readonly pipeline: string; readonly params: Readonly<Record<string, string>> },
  ])[],
): Promise<string | undefined> {
  const source = await services.pipelines();
  for (const [name, { pipeline, params }] of hooks) {
    const loaded = await source.load(pipeline);
    if (!loaded.ok) {
      return `serve.hooks.${name}: the pipeline "${pipeline}" cannot be run; pipewright validate says why.`;
    }
    const known = Object.keys(loaded.value.definition.params);
    const missing = Object.keys(params).find((param) => !known.includes(param));
    if (missing !== undefined)
      return `serve.hooks.${name}: the pipeline "${pipeline}" has no parameter "${missing}".`;
  }
  return undefined;
}

async function checkJob(command: ServeCommand, services: Services, job: HookJob): Promise<Result<void>> {
  const { project, state, output, logLevel, strict, noColor, json } = command;
  const common = { output, logLevel, strict, noColor, json };
  const places = { ...(project !== undefined && { project }), ...(state !== undefined && { state }) };
  const prepared = await prepareRequest(
    {
      ...common,
      ...places,
      target: job.pipeline,
      parameters: Object.entries(job.params).map(([name, value]) => ({ name, value })),
      selection: { skip: [], only: [] },
      ...(job.environment !== undefined && { env: job.environment }),
    },
    services,
  );
  if (prepared.ok) return ok(undefined);
  return isProblems(prepared.failure)
    ? failed({ reason: 'invalid', message: `the pipeline "${job.pipeline}" has problems` })
    : failed(prepared.failure);
}

/** One source for the command line and for HTTP. */
async function documentsOf(services: Services): Promise<ServerDocuments> {
  const [store, views] = [await services.store(), await services.views()];
  return {
    runs: async (query) => {
      const view = await runsView(services, query);
      return view.ok ? ok(view.value.document()) : view;
    },
    show: async (runId) => {
      const state = await services.state(runId);
      return state.ok ? ok((await showView(services, state.value)).document()) : state;
    },
    logs: async (runId, stage) => {
      const stored = await store.read(runId);
      if (!stored.ok) return stored;
      const unknown = unknownStage(stored.value, stage);
      if (unknown) return failed(unknown);
      const { folder } = stored.value;
      return ok(
        logFiles(stored.value, stage).flatMap((file) => {
          const absolute = path.resolve(folder, file.log);
          // The journal says where logs are; somebody who could change it must not choose any file.
          return path.dirname(absolute) === path.join(folder, 'logs')
            ? [{ file: absolute, head: headOf(file), isOfStep: file.step !== null }]
            : [];
        }),
      );
    },
    text: (file, lines) => views.copyLog(file, lines),
  };
}

function createLog({ logFormat }: ServeCommand, { terminal, now }: Services): ServerOptions['log'] {
  return (level, event, fields) => {
    const facts = { at: now(), level, event, ...fields };
    const text = Object.entries(fields).map(([name, value]) => `${name}=${textOf(value)}`);
    terminal.log(
      level,
      logFormat === 'json' ? harmlessJson(facts) : [facts.at, level, event, ...text].join(' '),
    );
  };
}

/** A value with blanks or marks in it cannot be taken for several. */
function textOf(value: string | number | boolean | null): string {
  return typeof value === 'string' && !/^[\w.:/@-]+$/.test(value)
    ? JSON.stringify(oneLine(value))
    : String(value);
}

async function stopSignal(): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => resolve(signal));
  return promise;
}
