import { closeSync, constants, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { CommandOutput } from '../../core/ports.ts';
import { openForAppend } from '../local/capture.ts';
import { Masker } from '../local/masker.ts';
import type { StepFiles } from '../local/records.ts';
import { errorCode } from '../local/spawn.ts';
import type { StepOffsets } from './step-program.ts';

/** Which of a step's remote files bytes are from. */
export type StepStream = 'log' | 'out';

interface StreamState {
  readonly masker: Masker;
  /** Raw bytes that have come. */
  received: number;
  /** Of those, bytes whose masked form is on disk. */
  written: number;
}

/**
 * Brings what a step says on its host into its log here, masked, and remembers how far it is: whoever takes
 * the step up after a crash goes on from there.
 */
export class StepOutput {
  readonly #output: CommandOutput;
  readonly #files: StepFiles;
  readonly #memory: string;
  readonly #streams: Readonly<Record<StepStream, StreamState>>;
  #logFd: number | undefined;
  #outFd: number | undefined;
  #memoryFd: number | undefined;
  #lost: string | undefined;

  constructor(output: CommandOutput, files: StepFiles) {
    this.#output = output;
    this.#files = files;
    this.#memory = offsetsFile(files);
    const before = readOffsets(this.#memory, output.secrets);
    this.#streams = { log: this.#stream(before.log), out: this.#stream(before.out) };
  }

  /** Where to go on after the link broke. */
  get offsets(): StepOffsets {
    return { log: this.#streams.log.received, out: this.#streams.out.received };
  }

  /** Before the step is sent: from now on it is known here that it may have begun. System error code of what is in the way. */
  open(): string | undefined {
    try {
      mkdirSync(path.dirname(this.#memory), { recursive: true, mode: 0o700 });
      this.#logFd ??= openForAppend(this.#output.logFile);
      this.#outFd ??= this.#output.capture ? openSync(this.#files.out, 'a', 0o600) : undefined;
      this.#memoryFd ??= openSync(this.#memory, constants.O_WRONLY | constants.O_CREAT, 0o600);
      this.#remember();
      return undefined;
    } catch (error) {
      return errorCode(error);
    }
  }

  /** Both in order of arrival; errors of the disk are kept for the end. */
  take(stream: StepStream, chunk: Uint8Array): void {
    const state = this.#streams[stream];
    state.received += chunk.length;
    const bytes = state.masker.push(chunk);
    this.#write(stream, bytes);
    // What the masker holds back is not on disk yet; without secrets that is nothing.
    state.written = Math.max(0, state.received - longestSecret(this.#output.secrets));
    this.#remember();
  }

  /** The end of the step's output. */
  finish(): void {
    for (const stream of ['log', 'out'] as const) {
      const state = this.#streams[stream];
      this.#write(stream, state.masker.end());
      state.written = state.received;
    }
    this.#remember();
  }

  close(): void {
    for (const fd of [this.#logFd, this.#outFd, this.#memoryFd]) if (fd !== undefined) closeSync(fd);
    this.#logFd = undefined;
    this.#outFd = undefined;
    this.#memoryFd = undefined;
  }

  /** System error codes of output that could not be written. */
  get lostOutput(): readonly string[] {
    return this.#lost === undefined ? [] : [this.#lost];
  }

  #stream(offset: number): StreamState {
    return { masker: new Masker(this.#output.secrets), received: offset, written: offset };
  }

  #write(stream: StepStream, bytes: Buffer): void {
    if (bytes.length === 0 || this.#lost !== undefined) return;
    try {
      if (this.#logFd !== undefined) writeAll(this.#logFd, bytes);
      if (stream === 'out' && this.#outFd !== undefined) writeAll(this.#outFd, bytes);
    } catch (error) {
      this.#lost = errorCode(error);
    }
  }

  #remember(): void {
    if (this.#memoryFd === undefined) return;
    try {
      const { log, out } = this.#streams;
      const numbers = [log.written, out.written].map((count) => String(count).padStart(16));
      // Always the same length: written over itself in one piece.
      writeSync(this.#memoryFd, `${numbers.join(' ')}\n`, 0);
    } catch (error) {
      this.#lost ??= errorCode(error);
    }
  }
}

function offsetsFile({ claim }: Pick<StepFiles, 'claim'>): string {
  return claim.replace(/\.claim$/, '.remote');
}

function readOffsets(file: string, secrets: readonly string[]): StepOffsets {
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return { log: 0, out: 0 };
  }
  const [, log = '0', out = '0'] = /^ *(\d+) +(\d+)\n$/.exec(text) ?? [];
  // A secret may lie across the place: from its middle on it would not be seen as one.
  const back = longestSecret(secrets);
  return { log: Math.max(0, Number(log) - back), out: Math.max(0, Number(out) - back) };
}

/** Bytes of the longest form in which a secret may be printed. */
function longestSecret(secrets: readonly string[]): number {
  return Math.max(0, ...secrets.map((secret) => Buffer.byteLength(secret) * 6));
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
}
