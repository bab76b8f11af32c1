import { statSync } from 'node:fs';
import { Lane } from './lane.ts';

/** Idle lanes that are kept: as many as steps usually run side by side. */
const MAX_IDLE = 16;

interface Place {
  readonly lane: Lane;
  /** Which folder its working folder is: a path may lead to another one by now. */
  readonly folder: string;
}

/** The lanes of a run. Each has one working folder for life, so a job begins as a new shell there would. */
export class LanePool {
  readonly #environment: Readonly<Record<string, string>>;
  readonly #idle: Place[] = [];
  readonly #folders = new Map<Lane, string>();
  #isClosed = false;

  constructor(environment: Readonly<Record<string, string>>) {
    this.#environment = environment;
  }

  /** Linux only: lanes are known by what /proc says of them. */
  static readonly isPossible = process.platform === 'linux';

  /** An idle lane in that folder; without `start` undefined where there is none. */
  take(workdir: string, start = false): Lane | undefined {
    const folder = identityOf(workdir);
    if (folder === undefined || this.#isClosed) return undefined;
    const index = this.#idle.findLastIndex((place) => place.folder === folder);
    const [place] = index === -1 ? [] : this.#idle.splice(index, 1);
    if (place?.lane.isUsable) return place.lane;
    if (!start) return undefined;
    const lane = Lane.start(workdir, this.#environment);
    if (lane) this.#folders.set(lane, folder);
    return lane;
  }

  /** After its job. */
  giveBack(lane: Lane): void {
    const folder = this.#folders.get(lane);
    if (folder !== undefined && lane.isUsable && !this.#isClosed && this.#idle.length < MAX_IDLE) {
      this.#idle.push({ lane, folder });
      return;
    }
    lane.retire();
    this.#folders.delete(lane);
  }

  /** Ends the idle ones; resolves when they are gone. */
  async endIdle(): Promise<void> {
    const idle = this.#idle.splice(0);
    for (const { lane } of idle) this.#folders.delete(lane);
    await Promise.all(idle.map(({ lane }) => lane.end()));
  }

  /** As `endIdle`; those at work end after their job. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.endIdle();
  }
}

/** Undefined when it is no folder. */
function identityOf(workdir: string): string | undefined {
  try {
    const facts = statSync(workdir);
    return facts.isDirectory() ? `${facts.dev}:${facts.ino}:${workdir}` : undefined;
  } catch {
    return undefined;
  }
}
