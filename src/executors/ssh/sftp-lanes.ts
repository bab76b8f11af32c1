import type { Stats } from 'ssh2';
import { CopyObstacle, refuse } from '../copy/ends.ts';
import { LinkLost } from './connection.ts';
import type { Link } from './link.ts';
import type { SharedSftp } from './sftp-pool.ts';

/** One packet of OpenSSH holds 256 KiB with its header; smaller servers are asked again by ssh2. */
const PIECE_BYTES = 254 * 1024;

interface Lane extends SharedSftp {
  readonly handle: Buffer;
}

export interface RemoteFacts {
  readonly size: number;
  readonly mode: number;
  readonly isFile: boolean;
}

/**
 * One file over several SFTP sessions: a single one is bound by its window, which is what a slow or far link
 * has least of. The first is opened at once, the others when there is work for them.
 */
export class SftpLanes {
  readonly #link: Link;
  readonly #file: string;
  readonly #flags: 'r' | 'r+';
  readonly #lanes: Lane[] = [];
  readonly #idle: Lane[] = [];
  readonly #most: number;
  readonly #waiting: ((lane: Lane) => void)[] = [];
  #opening = 0;

  constructor(link: Link, file: string, options: { readonly flags: 'r' | 'r+'; readonly most: number }) {
    this.#link = link;
    this.#file = file;
    this.#flags = options.flags;
    this.#most = options.most;
  }

  async facts(): Promise<RemoteFacts> {
    return this.#use(async ({ connection, session, handle }) => {
      const stats = await connection.call<Stats>((done) => session.fstat(handle, done));
      return { size: stats.size, mode: stats.mode & 0o7777, isFile: stats.isFile() };
    });
  }

  read(offset: number, length: number): Promise<Buffer> {
    return this.#use(async (lane) => {
      const buffer = Buffer.allocUnsafe(length);
      await Promise.all(
        pieces(length).map(async ({ at, size }) => {
          for (let got = 0; got < size;) {
            const read = await readSome(lane, { buffer, at: at + got, size: size - got, offset });
            if (read === 0) throw refuse(`${this.#label()} became shorter while it was read`, true);
            got += read;
          }
        }),
      );
      return buffer;
    });
  }

  write(offset: number, bytes: Buffer, onBytes: (count: number) => void): Promise<void> {
    return this.#use(async ({ connection, session, handle }) => {
      await Promise.all(
        pieces(bytes.length).map(async ({ at, size }) => {
          await connection.call<number>((done) =>
            session.write(handle, bytes, at, size, offset + at, (error) => done(error, size)),
          );
          onBytes(size);
        }),
      );
    });
  }

  truncate(size: number): Promise<void> {
    return this.#use(({ connection, session, handle }) =>
      connection.call<void>((done) => session.fsetstat(handle, { size }, (error) => done(error, undefined))),
    );
  }

  async close(): Promise<void> {
    const lanes = this.#lanes.splice(0);
    this.#idle.length = 0;
    await Promise.all(
      lanes.map(async ({ session, connection, handle, release }) => {
        await connection
          .call<void>((done) => session.close(handle, (error) => done(error, undefined)))
          .catch(() => undefined);
        release();
      }),
    );
  }

  async #use<T>(work: (lane: Lane) => Promise<T>): Promise<T> {
    const lane = await this.#take();
    try {
      return await work(lane);
    } catch (error) {
      throw this.#obstacle(error);
    } finally {
      const next = this.#waiting.shift();
      if (next) next(lane);
      else this.#idle.push(lane);
    }
  }

  async #take(): Promise<Lane> {
    const idle = this.#idle.pop();
    if (idle) return idle;
    if (this.#lanes.length + this.#opening < this.#most) {
      this.#opening += 1;
      try {
        const lane = await this.#open();
        this.#lanes.push(lane);
        return lane;
      } finally {
        this.#opening -= 1;
      }
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  async #open(): Promise<Lane> {
    const opened = await this.#link.sftp();
    if (!opened.ok) throw new CopyObstacle(opened.failure);
    const { connection, session, release } = opened.value;
    try {
      const handle = await connection.call<Buffer>((done) => session.open(this.#file, this.#flags, done));
      return { ...opened.value, handle };
    } catch (error) {
      release();
      throw this.#obstacle(error);
    }
  }

  #label(): string {
    return `${this.#link.target.name}:${this.#file}`;
  }

  #obstacle(error: unknown): unknown {
    if (error instanceof CopyObstacle) return error;
    if (error instanceof LinkLost) return new CopyObstacle(this.#link.failureOf(error));
    if (!(error instanceof Error)) return error;
    const code = 'code' in error ? Number(error.code) : Number.NaN;
    const word = STATUS[code];
    if (word === undefined) return new CopyObstacle(this.#link.failureOf(error));
    // A full disk has no number of its own.
    return refuse(`${this.#label()}: ${word}`, code === FAILURE);
  }
}

const FAILURE = 4;
/** SFTP version 3, section 7. */
const STATUS: Readonly<Record<number, string>> = {
  2: 'there is no such file or folder',
  3: 'permission denied',
  [FAILURE]: 'the server refused it (no space left?)',
  8: 'its SFTP server cannot do this',
};

function pieces(length: number): readonly { readonly at: number; readonly size: number }[] {
  return Array.from({ length: Math.ceil(length / PIECE_BYTES) }, (_, index) => {
    const at = index * PIECE_BYTES;
    return { at, size: Math.min(PIECE_BYTES, length - at) };
  });
}

interface ReadPlace {
  readonly buffer: Buffer;
  readonly at: number;
  readonly size: number;
  /** Of the buffer's beginning, in the file. */
  readonly offset: number;
}

/** 0 at the end of the file. */
async function readSome({ connection, session, handle }: Lane, place: ReadPlace): Promise<number> {
  const { buffer, at, size, offset } = place;
  return connection.call<number>((done) =>
    session.read(handle, buffer, at, size, offset + at, (error, count) => {
      const isEnd = error !== undefined && 'code' in error && error.code === 1;
      done(isEnd ? undefined : error, isEnd ? 0 : count);
    }),
  );
}
