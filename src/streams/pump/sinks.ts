import { writeSync } from 'node:fs';
import type { Transform } from 'node:stream';
import {
  constants,
  crc32,
  createGunzip,
  createGzip,
  createZstdCompress,
  createZstdDecompress,
} from 'node:zlib';
import { unreachable } from '../../core/unreachable.ts';
import type { CodecKind } from '../pump-spec.ts';
import { Chunk, type Flow, type Sink } from './flow.ts';

/** All of a chunk; a file descriptor may take less at a time. */
export function writeAll(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
}

interface FdSinkOptions {
  readonly fd: number;
  readonly flow: Flow;
  readonly failed: (error: unknown) => void;
}

/** Writes to a file or to our own output, and knows what it wrote. */
export class FdSink implements Sink {
  isOpen = true;
  written = { bytes: 0, crc32: 0 };
  readonly #options: FdSinkOptions;

  constructor(options: FdSinkOptions) {
    this.#options = options;
  }

  write({ bytes }: Chunk): void {
    try {
      writeAll(this.#options.fd, bytes);
      this.written = {
        bytes: this.written.bytes + bytes.length,
        crc32: crc32(bytes, this.written.crc32),
      };
    } catch (error) {
      this.isOpen = false;
      this.#options.failed(error);
      this.#options.flow.closed();
    }
  }

  end(): void {
    this.isOpen = false;
  }

  abort(): void {
    this.isOpen = false;
  }
}

/** What a variable holds: 64 KiB. */
const VARIABLE_BYTES = 64 * 1024;

/** Collects text for a variable. */
export class TextSink implements Sink {
  isOpen = true;
  readonly #parts: Buffer[] = [];
  readonly #done: (text: string) => void;
  readonly #tooLong: (limitBytes: number) => void;
  readonly #flow: Flow;
  #length = 0;

  constructor(flow: Flow, done: (text: string) => void, tooLong: (limitBytes: number) => void) {
    this.#flow = flow;
    this.#done = done;
    this.#tooLong = tooLong;
  }

  write({ bytes }: Chunk): void {
    this.#length += bytes.length;
    if (this.#length > VARIABLE_BYTES) {
      this.isOpen = false;
      this.#tooLong(VARIABLE_BYTES);
      this.#flow.closed();
    } else this.#parts.push(Buffer.from(bytes));
  }

  end(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#done(Buffer.concat(this.#parts).toString('utf8').replace(/\n$/, ''));
  }

  abort(): void {
    this.isOpen = false;
  }
}

interface CodecOptions {
  readonly kind: CodecKind;
  readonly level?: number | undefined;
  /** Of what comes in. */
  readonly flow: Flow;
  /** Of what goes out, to `next`. */
  readonly out: Flow;
  readonly next: Sink;
  /** Ended, with a sentence when the data are not what they should be. */
  readonly ended: (problem?: string) => void;
}

const CHUNK = { chunkSize: 64 * 1024 };

function createCodec(kind: CodecKind, level: number | undefined): Transform {
  switch (kind) {
    case 'gzip':
      return createGzip({ ...CHUNK, ...(level !== undefined && { level }) });
    case 'gunzip':
      return createGunzip(CHUNK);
    case 'zstd':
      return createZstdCompress({
        ...CHUNK,
        ...(level !== undefined && { params: { [constants.ZSTD_c_compressionLevel]: level } }),
      });
    case 'unzstd':
      return createZstdDecompress(CHUNK);
    default:
      return unreachable(kind);
  }
}

/** Compresses or expands on a thread of its own and passes the result on. */
export class CodecSink implements Sink {
  readonly #options: CodecOptions;
  readonly #codec: Transform;
  #isOver = false;
  #waitingBytes = 0;
  #isHolding = false;

  constructor(options: CodecOptions) {
    this.#options = options;
    this.#codec = createCodec(options.kind, options.level);
    this.#codec.on('data', (bytes: Buffer) => this.#pass(bytes));
    this.#codec.on('end', () => this.#finish());
    this.#codec.on('error', (error) => this.#break(error.message));
    options.out.onChange(() => this.#goOn());
  }

  get isOpen(): boolean {
    return !this.#isOver && this.#options.next.isOpen;
  }

  write(chunk: Chunk): void {
    const { length } = chunk.bytes;
    chunk.keep();
    this.#waitingBytes += length;
    if (!this.#isHolding && this.#waitingBytes > this.#options.flow.lagBytes) {
      this.#isHolding = true;
      this.#options.flow.hold();
    }
    this.#codec.write(chunk.bytes, () => {
      this.#waitingBytes -= length;
      chunk.release();
      if (this.#isHolding && this.#waitingBytes <= this.#options.flow.lagBytes) this.#letGo();
    });
  }

  end(): void {
    if (!this.#isOver) this.#codec.end();
  }

  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#codec.destroy();
    this.#letGo();
    this.#options.next.abort();
    this.#options.ended();
  }

  #pass(bytes: Buffer): void {
    const { out, next } = this.#options;
    next.write(new Chunk(out, bytes, bytes.length));
    this.#goOn();
  }

  #goOn(): void {
    const { out, next, flow } = this.#options;
    if (this.#isOver) return;
    if (!next.isOpen) {
      this.#isOver = true;
      this.#codec.destroy();
      this.#letGo();
      this.#options.ended();
      flow.closed();
    } else if (out.isHeld) this.#codec.pause();
    else this.#codec.resume();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.next.end();
    this.#options.ended();
  }

  #break(message: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#letGo();
    this.#options.next.abort();
    this.#options.ended(message);
    this.#options.flow.closed();
  }

  #letGo(): void {
    if (!this.#isHolding) return;
    this.#isHolding = false;
    this.#options.flow.letGo();
  }
}
