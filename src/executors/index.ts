import process from 'node:process';
import type { ContainerEngines } from '../core/containers.ts';
import { type Failure, failed, ok } from '../core/failure.ts';
import type { Executor, Executors } from '../core/ports.ts';
import type { StageSettings } from '../core/settings/index.ts';
import { createLocalExecutor, type LocalOptions } from './local.ts';

/** What executors need to know of the run that they are opened for. */
export type ExecutorOptions = LocalOptions & {
  /** Of pipewright.yaml. Default: no contexts but `local`, the usual Docker engine. */
  readonly settings?: Pick<StageSettings, 'contexts' | 'build'>;
};

/** Names that a pipeline may use: this machine, and what pipewright.yaml declares. */
export function contextNames(declared: StageSettings['contexts']): readonly string[] {
  return ['local', ...Object.keys(declared)];
}

/** Executors for one run. Each is made when it is first asked for, and once. */
export function createExecutors(options: ExecutorOptions): Executors {
  const declared = options.settings?.contexts ?? {};
  const contexts = contextNames(declared);
  const opened = new Map<string, Executor>();
  const engines = lazyEngines(options);
  return {
    contexts,
    open: async (context) => {
      if (context !== 'local') return failed(unknownContext(context, contexts));
      const executor = opened.get(context) ?? createLocalExecutor(options);
      opened.set(context, executor);
      return ok(executor);
    },
    hosts: {
      open: async (context) => failed(unknownContext(context, contexts)),
      close: () => Promise.resolve(),
    },
    engines,
    close: engines.close,
  };
}

/** The client of Docker is large: a run that builds and deploys nothing does not load it. */
function lazyEngines({ settings }: ExecutorOptions): ContainerEngines {
  let made: Promise<ContainerEngines> | undefined;
  const engines = async (): Promise<ContainerEngines> => {
    const { createEngines } = await import('./docker/engines.ts');
    return createEngines({
      env: process.env,
      builder: settings?.build.engine,
      socketOf: (context) => settings?.contexts[context]?.docker_socket ?? '/var/run/docker.sock',
    });
  };
  const get = (): Promise<ContainerEngines> => (made ??= engines());
  return {
    open: async (host) => (await get()).open(host),
    builder: async () => (await get()).builder(),
    close: async () => (await made)?.close(),
  };
}

function unknownContext(context: string, known: readonly string[]): Failure {
  return { reason: 'invalid', message: `there is no context \`${context}\`; known: ${known.join(', ')}` };
}
