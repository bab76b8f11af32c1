import type { SFTPWrapper } from 'ssh2';
import { ok, type Result } from '../../core/failure.ts';
import type { Connection } from './connection.ts';
import type { Session } from './link.ts';

interface Pooled extends Session<SFTPWrapper> {
  users: number;
}

/** A session that is shared by all who took it. */
export interface SharedSftp {
  readonly connection: Connection;
  readonly session: SFTPWrapper;
  readonly release: () => void;
}

/** Files follow each other: the sessions of one serve the next. */
const IDLE_MS = 2000;

/**
 * SFTP sessions of one link. One session serves any number of files at once, so nobody ever waits for one while
 * holding another, and commands always find a place beside them.
 */
export class SftpPool {
  readonly #open: () => Promise<Result<Session<SFTPWrapper>>>;
  readonly #most: number;
  readonly #sessions = new Set<Pooled>();
  #opening = 0;
  #first: Promise<Result<Pooled>> | undefined;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(open: () => Promise<Result<Session<SFTPWrapper>>>, most: number) {
    this.#open = open;
    this.#most = most;
  }

  /** The least used session; a new one while all are in use and there may be more. */
  async take(): Promise<Result<SharedSftp>> {
    for (const each of this.#sessions) if (each.connection.lost !== undefined) this.#drop(each);
    const least = [...this.#sessions].toSorted((a, b) => a.users - b.users)[0];
    const mayOpen = this.#sessions.size + this.#opening < this.#most;
    if (least && (least.users === 0 || !mayOpen)) return ok(this.#share(least));
    if (!least && !mayOpen && this.#first) {
      const first = await this.#first;
      return first.ok ? ok(this.#share(first.value)) : first;
    }
    const opening = this.#openOne();
    if (!least) this.#first = opening;
    return this.#opened(await opening);
  }

  /** A server that opens no more serves us with what it has opened. */
  #opened(opened: Result<Pooled>): Result<SharedSftp> {
    if (opened.ok) return ok(this.#share(opened.value));
    const other = [...this.#sessions].find(({ connection }) => connection.lost === undefined);
    return other ? ok(this.#share(other)) : opened;
  }

  close(): void {
    clearTimeout(this.#idleTimer);
    for (const each of this.#sessions) this.#drop(each);
  }

  async #openOne(): Promise<Result<Pooled>> {
    this.#opening += 1;
    try {
      const opened = await this.#open();
      if (!opened.ok) return opened;
      opened.value.session.on('error', () => undefined);
      const pooled: Pooled = { ...opened.value, users: 0 };
      this.#sessions.add(pooled);
      return ok(pooled);
    } finally {
      this.#opening -= 1;
    }
  }

  #share(pooled: Pooled): SharedSftp {
    clearTimeout(this.#idleTimer);
    pooled.users += 1;
    let isHeld = true;
    return {
      connection: pooled.connection,
      session: pooled.session,
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        pooled.users -= 1;
        clearTimeout(this.#idleTimer);
        this.#idleTimer = setTimeout(() => this.#dropIdle(), IDLE_MS).unref();
      },
    };
  }

  #dropIdle(): void {
    for (const each of this.#sessions) if (each.users === 0) this.#drop(each);
  }

  #drop(pooled: Pooled): void {
    this.#sessions.delete(pooled);
    if (pooled.connection.lost === undefined) pooled.session.end();
    // Its place is free once the server has closed it too; who comes too early asks again.
    pooled.release();
  }
}
