import { setTimeout as delay } from 'node:timers/promises';
import type { ClientChannel, SFTPWrapper } from 'ssh2';
import type { CircuitBreaker } from '../../core/circuit-breaker.ts';
import { type Failure, failed, ok, type Result } from '../../core/failure.ts';
import { type Connection, LinkLost, openConnection } from './connection.ts';
import { SftpPool, type SharedSftp } from './sftp-pool.ts';
import { Slots } from './slots.ts';
import type { SshTarget } from './target.ts';

/** The server has no room for one more session. RFC 4254 5.1: administratively prohibited, connect failed, …, shortage. */
const CONNECT_FAILED = 2;
const SHORTAGE = 4;
/** sshd frees a session's place a moment after it has closed; other clients may hold some for longer. */
const OPEN_PATIENCE_MS = 15_000;
/** More bring nothing, measured at 40 ms. */
const MOST_SFTP = 4;

/** An open session and the connection that it is on. */
export interface Session<T> {
  readonly connection: Connection;
  readonly session: T;
  /** Gives the place back. */
  readonly release: () => void;
}

/**
 * One kept-alive connection to one context, made when it is first needed and again after it broke.
 * Hands out sessions, never more at once than `max_sessions`.
 */
export class Link {
  readonly target: SshTarget;
  /** At most so many at once. */
  readonly sftpSessions: number;
  readonly #breaker: CircuitBreaker;
  readonly #slots: Slots;
  readonly #sftp: SftpPool;
  #connecting: Promise<Result<Connection>> | undefined;
  #connection: Connection | undefined;
  readonly #stop = new AbortController();

  constructor(target: SshTarget, breaker: CircuitBreaker) {
    this.target = target;
    this.#breaker = breaker;
    // Copies need a command beside their session.
    const most = Math.max(2, target.settings.max_sessions);
    this.#slots = new Slots(most);
    this.sftpSessions = Math.max(1, Math.min(MOST_SFTP, most - 2));
    this.#sftp = new SftpPool(
      () => this.#open((connection) => connection.call<SFTPWrapper>((done) => connection.client.sftp(done))),
      this.sftpSessions,
    );
  }

  /** The living connection, or a new one. */
  async connection(): Promise<Result<Connection>> {
    if (this.#connection?.lost === undefined && this.#connection) return ok(this.#connection);
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  /** Starts a command through the login shell there. */
  exec(command: string): Promise<Result<Session<ClientChannel>>> {
    return this.#open((connection) =>
      connection.call<ClientChannel>((done) => connection.client.exec(command, done)),
    );
  }

  /** A session for files, shared with others. */
  sftp(): Promise<Result<SharedSftp>> {
    return this.#sftp.take();
  }

  /** What an error of the library means. `authentication` and the like come from `connection`. */
  failureOf(error: unknown): Failure {
    const executor = this.target.name;
    if (error instanceof LinkLost) {
      return {
        reason: 'executor-unreachable',
        executor,
        detail: `the connection to ${executor} broke: ${error.message}`,
      };
    }
    if (error instanceof Error) {
      return { reason: 'executor-unreachable', executor, detail: `${executor}: ${error.message}` };
    }
    throw error;
  }

  /** It will never connect again. */
  get isClosed(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Breaks the connection: it is in doubt. The next use makes another. */
  abandon(): void {
    this.#connection?.client.destroy();
  }

  close(): Promise<void> {
    this.#stop.abort();
    this.#sftp.close();
    const connection = this.#connection;
    this.#connection = undefined;
    if (!connection || connection.lost !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      // A link that is half open takes no goodbye.
      const timer = setTimeout(() => connection.client.destroy(), 1000);
      connection.onLost(() => {
        clearTimeout(timer);
        resolve();
      });
      connection.end();
    });
  }

  async #connect(): Promise<Result<Connection>> {
    const { name } = this.target;
    if (this.#stop.signal.aborted) {
      return failed({ reason: 'executor-unreachable', executor: name, detail: `${name}: closed` });
    }
    const passage = this.#breaker.pass();
    if (passage.state === 'open') {
      const detail =
        `${name} failed ${passage.failures} times in a row, so it is left alone for ` +
        `${Math.max(1, Math.round(passage.retry_in_ms / 1000))} s more; last: ${passage.last}`;
      return failed({ reason: 'executor-unreachable', executor: name, detail });
    }
    const opened = await openConnection(this.target, this.#stop.signal);
    if (opened.ok) {
      this.#breaker.succeeded();
      this.#connection = opened.value;
    } else if (opened.failure.reason === 'executor-unreachable' && !this.#stop.signal.aborted) {
      this.#breaker.failed(opened.failure.detail);
    } else this.#breaker.gaveUp();
    return opened;
  }

  /** Waits for a place, then opens; a server that has no room is asked again for a while. */
  async #open<T>(begin: (connection: Connection) => Promise<T>): Promise<Result<Session<T>>> {
    await this.#slots.acquire();
    let isHeld = true;
    const release = (): void => {
      if (isHeld) this.#slots.release();
      isHeld = false;
    };
    const deadline = performance.now() + OPEN_PATIENCE_MS;
    for (let waitMs = 10; ; waitMs = Math.min(waitMs * 2, 500)) {
      const connection = await this.connection();
      if (!connection.ok) {
        release();
        return connection;
      }
      try {
        return ok({ connection: connection.value, session: await begin(connection.value), release });
      } catch (error) {
        if (!isFull(error) || performance.now() > deadline || this.#stop.signal.aborted) {
          release();
          return failed(isFull(error) ? this.#full() : this.failureOf(error));
        }
        await delay(waitMs);
      }
    }
  }

  #full(): Failure {
    const { name, settings } = this.target;
    return {
      reason: 'executor-unreachable',
      executor: name,
      detail: `${name} opens no more sessions on a connection: set max_sessions of the context (${settings.max_sessions}) below MaxSessions of its sshd`,
    };
  }
}

function isFull(error: unknown): boolean {
  if (!(error instanceof Error) || !('reason' in error)) return false;
  return error.reason === CONNECT_FAILED || error.reason === SHORTAGE;
}
