import process from 'node:process';
import type { CircuitBreaker } from '../core/circuit-breaker.ts';
import type { ContainerEngines } from '../core/containers.ts';
import { QUEUE_CONTEXT } from '../core/definition.ts';
import { failed, ok, type Result } from '../core/failure.ts';
import type { Executor, Executors, Secrets } from '../core/ports.ts';
import type { QueueLink } from '../core/queue/link.ts';
import type { StageSettings } from '../core/settings/index.ts';
import { createHosts, type LinkedHosts, unknownContext } from './host/hosts.ts';
import { createLocalExecutor, type LocalOptions } from './local.ts';

/** What executors need to know of the run that they are opened for. */
export type ExecutorOptions = LocalOptions & {
  /** Of pipewright.yaml. Default: no contexts but `local`, the usual Docker engine. */
  readonly settings?: Pick<StageSettings, 'contexts'> & Partial<Pick<StageSettings, 'build'>>;
  /** Where commands of hosts begin on this machine, and relative paths of contexts. Default: the current folder. */
  readonly project?: string;
  /** How long a step over ssh goes on without us before it is ended there. Default 60 s. */
  readonly leaseMs?: number;
  /** Shared with the executors of other runs: see `createHosts`. */
  readonly breakers?: Map<string, CircuitBreaker>;
  /** How steps get to workers. Default: they do not. */
  readonly queue?: () => Promise<QueueLink>;
  /** For passphrases of keys. Default: there are none. */
  readonly secrets?: Pick<Secrets, 'resolve'>;
};

/** Names that a pipeline may use: this machine, the workers of the queue, and what pipewright.yaml declares. */
export function contextNames(declared: StageSettings['contexts']): readonly string[] {
  return ['local', QUEUE_CONTEXT, ...Object.keys(declared)];
}

/** Executors for one run. Each is made when it is first asked for, and once. */
export function createExecutors(options: ExecutorOptions): Executors {
  const declared = options.settings?.contexts ?? {};
  const contexts = contextNames(declared);
  const opened = new Map<string, Executor>();
  const engines = lazyEngines(options);
  const hosts = createHosts({
    contexts: declared,
    project: options.project ?? process.cwd(),
    environment: options.environment ?? process.env,
    hiddenVariables: options.hiddenVariables,
    secrets: options.secrets ?? NO_SECRETS,
    breakers: options.breakers,
  });
  return {
    contexts,
    open: async (context) => {
      const known = opened.get(context);
      if (known) return ok(known);
      const made = await make(options, context, hosts);
      if (!made.ok) return made;
      const executor = opened.get(context) ?? made.value;
      opened.set(context, executor);
      return ok(executor);
    },
    hosts,
    engines,
    // Engines first: they talk through the links of hosts.
    close: async () => {
      await engines.close();
      await hosts.close();
    },
  };
}

async function make(
  options: ExecutorOptions,
  context: string,
  hosts: LinkedHosts,
): Promise<Result<Executor>> {
  if (context === 'local') return ok(createLocalExecutor(options));
  if (context === QUEUE_CONTEXT && options.queue) return ok(await makeQueued(options, options.queue));
  const declared = options.settings?.contexts ?? {};
  const settings = Object.hasOwn(declared, context) ? declared[context] : undefined;
  if (settings?.type === 'docker') {
    return (await import('./docker.ts')).createDockerExecutor({
      ...options,
      name: context,
      settings,
      project: options.project ?? process.cwd(),
      environment: options.environment ?? process.env,
    });
  }
  const link = await hosts.link(context);
  return link
    ? ok((await import('./ssh.ts')).createSshExecutor({ ...options, link }))
    : failed(unknownContext(context, contextNames(declared)));
}

async function makeQueued(
  { project = process.cwd(), ...options }: ExecutorOptions,
  queue: () => Promise<QueueLink>,
): Promise<Executor> {
  const { createQueueExecutor } = await import('./queue.ts');
  return createQueueExecutor({ ...options, project, link: await queue() });
}

/** The client of Docker is large: a run that builds and deploys nothing does not load it. */
function lazyEngines({ settings }: ExecutorOptions): ContainerEngines {
  let made: Promise<ContainerEngines> | undefined;
  const engines = async (): Promise<ContainerEngines> => {
    const { createEngines } = await import('./docker/engines.ts');
    return createEngines({
      env: process.env,
      builder: settings?.build?.engine,
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

const NO_SECRETS: Pick<Secrets, 'resolve'> = {
  resolve: (name) =>
    Promise.resolve(
      failed({ reason: 'secret-unavailable', name, detail: 'nothing resolves references here' }),
    ),
};
