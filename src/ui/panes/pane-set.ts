import type { ChangeCause, PaneChange, PaneSet, PaneSetOptions, PaneSource } from './contract.ts';
import { Pane } from './pane.ts';
import { createSlices } from './slices.ts';

const DEFAULT_POLL_MS = 33;
/** A live log that has been quiet for so long is looked at every `QUIET_POLLS` times. */
const QUIET_AFTER_MS = 1000;
const QUIET_POLLS = 4;
/** One that nobody writes may still be cut or replaced. */
const REST_POLLS = 30;

/**
 * The log panes of the screen. Files are looked at by `stat` in an own rhythm: telling every write of a
 * flood apart, as inotify does, costs more than reading it. Timers do not keep the process alive.
 */
export function createPaneSet(options: PaneSetOptions = {}): PaneSet {
  return new Panes(options);
}

interface Member {
  pane: Pane;
  grownAtMs: number;
  /** What listeners were not told yet. */
  news: ChangeCause | undefined;
}

class Panes implements PaneSet {
  readonly #members = new Map<string, Member>();
  readonly #listeners = new Set<(change: PaneChange) => void>();
  readonly #options: { keepColor: boolean; readonly now: () => number };
  readonly #pollMs: number;
  readonly #slices: { readonly wake: () => void; readonly stop: () => void };
  #timer: NodeJS.Timeout | undefined;
  #polls = 0;
  /** Polls that the timer sleeps through. */
  #stride = 1;

  constructor({ color = true, pollMs = DEFAULT_POLL_MS, sliceMs, now = Date.now }: PaneSetOptions) {
    this.#options = { keepColor: color, now };
    this.#pollMs = pollMs;
    this.#slices = createSlices(() => this.#work(), sliceMs);
  }

  readonly open = (paneId: string, source: PaneSource): void => {
    const known = this.#members.get(paneId);
    if (known && known.pane.file === source.file) {
      known.pane.live = source.live;
      this.#hurry();
      return;
    }
    known?.pane.close();
    const pane = new Pane(source, this.#options);
    this.#members.set(paneId, { pane, grownAtMs: performance.now(), news: undefined });
    this.#hurry();
    this.#slices.wake();
    this.#tell(paneId, 'input');
  };

  readonly close = (paneId: string): void => {
    this.#members.get(paneId)?.pane.close();
    this.#members.delete(paneId);
    if (this.#members.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#slices.stop();
  };

  readonly setColor = (isKept: boolean): void => {
    this.#options.keepColor = isKept;
    for (const [paneId, { pane }] of this.#members) {
      pane.keepColor = isKept;
      this.#tell(paneId, 'input');
    }
  };

  readonly closeAll = (): void => {
    for (const paneId of this.#members.keys()) this.close(paneId);
  };

  readonly key: PaneSet['key'] = (paneId, action) => {
    const pane = this.#members.get(paneId)?.pane;
    if (!pane) return undefined;
    const copied = pane.act(action);
    this.#slices.wake();
    this.#tell(paneId, 'input');
    return copied;
  };

  readonly status: PaneSet['status'] = (paneId) => this.#members.get(paneId)?.pane.status();

  readonly rows: PaneSet['rows'] = (paneId, width, height) =>
    this.#members.get(paneId)?.pane.rows(width, height) ?? blankRows(width, height);

  readonly onChange: PaneSet['onChange'] = (listener) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly copyText: PaneSet['copyText'] = (paneId, what) =>
    this.#members.get(paneId)?.pane.copy(what).text ?? '';

  /** Looks at what is due, tells what is new; sleeps as long as nothing is likely to happen. */
  #poll(): void {
    const before = this.#polls;
    this.#polls += this.#stride;
    for (const [paneId, member] of this.#members) {
      const every = this.#every(member);
      if (Math.floor(this.#polls / every) > Math.floor(before / every)) this.#look(member);
      const { news } = member;
      if (!news) continue;
      member.news = undefined;
      this.#tell(paneId, news);
    }
    if (this.#members.size === 0) return;
    const soonest = [...this.#members.values()].map((member) => (member.news ? 1 : this.#every(member)));
    this.#arm(Math.min(...soonest));
  }

  #arm(stride: number): void {
    clearTimeout(this.#timer);
    this.#stride = stride;
    this.#timer = setTimeout(() => this.#poll(), this.#pollMs * stride).unref();
  }

  /** There is something to look at or to tell. */
  #hurry(): void {
    if (!this.#timer || this.#stride > 1) this.#arm(1);
  }

  #every({ pane, grownAtMs }: Member): number {
    if (!pane.live) return REST_POLLS;
    return performance.now() - grownAtMs > QUIET_AFTER_MS ? QUIET_POLLS : 1;
  }

  #look(member: Member): void {
    if (member.pane.look() === 'none') return;
    member.grownAtMs = performance.now();
    member.news = 'growth';
    this.#slices.wake();
  }

  /** A step for each pane that has something to do. */
  #work(): 'awaited' | 'counting' | 'done' {
    let more: 'awaited' | 'counting' | 'done' = 'done';
    for (const member of this.#members.values()) {
      const progress = member.pane.step();
      member.news ??= 'progress';
      this.#hurry();
      if (progress.isAwaited) more = 'awaited';
      else if (progress.more && more === 'done') more = 'counting';
    }
    return more;
  }

  #tell(paneId: string, cause: ChangeCause): void {
    for (const listener of this.#listeners) listener({ paneId, cause });
  }
}

function blankRows(width: number, height: number): readonly string[] {
  return Array.from({ length: Math.max(0, height) }, () => ' '.repeat(Math.max(0, width)));
}
