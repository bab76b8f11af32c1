import { Duplex, PassThrough, type Readable, type Writable } from 'node:stream';
import { once } from 'node:events';

const HEADER_BYTES = 8;
const STDERR = 2;

/**
 * The stream of a `docker exec` as a channel: output, errors and input apart. Both outputs wait for who reads them, so a
 * slow reader slows the command and not our memory. Source: Docker Engine API, "Attach to a container", stream format.
 */
export class ExecChannel extends Duplex {
  readonly stderr = new PassThrough();
  readonly #socket: Duplex;
  #room: (() => void) | undefined;

  constructor(socket: Duplex) {
    super();
    this.#socket = socket;
    // A connection that breaks ends what came over it: the missing last word says so.
    socket.on('error', () => undefined);
    void this.#pump();
  }

  override _read(): void {
    this.#goOn();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) done();
    else this.#socket.write(chunk, () => done());
  }

  override _final(done: () => void): void {
    this.#socket.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    this.#goOn();
    done(error);
  }

  #goOn(): void {
    this.#room?.();
    this.#room = undefined;
  }

  async #pump(): Promise<void> {
    let held: Buffer = Buffer.alloc(0);
    try {
      const chunks: AsyncIterable<Buffer> = this.#socket;
      for await (const chunk of chunks) {
        held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
        held = await this.#take(held);
      }
    } catch {
      // Cut short.
    }
    this.stderr.end();
    if (!this.destroyed) {
      this.push(null);
      this.end();
    }
  }

  /** Whole frames go to where they belong; the rest is given back. */
  async #take(bytes: Buffer): Promise<Buffer> {
    let at = 0;
    while (bytes.length - at >= HEADER_BYTES) {
      const end = at + HEADER_BYTES + bytes.readUInt32BE(at + 4);
      if (end > bytes.length) break;
      const payload = bytes.subarray(at + HEADER_BYTES, end);
      if (bytes[at] === STDERR) await this.#toErrors(payload);
      else await this.#toOutput(payload);
      at = end;
    }
    return bytes.subarray(at);
  }

  async #toErrors(payload: Buffer): Promise<void> {
    if (!this.stderr.write(payload)) await Promise.race([once(this.stderr, 'drain'), once(this, 'close')]);
  }

  async #toOutput(payload: Buffer): Promise<void> {
    if (this.destroyed || this.push(payload)) return;
    await new Promise<void>((resolve) => {
      this.#room = resolve;
    });
  }
}

/** All that a short command says on its standard output. */
export async function outputOf(channel: Duplex & { readonly stderr: Readable }): Promise<string> {
  const input: Writable = channel;
  input.end();
  channel.stderr.resume();
  const chunks: Buffer[] = [];
  const pieces: AsyncIterable<Buffer> = channel;
  for await (const piece of pieces) chunks.push(piece);
  return Buffer.concat(chunks).toString('utf8');
}
