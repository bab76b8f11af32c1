import { failed, type Result } from '../../core/failure.ts';
import type { CopyReport, Host } from '../../core/hosts.ts';
import { stopFailure } from '../local/outcome.ts';
import { copyFile, type CopyOptions } from './copy-file.ts';
import { CopyObstacle, type SinkFile, type SourceFile } from './ends.ts';

/** A host whose files can be read and written block by block. */
export interface CopyableHost extends Host {
  readonly source: (file: string, signal: AbortSignal) => Promise<SourceFile>;
  readonly sink: (file: string, size: number, signal: AbortSignal) => Promise<SinkFile>;
}

/** Opens both ends, copies, closes both. */
export async function copyBetween(
  ends: {
    readonly source: () => Promise<SourceFile>;
    readonly sink: (size: number) => Promise<SinkFile>;
  },
  options: CopyOptions,
  signal: AbortSignal,
): Promise<Result<CopyReport>> {
  const opened: { close: () => Promise<void> }[] = [];
  try {
    signal.throwIfAborted();
    const source = await ends.source();
    opened.push(source);
    const sink = await ends.sink(source.size);
    opened.push(sink);
    return await copyFile({ source, sink }, options, signal);
  } catch (error) {
    if (signal.aborted) return failed(stopFailure(signal.reason));
    if (error instanceof CopyObstacle) return failed(error.failure);
    throw error;
  } finally {
    await Promise.all(opened.map((end) => end.close()));
  }
}
