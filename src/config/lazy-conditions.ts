import type { Conditions } from '../core/ports.ts';

/** Conditions whose library is loaded when a pipeline has one: it would cost every start several milliseconds. */
export function lazyConditions(): Conditions {
  let loaded: Conditions | undefined;
  const ready = (): Conditions => {
    if (!loaded) throw new Error('a condition was evaluated before its library was loaded');
    return loaded;
  };
  return {
    load: async () => {
      loaded ??= (await import('./conditions.ts')).createConditions();
    },
    evaluate: (expression, variables) => ready().evaluate(expression, variables),
    reads: (expression) => ready().reads(expression),
  };
}
