import { createHash } from 'node:crypto';
import { failed, ok, type Result } from '../../core/failure.ts';
import type { CopyProgress, CopyReport } from '../../core/hosts.ts';
import { stopFailure } from '../local/outcome.ts';
import { BLOCK_BYTES, CopyObstacle, type SinkFile, type SourceFile } from './ends.ts';

export interface CopyOptions {
  /** Default: that of the source. */
  readonly mode?: number | undefined;
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined;
}

/**
 * Copies one file between any two ends: blocks that are there already are kept, the others go over several
 * lanes at once, and the sink takes its name only when both sides have the same SHA-256.
 * Closes neither end.
 */
export async function copyFile(
  { source, sink }: { readonly source: SourceFile; readonly sink: SinkFile },
  options: CopyOptions,
  signal: AbortSignal,
): Promise<Result<CopyReport>> {
  const began = performance.now();
  try {
    const copied = await new Copy(source, sink, options, signal).run();
    return ok({ ...copied, bytes: source.size, duration_ms: Math.round(performance.now() - began) });
  } catch (error) {
    if (signal.aborted) return failed(stopFailure(signal.reason));
    if (error instanceof CopyObstacle) return failed(error.failure);
    throw error;
  }
}

class Copy {
  readonly #source: SourceFile;
  readonly #sink: SinkFile;
  readonly #options: CopyOptions;
  readonly #signal: AbortSignal;
  #doneBytes = 0;
  #resumedBytes = 0;
  /** Blocks from here on lie behind the end of what an earlier try left: there are holes, which read as zeros. */
  #firstHole = 0;

  constructor(source: SourceFile, sink: SinkFile, options: CopyOptions, signal: AbortSignal) {
    this.#source = source;
    this.#sink = sink;
    this.#options = options;
    this.#signal = signal;
  }

  async run(): Promise<{ readonly sha256: string; readonly resumed_bytes: number }> {
    const { size } = this.#source;
    const earlier = await this.#sink.begin(size);
    this.#signal.throwIfAborted();
    // While blocks travel; a rejection is seen where it is awaited.
    const hashing = this.#source.sha256();
    hashing.catch(() => undefined);
    if (earlier.whole !== undefined && earlier.whole === (await hashing)) {
      this.#resumedBytes = size;
      this.#progress(size);
      await this.#sink.discard();
      return { sha256: earlier.whole, resumed_bytes: size };
    }
    await this.#send(await this.#missing(earlier.blocks));
    const sha256 = await hashing;
    this.#signal.throwIfAborted();
    await this.#sink.finish({ size, mode: this.#options.mode ?? this.#source.mode, sha256 });
    return { sha256, resumed_bytes: this.#resumedBytes };
  }

  /** Numbers of the blocks that are not there yet, in order. */
  async #missing(there: readonly string[]): Promise<readonly number[]> {
    const { size } = this.#source;
    const count = Math.ceil(size / BLOCK_BYTES);
    const wanted = there.length > 0 ? await this.#source.blockHashes(Math.min(count, there.length)) : [];
    this.#firstHole = there.length;
    const missing: number[] = [];
    for (let block = 0; block < count; block += 1) {
      const hash = there[block];
      if (hash === undefined || hash !== wanted[block]) missing.push(block);
      else this.#resumedBytes += lengthOf(block, size);
    }
    this.#progress(this.#resumedBytes);
    return missing;
  }

  async #send(blocks: readonly number[]): Promise<void> {
    const left = [...blocks].toReversed();
    const lanes = Math.max(1, Math.min(this.#source.lanes, this.#sink.lanes, left.length));
    const lane = async (): Promise<void> => {
      for (let block = left.pop(); block !== undefined; block = left.pop()) {
        this.#signal.throwIfAborted();
        await this.#sendBlock(block);
      }
    };
    // All end before an error is passed on: nobody writes any more when the ends are closed.
    const results = await Promise.allSettled(
      Array.from({ length: lanes }, () =>
        lane().catch((error: unknown) => {
          left.length = 0;
          throw error;
        }),
      ),
    );
    const broken = results.find((result) => result.status === 'rejected');
    if (broken) throw broken.reason;
  }

  async #sendBlock(block: number): Promise<void> {
    const length = lengthOf(block, this.#source.size);
    const bytes = await this.#source.read(block * BLOCK_BYTES, length);
    this.#signal.throwIfAborted();
    if (block >= this.#firstHole && isZero(bytes)) {
      this.#progress(length);
      return;
    }
    await this.#sink.write(block * BLOCK_BYTES, bytes, (count) => this.#progress(count));
  }

  #progress(bytes: number): void {
    this.#doneBytes += bytes;
    this.#options.onProgress?.({
      done_bytes: this.#doneBytes,
      total_bytes: this.#source.size,
      resumed_bytes: this.#resumedBytes,
    });
  }
}

function lengthOf(block: number, size: number): number {
  return Math.min(BLOCK_BYTES, size - block * BLOCK_BYTES);
}

const ZEROS = Buffer.alloc(64 * 1024);

function isZero(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const length = Math.min(ZEROS.length, bytes.length - at);
    if (bytes.compare(ZEROS, 0, length, at, at + length) !== 0) return false;
  }
  return true;
}

/** Hex digits. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
