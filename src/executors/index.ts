import { failed, ok } from '../core/failure.ts';
import type { Executor, Executors } from '../core/ports.ts';
import { createLocalExecutor, type LocalOptions } from './local.ts';

export { Masker } from './masker.ts';

/** What executors need to know of the run that they are opened for. */
export type ExecutorOptions = LocalOptions;

/** Every context, by name: how its executor is made. */
const CONTEXTS: Readonly<Record<string, (options: ExecutorOptions) => Executor>> = {
  local: createLocalExecutor,
};

/** Executors for one run. Each is made when it is first asked for, and once. */
export function createExecutors(options: ExecutorOptions): Executors {
  const contexts = Object.keys(CONTEXTS);
  const opened = new Map<string, Executor>();
  return {
    contexts,
    open: async (context) => {
      const create = Object.hasOwn(CONTEXTS, context) ? CONTEXTS[context] : undefined;
      if (!create) {
        const message = `there is no context \`${context}\`; known: ${contexts.join(', ')}`;
        return failed({ reason: 'invalid', message });
      }
      const executor = opened.get(context) ?? create(options);
      opened.set(context, executor);
      return ok(executor);
    },
  };
}
