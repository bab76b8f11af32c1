import type { Clock } from '../ports.ts';
import type { StepProgress } from '../stream-report.ts';

type Amount = Pick<StepProgress, 'bytes' | 'bytes_per_second' | 'size' | 'eta_ms'>;

/**
 * Bytes of a transfer as they are shown: with the rate since the first look, and the time that is left. What was there
 * already at the first look says nothing of the link.
 */
export function transferMeter(
  clock: Pick<Clock, 'monotonicMs'>,
): (doneBytes: number, totalBytes: number | undefined) => Amount {
  const beganMs = clock.monotonicMs();
  let firstBytes: number | undefined;
  return (doneBytes, size) => {
    firstBytes ??= doneBytes;
    const elapsedMs = clock.monotonicMs() - beganMs;
    const rate = elapsedMs > 0 ? ((doneBytes - firstBytes) / elapsedMs) * 1000 : 0;
    return {
      bytes: doneBytes,
      bytes_per_second: rate,
      ...(size !== undefined && { size }),
      ...(size !== undefined && rate > 0 && { eta_ms: ((size - doneBytes) / rate) * 1000 }),
    };
  };
}
