import { ok } from '../../../src/core/failure.ts';
import type { Change, Commit, LogQuery, TreeRange, Vcs } from '../../../src/core/vcs.ts';

interface Fixture {
  readonly commits: readonly Commit[];
  /** Commits of other branches. */
  readonly branches?: Readonly<Record<string, readonly Commit[]>>;
  readonly changes?: (range: TreeRange) => readonly Change[];
  readonly diff?: (range: TreeRange) => string;
}

/** A repository out of a list, newest first; says what it was asked. */
export class MemoryVcs {
  readonly queries: LogQuery[] = [];
  readonly port: Vcs;
  readonly #fixture: Fixture;

  constructor(fixture: Fixture) {
    this.#fixture = fixture;
    this.port = {
      kind: 'git',
      root: '/project',
      resolve: async (request) => ok(request.split(',')),
      head: async () => ok(fixture.commits[0]?.id ?? ''),
      branches: async () => ok({ current: 'main', names: ['main', ...Object.keys(fixture.branches ?? {})] }),
      log: async (query) => ok(this.#log(query)),
      changes: async (range) => ok(fixture.changes?.(range) ?? []),
      diff: async (range) => ok({ text: fixture.diff?.(range) ?? '', truncated: false }),
      isAncestor: async () => ok(true),
      exportTree: async () => ok(undefined),
    };
  }

  #log(query: LogQuery): readonly Commit[] {
    this.queries.push(query);
    const { from, since, skip, limit, author = '', text = '' } = query;
    const all = (from === undefined ? undefined : this.#fixture.branches?.[from]) ?? this.#fixture.commits;
    const end = since === undefined ? -1 : all.findIndex(({ id }) => id === since);
    return all
      .slice(0, end < 0 ? undefined : end)
      .filter((commit) => commit.author.includes(author) && commit.subject.includes(text))
      .slice(skip, skip + limit);
  }
}

export function commitsOf(count: number, subject = 'change'): readonly Commit[] {
  const idOf = (at: number): string => (count - at).toString(16).padStart(8, '0').padEnd(40, 'a');
  return Array.from({ length: count }, (_, at) => ({
    id: idOf(at),
    parents: at === count - 1 ? [] : [idOf(at + 1)],
    author: at % 2 === 0 ? 'Ada' : 'Bob',
    email: 'a@example.com',
    date: '2026-02-06T15:00:00.000Z',
    subject: `${subject} ${count - at}`,
    body: '',
    refs: at === 0 ? ['main'] : [],
  }));
}
