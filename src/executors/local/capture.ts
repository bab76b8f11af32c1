import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { errorCode } from '../../core/error-code.ts';
import type { CommandOutput } from '../../core/ports.ts';
import { readText } from './processes.ts';
import type { StepFiles } from './records.ts';

const CHUNK_BYTES = 64 * 1024;
const SLICE_BYTES = 4 * 1024 * 1024;
const INTERVAL_MS = 250;

/**
 * Standard output of a step that is captured and holds no secrets goes to a file of its own, and from
 * there to the log: while the step runs, so that it can be followed, and to the last byte at its end.
 * No process in between, so a short step costs nothing extra and a crash loses nothing.
 */
export class CaptureCopy {
  readonly #from: number;
  readonly #to: number;
  readonly #positionFile: string;
  #position: number;
  readonly #timer: NodeJS.Timeout;

  /** `logFd` is taken over. */
  constructor(outFile: string, logFd: number) {
    this.#from = openSync(outFile, 'r');
    this.#to = logFd;
    this.#positionFile = `${outFile}.copied`;
    this.#position = Number(readText(this.#positionFile) ?? 0);
    this.#timer = setInterval(() => this.#copy(), INTERVAL_MS).unref();
  }

  /** Copies what is left. Rejects with what the file system throws (disk full). */
  async finish(): Promise<void> {
    clearInterval(this.#timer);
    try {
      while (this.#copySome()) await nextTurn();
    } finally {
      closeSync(this.#from);
      closeSync(this.#to);
    }
  }

  /** Now and then; a full disk shows at the end. */
  #copy(): void {
    try {
      this.#copySome();
    } catch {
      clearInterval(this.#timer);
    }
  }

  /** A slice, so that a large rest does not block everything else. False when there is no more. */
  #copySome(): boolean {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    const start = this.#position;
    let isMore = true;
    while (isMore && this.#position - start < SLICE_BYTES) {
      const size = readSync(this.#from, buffer, 0, CHUNK_BYTES, this.#position);
      for (let at = 0; at < size;) at += writeSync(this.#to, buffer, at, size - at);
      this.#position += size;
      isMore = size > 0;
    }
    // After a crash the rest is copied from here.
    if (this.#position > start) writePosition(this.#positionFile, this.#position);
    return isMore;
  }
}

function writePosition(file: string, position: number): void {
  const fd = openSync(file, 'w', 0o600);
  try {
    writeSync(fd, String(position));
  } finally {
    closeSync(fd);
  }
}

export interface Captured {
  readonly captured: string;
  readonly capturedTruncated?: boolean;
}

/** The filter of an earlier process renames its copy when it has all. */
const FILTER_WAIT_MS = 3000;

interface Capturing {
  readonly files: StepFiles;
  readonly output: CommandOutput;
}

/** What a step printed whose process died: brings the rest into the log, waits for the filter. Error codes of what failed. */
export async function finishCapture({ files, output }: Capturing): Promise<readonly string[]> {
  if (!output.capture) return [];
  if (output.secrets.length > 0) {
    const deadline = performance.now() + FILTER_WAIT_MS;
    while (existsSync(`${files.out}.part`) && performance.now() < deadline) await delay(20);
    return [];
  }
  try {
    await new CaptureCopy(files.out, openForAppend(output.logFile)).finish();
    return [];
  } catch (error) {
    return [errorCode(error) ?? 'unknown'];
  }
}

/** Empty for a step that is not captured. */
export function captureOf({ files, output }: Capturing): Captured | undefined {
  return output.capture && readCaptured(files.out, output.capture.limitBytes);
}

/** The first `limitBytes` of a captured output; a character that the limit would split is left out. */
function readCaptured(outFile: string, limitBytes: number): Captured {
  let fd: number;
  try {
    fd = openSync(outFile, 'r');
  } catch {
    return { captured: '' };
  }
  try {
    const buffer = Buffer.alloc(limitBytes);
    let length = 0;
    for (let size = -1; size !== 0 && length < limitBytes; length += size) {
      size = readSync(fd, buffer, length, limitBytes - length, length);
    }
    const isTruncated = statSync(outFile).size > limitBytes;
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(buffer.subarray(0, length), {
      stream: isTruncated,
    });
    // The log has it all.
    if (isTruncated) truncateSync(outFile, limitBytes + 1);
    return { captured: text, ...(isTruncated && { capturedTruncated: true }) };
  } finally {
    closeSync(fd);
  }
}

/** Never through a link, never a pipe or device that would block us. */
export function openForAppend(file: string): number {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;
  const fd = openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw Object.assign(new Error('not a regular file'), { code: 'ENOTREG' });
}
