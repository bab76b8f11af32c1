import { statSync } from 'node:fs';
import { Lane } from './lane.ts';

/** Idle lanes that are kept: as many as steps usually run side by side. */
const MAX_IDLE = 16;

interface Place {
  readonly lane: Lane;
  /** What it is for, and which folder its working folder is: a path may lead to another one by now. */
  readonly folder: string;
}

/** What lanes need of the run. */
interface LaneOwner {
  readonly environment: Readonly<Record<string, string>>;
  readonly steps: string;
  /** Before its first job; false when nobody would end the lane if we died. */
  readonly watch: (lane: Lane, finishMs: number) => boolean;
  /** When it is done with. */
  readonly forget: (lane: Lane) => void;
}

/** What a job asks of its lane. */
export interface LaneWish {
  readonly workdir: string;
  /** How long it may go on after our death. */
  readonly finishMs: number;
}

/**
 * The lanes of a run. Each has one working folder for life, so a job begins as a new shell there would, and
 * one time to finish in after our death, so that the keeper needs to hear of the lane only and not of each job.
 */
export class LanePool {
  readonly #owner: LaneOwner;
  readonly #idle: Place[] = [];
  readonly #folders = new Map<Lane, string>();
  #isClosed = false;

  constructor(owner: LaneOwner) {
    this.#owner = owner;
  }

  /** Linux only: lanes are known by what /proc says of them. */
  static readonly isPossible = process.platform === 'linux';

  /** An idle lane in that folder; without `start` undefined where there is none. */
  take(wish: LaneWish, start = false): Lane | undefined {
    const folder = identityOf(wish);
    if (folder === undefined || this.#isClosed) return undefined;
    const index = this.#idle.findLastIndex((place) => place.folder === folder);
    const [place] = index === -1 ? [] : this.#idle.splice(index, 1);
    if (place?.lane.isUsable) return place.lane;
    if (place) this.#drop(place.lane);
    if (!start) return undefined;
    const lane = Lane.start({ ...this.#owner, workdir: wish.workdir });
    if (!lane) return undefined;
    this.#folders.set(lane, folder);
    if (this.#owner.watch(lane, wish.finishMs)) return lane;
    this.#drop(lane);
    return undefined;
  }

  /** After its job. */
  giveBack(lane: Lane): void {
    const folder = this.#folders.get(lane);
    if (folder !== undefined && lane.isUsable && !this.#isClosed && this.#idle.length < MAX_IDLE) {
      this.#idle.push({ lane, folder });
      return;
    }
    this.#drop(lane);
  }

  #drop(lane: Lane): void {
    lane.retire();
    this.#folders.delete(lane);
    this.#owner.forget(lane);
  }

  /** Ends the idle ones; resolves when they are gone. */
  async endIdle(): Promise<void> {
    const idle = this.#idle.splice(0);
    for (const { lane } of idle) this.#drop(lane);
    await Promise.all(idle.map(({ lane }) => lane.end()));
  }

  /** As `endIdle`; those at work end after their job. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.endIdle();
  }
}

/** Undefined when it is no folder. */
function identityOf({ workdir, finishMs }: LaneWish): string | undefined {
  try {
    const facts = statSync(workdir);
    return facts.isDirectory() ? `${facts.dev}:${facts.ino}:${finishMs}:${workdir}` : undefined;
  } catch {
    return undefined;
  }
}
