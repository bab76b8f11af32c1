import { type Failure, failed, ok } from '../core/failure.ts';
import type { Executor, Executors } from '../core/ports.ts';
import type { StageSettings } from '../core/settings/index.ts';
import { createLocalExecutor, type LocalOptions } from './local.ts';

/** What executors need to know of the run that they are opened for. */
export type ExecutorOptions = LocalOptions & {
  /** `contexts` of pipewright.yaml. Default: none but `local`. */
  readonly settings?: { readonly contexts: StageSettings['contexts'] };
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
    engines: {
      open: async ({ name }) => failed(unknownContext(name, contexts)),
      close: () => Promise.resolve(),
    },
    close: () => Promise.resolve(),
  };
}

function unknownContext(context: string, known: readonly string[]): Failure {
  return { reason: 'invalid', message: `there is no context \`${context}\`; known: ${known.join(', ')}` };
}
