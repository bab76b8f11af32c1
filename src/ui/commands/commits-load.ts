import { ok, type Result } from '../../core/failure.ts';
import type { Commit, LogQuery, Vcs } from '../../core/vcs.ts';
import { chosenEntry, type CommitDetails, type CommitEntry, type CommitsState } from '../commits-state.ts';
import { type CommandContext, patch, say } from './context.ts';

/** The first page is small, so that it is there at once; the further a person goes, the larger they are. */
const FIRST_PAGE = 200;
const LARGEST_PAGE = 10_000;
/** So near its end the list is read on. */
const AHEAD = 100;
/** The choice rests for so long before its diff is read, milliseconds. */
const REST_MS = 60;
const DIFF_BYTES = 512 * 1024;
const KEPT_DETAILS = 64;

/** Reads commits of one repository into the state of the screen, as far as they are looked at. */
export interface CommitLoader {
  /** From the top, with the branch and the filters of the state. */
  readonly restart: () => void;
  /** Called after every move: reads on where the list ends, and the details of the choice. */
  readonly follow: () => void;
  /** Reads all there is; resolves when it is there. */
  readonly loadAll: () => Promise<void>;
  /** Ids of everything after a commit, newest first. */
  readonly since: (deployed: string) => Promise<Result<readonly string[]>>;
  readonly stop: () => void;
}

/** More commits since a deploy than anybody means. */
const MOST_SINCE = 10_000;

export function createCommitLoader(
  context: Pick<CommandContext, 'store' | 'backend'>,
  vcs: Vcs,
): CommitLoader {
  return new Loader(context, vcs);
}

class Loader implements CommitLoader {
  readonly #context: Pick<CommandContext, 'store' | 'backend'>;
  readonly #vcs: Vcs;
  /** Counts restarts: what was asked before one is of no interest after it. */
  #generation = 0;
  #pageSize = FIRST_PAGE;
  #reading: Promise<void> | undefined;
  #resting: NodeJS.Timeout | undefined;
  #abort = new AbortController();
  readonly #details = new Map<string, CommitDetails>();

  constructor(context: Pick<CommandContext, 'store' | 'backend'>, vcs: Vcs) {
    this.#context = context;
    this.#vcs = vcs;
  }

  readonly restart = (): void => {
    this.#forget();
    this.#pageSize = FIRST_PAGE;
    this.#change((commits) => ({
      ...commits,
      entries: [],
      isComplete: false,
      isLoading: true,
      at: 0,
      anchor: undefined,
      details: undefined,
      top: 0,
    }));
    void this.#readUncommitted();
    this.follow();
  };

  readonly follow = (): void => {
    const now = this.#state();
    if (!now) return;
    if (!now.isComplete && now.at + AHEAD >= now.entries.length) void this.#readOn();
    this.#restOnDetails();
  };

  readonly loadAll = async (): Promise<void> => {
    const { signal } = this.#abort;
    while (!signal.aborted && this.#state()?.isComplete === false) await this.#readOn();
  };

  readonly since = async (deployed: string): Promise<Result<readonly string[]>> => {
    const { branch } = this.#state() ?? {};
    const from = branch === undefined ? {} : { from: branch };
    const found = await this.#vcs.log({ ...from, since: deployed, skip: 0, limit: MOST_SINCE });
    return found.ok ? ok(found.value.map(({ id }) => id)) : found;
  };

  readonly stop = (): void => {
    this.#forget();
    clearTimeout(this.#resting);
  };

  #state(): CommitsState | undefined {
    return this.#context.store.getState().commits;
  }

  #change(edit: (commits: CommitsState) => CommitsState): void {
    patch(this.#context.store, ({ commits }) => (commits ? { commits: edit(commits) } : {}));
  }

  #forget(): void {
    this.#generation += 1;
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#reading = undefined;
    this.#details.clear();
  }

  async #readUncommitted(): Promise<void> {
    const mine = this.#generation;
    const entries = await uncommitted(this.#vcs, this.#state());
    if (mine !== this.#generation || entries.length === 0) return;
    // They stand in front; the choice stays on what it was.
    this.#change((commits) => ({
      ...commits,
      entries: [...entries, ...commits.entries],
      at: commits.entries.length > 0 ? commits.at + entries.length : 0,
    }));
    this.#restOnDetails();
  }

  #readOn(): Promise<void> {
    const mine = this.#generation;
    this.#reading ??= this.#readPage(mine).finally(() => {
      if (mine !== this.#generation) return;
      this.#reading = undefined;
      this.#restOnDetails();
    });
    return this.#reading;
  }

  async #readPage(mine: number): Promise<void> {
    const now = this.#state();
    if (!now || now.isComplete) return;
    this.#change((commits) => ({ ...commits, isLoading: true }));
    const skip = now.entries.filter(({ type }) => type === 'commit').length;
    const limit = this.#pageSize;
    this.#pageSize = Math.min(LARGEST_PAGE, limit * 4);
    const page = await this.#vcs.log({ ...queryOf(now), skip, limit }, this.#abort.signal);
    if (mine !== this.#generation) return;
    if (!page.ok) {
      this.#change((commits) => ({ ...commits, isLoading: false, isComplete: true }));
      const { store, backend } = this.#context;
      return say(store, backend.text.failure(page.failure), 'bad');
    }
    this.#change((commits) => ({
      ...commits,
      entries: [...commits.entries, ...page.value.map(entryOf)],
      isLoading: false,
      isComplete: page.value.length < limit,
    }));
  }

  /** Once the choice rests: a held key reads no diff. */
  #restOnDetails(): void {
    const now = this.#state();
    const id = now && chosenEntry(now)?.id;
    clearTimeout(this.#resting);
    if (id === undefined || now?.details?.id === id) return;
    this.#resting = setTimeout(() => void this.#readDetails(), this.#details.has(id) ? 0 : REST_MS);
  }

  async #readDetails(): Promise<void> {
    const mine = this.#generation;
    const now = this.#state();
    const entry = now && chosenEntry(now);
    if (!entry) return;
    const textOf = this.#context.backend.text.failure;
    const found = this.#details.get(entry.id) ?? (await detailsOf(this.#vcs, entry, textOf));
    if (mine !== this.#generation) return;
    this.#details.set(entry.id, found);
    for (const [oldest] of this.#details) {
      if (this.#details.size > KEPT_DETAILS) this.#details.delete(oldest);
    }
    this.#change((commits) =>
      chosenEntry(commits)?.id === entry.id ? { ...commits, details: found } : commits,
    );
  }
}

function queryOf({ branch, query }: CommitsState): Omit<LogQuery, 'skip' | 'limit'> {
  return {
    ...(branch !== undefined && { from: branch }),
    ...(query.text !== '' && { text: query.text }),
    ...(query.author !== '' && { author: query.author }),
    ...(query.path !== '' && { path: query.path }),
  };
}

function entryOf(commit: Commit): CommitEntry {
  return { type: 'commit', id: commit.id, commit };
}

/** What is staged and what is changed beside it; nothing while another branch is shown or a filter is set. */
async function uncommitted(vcs: Vcs, state: CommitsState | undefined): Promise<readonly CommitEntry[]> {
  if (!state || state.branch !== undefined || Object.values(state.query).some((text) => text !== ''))
    return [];
  const kinds = vcs.kind === 'git' ? (['worktree', 'staged'] as const) : (['worktree'] as const);
  const found = await Promise.all(kinds.map((to) => vcs.changes({ to })));
  return kinds.flatMap((id, at) => {
    const changes = found[at];
    const fileCount = changes?.ok ? changes.value.length : 0;
    return fileCount > 0 ? [{ type: 'uncommitted', id, fileCount } as const] : [];
  });
}

async function detailsOf(
  vcs: Vcs,
  entry: CommitEntry,
  textOf: (failure: Parameters<CommandContext['backend']['text']['failure']>[0]) => string,
): Promise<CommitDetails> {
  const parent = entry.type === 'commit' ? entry.commit.parents[0] : undefined;
  const range = { ...(parent !== undefined && { from: parent }), to: entry.id };
  const [changes, diff] = await Promise.all([vcs.changes(range), vcs.diff(range, { maxBytes: DIFF_BYTES })]);
  const nothing = { id: entry.id, changes: [], diff: [], isTruncated: false };
  if (!changes.ok) return { ...nothing, problem: textOf(changes.failure) };
  if (!diff.ok) return { ...nothing, changes: changes.value, problem: textOf(diff.failure) };
  const { text, truncated } = diff.value;
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n');
  return { id: entry.id, changes: changes.value, diff: lines, isTruncated: truncated };
}
