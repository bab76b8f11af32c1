const DEFAULT_SLICE_MS = 4;
/** Between two slices: while somebody waits keys come first, else the machine does. */
const REST_MS = { awaited: 2, counting: 12 } as const;

/**
 * Does work in slices of at most `sliceMs` (milliseconds, default 4) so that keys are served in between.
 * `step` does a piece of less than a millisecond and says what is left.
 */
export function createSlices(
  step: () => 'awaited' | 'counting' | 'done',
  sliceMs = DEFAULT_SLICE_MS,
): { readonly wake: () => void; readonly stop: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const run = (): void => {
    timer = undefined;
    const endMs = performance.now() + sliceMs;
    let left = step();
    while (left !== 'done' && performance.now() < endMs) left = step();
    if (left !== 'done') timer = setTimeout(run, REST_MS[left]).unref();
  };
  return {
    /** There is work. */
    wake: () => {
      timer ??= setTimeout(run, 0).unref();
    },
    stop: () => {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
