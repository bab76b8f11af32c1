import type { Result } from '../../core/failure.ts';
import type { RuntimeIo } from '../../core/runtime.ts';
import type { StageContext, TaskIo } from '../../core/stage-kind.ts';
import { transferMeter } from '../../core/transfer/meter.ts';
import { runtimeIo } from './session.ts';

/** For work that may send a release: its bytes are shown at the step `step`, with rate and time left. */
export async function whileSending<T>(
  context: Pick<StageContext, 'clock' | 'progress'>,
  { io, step, what }: { readonly io: TaskIo; readonly step: string; readonly what: string },
  work: (io: RuntimeIo) => Promise<Result<T>>,
): Promise<Result<T>> {
  const meter = transferMeter(context.clock);
  let sent: readonly [number, number] | undefined;
  const show = (status: 'running' | 'passed' | 'failed'): void => {
    if (sent) context.progress([{ name: step, what, kind: 'progress', status, ...meter(...sent) }]);
  };
  const result = await work({
    ...runtimeIo(io),
    onProgress: (doneBytes, totalBytes) => {
      sent = [doneBytes, totalBytes];
      show('running');
    },
  });
  show(result.ok ? 'passed' : 'failed');
  return result;
}
