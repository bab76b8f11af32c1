import path from 'node:path';
import { failed, ok, type Result } from '../../core/failure.ts';
import type { ChangedFile, ChangedSymbol, CommitMetadata, VcsAnalysis } from '../../core/testgen.ts';
import type { Change, TreeRange, Vcs } from '../../core/vcs.ts';
import { changedSymbols } from '../source/changed-symbols.ts';
import { dependentsOf, type ImportGraph, importGraph, reversed } from '../source/imports.ts';
import { endingOf, isTestFile, languageOf } from '../source/language.ts';
import { type ProjectSources, readProject, readSource } from '../source/read-project.ts';
import { type Hunk, parseDiff, summaryOf } from './diff.ts';
import { sidesOf } from './file-text.ts';
import { isNamedAfter } from './named-tests.ts';
import { riskOf } from './risk.ts';

export interface AnalysisRequest {
  readonly vcs: Vcs;
  /** Absolute; may lie inside the repository. */
  readonly project: string;
  /** What is compared: one range, or one for each of commits that do not follow each other. Oldest first. */
  readonly ranges: readonly TreeRange[];
  /** The chosen ones, full ids, oldest first. */
  readonly commits: readonly string[];
  /** Categories of `change-analysis`; undefined for what the project ignores. */
  readonly areasOf: (file: string) => readonly string[] | undefined;
  /** Folders that hold no source, absolute. */
  readonly skip: readonly string[];
}

/** Everything that is known of the change; nothing is cut but the diff. */
export interface CommitsAnalysis {
  readonly commits: readonly CommitMetadata[];
  readonly files: readonly ChangedFile[];
  readonly diff: string;
  readonly base: string | null;
  readonly head: string;
  readonly statistics: VcsAnalysis['statistics'];
  readonly warnings: readonly string[];
}

/** Of a diff that is read. */
const MAX_DIFF_BYTES = 8 * 1024 * 1024;
/** Dependents that are listed of a file. */
const MAX_DEPENDENTS = 20;
/** Files whose history is looked at, and how far back. */
const MAX_HISTORIES = 40;
const HISTORY_DEPTH = 20;

/** What the chosen commits changed, in which declarations, and what could break with it. Reads only. */
export async function analyzeCommits(
  request: AnalysisRequest,
  signal?: AbortSignal,
): Promise<Result<CommitsAnalysis>> {
  const { vcs, ranges } = request;
  const found = new Map<string, Seen>();
  const diffs: string[] = [];
  const warnings: string[] = [];
  for (const range of ranges) {
    if (signal?.aborted) return failed({ reason: 'cancelled', by: 'signal' });
    const read = await readRange(request, range, found);
    if (!read.ok) return read;
    diffs.push(read.value.diff);
    if (read.value.isCut)
      warnings.push('the diff is longer than 8 MiB: declarations behind that are not told');
  }
  const sources = await readProject(request.project, request.skip);
  if (sources.isCut)
    warnings.push('the project has more than 5000 source files: imports of the rest are not followed');
  const files = await withImpact(vcs, request, [...found.values()], sources);
  const commits = await metadataOf(vcs, request.commits);
  if (!commits.ok) return commits;
  return ok({
    commits: commits.value,
    files: files.toSorted((a, b) => riskOf(b).risk - riskOf(a).risk || (a.path < b.path ? -1 : 1)),
    diff: diffs.join(''),
    base: ranges[0]?.from ?? null,
    head: ranges.at(-1)?.to ?? '',
    statistics: statisticsOf(files, request.commits.length),
    warnings: [...new Set(warnings)],
  });
}

interface Seen {
  readonly change: Change;
  readonly path: string;
  readonly areas: readonly string[];
  readonly hunks: readonly Hunk[];
  readonly symbols: readonly ChangedSymbol[];
}

async function readRange(
  { vcs, project, areasOf }: AnalysisRequest,
  range: TreeRange,
  found: Map<string, Seen>,
): Promise<Result<{ readonly diff: string; readonly isCut: boolean }>> {
  const changes = await vcs.changes(range);
  if (!changes.ok) return changes;
  const diff = await vcs.diff(range, { maxBytes: MAX_DIFF_BYTES });
  if (!diff.ok) return diff;
  const paths = changes.value.map((change) => change.path);
  const hunksByPath = parseDiff(diff.value.text, paths);
  const prefix = path.relative(vcs.root, project).split(path.sep).join('/');
  for (const change of changes.value) {
    const seenPath = path.posix.relative(prefix, change.path);
    const areas = areasOf(seenPath);
    if (areas === undefined || change.is_submodule) continue;
    const hunks = hunksByPath.get(change.path) ?? [];
    const symbols = await symbolsOf(vcs, range, { ...change, hunks });
    const known = found.get(seenPath);
    found.set(seenPath, merged(known, { change, path: seenPath, areas, hunks, symbols }));
  }
  return ok({ diff: diff.value.text, isCut: diff.value.truncated });
}

/** The same file in several commits: its last state, the sum of its lines, each declaration once. */
function merged(known: Seen | undefined, seen: Seen): Seen {
  if (!known) return seen;
  const symbols = new Map([...known.symbols, ...seen.symbols].map((symbol) => [symbol.name, symbol]));
  const { change } = seen;
  const isNew = known.change.status === 'added' && change.status !== 'deleted';
  return {
    ...seen,
    change: {
      ...change,
      status: isNew ? 'added' : change.status,
      added: (known.change.added ?? 0) + (change.added ?? 0),
      deleted: (known.change.deleted ?? 0) + (change.deleted ?? 0),
    },
    symbols: [...symbols.values()].map((symbol) =>
      known.symbols.some(({ name, change: how }) => name === symbol.name && how === 'added') &&
      symbol.change === 'modified'
        ? { ...symbol, change: 'added' as const }
        : symbol,
    ),
  };
}

async function symbolsOf(
  vcs: Vcs,
  range: TreeRange,
  file: Change & { readonly hunks: readonly Hunk[] },
): Promise<readonly ChangedSymbol[]> {
  const language = languageOf(file.path);
  if (!language || file.is_binary || (file.hunks.length === 0 && file.status !== 'added')) return [];
  const { old, text } = await sidesOf(vcs, range, file);
  return changedSymbols(old, text, language);
}

async function withImpact(
  vcs: Vcs,
  { project, commits }: AnalysisRequest,
  seen: readonly Seen[],
  sources: ProjectSources,
): Promise<readonly ChangedFile[]> {
  const goModule = /^module\s+(\S+)/m.exec((await readSource(path.join(project, 'go.mod'))) ?? '')?.[1];
  const graph = importGraph(sources.files, goModule);
  const importers = reversed(graph);
  const tests = sources.files.map((file) => file.path).filter(isTestFile);
  const files: ChangedFile[] = [];
  for (const one of seen)
    files.push(
      await changedFile(vcs, one, {
        importers,
        tests,
        chosen: files.length < MAX_HISTORIES ? commits : undefined,
      }),
    );
  return files;
}

async function changedFile(
  vcs: Vcs,
  { change, path: file, areas, hunks, symbols }: Seen,
  {
    importers,
    tests,
    chosen,
  }: {
    readonly importers: ImportGraph;
    readonly tests: readonly string[] /** Undefined: its history is not looked at. */;
    readonly chosen: readonly string[] | undefined;
  },
): Promise<ChangedFile> {
  const all = dependentsOf(file, importers);
  const direct = importers.get(file) ?? new Set();
  const category = categoryOf(file, areas);
  const own =
    category === 'source' ? tests.filter((test) => direct.has(test) || isNamedAfter(test, file)) : [];
  const dependents = all.filter((other) => !isTestFile(other));
  return {
    path: file,
    ...(change.from_path !== undefined && { from_path: change.from_path }),
    status: change.status,
    language: languageOf(file) ?? endingOf(file),
    category,
    areas: [...areas],
    added: change.added ?? 0,
    deleted: change.deleted ?? 0,
    is_binary: change.is_binary,
    symbols: [...symbols],
    hunks: hunks.map(summaryOf),
    dependents: dependents.slice(0, MAX_DEPENDENTS),
    dependents_count: dependents.length,
    tests: own,
    ...(category === 'source' && chosen ? await historyOf(vcs, change.path, chosen) : NO_HISTORY),
  };
}

const DOCS = /(?:^|\/)docs?\/|\.(?:md|mdx|rst|adoc|txt)$|(?:^|\/)(?:LICENSE|NOTICE|AUTHORS)(?:\.|$)/i;
const CONFIG =
  /\.(?:json|ya?ml|toml|ini|cfg|conf|properties|lock|env)$|(?:^|\/)(?:Dockerfile|Makefile|\.[^/]+)[^/]*$/;

function categoryOf(file: string, areas: readonly string[]): ChangedFile['category'] {
  if (areas.includes('test') || isTestFile(file)) return 'test';
  if (areas.includes('database')) return 'database';
  if (languageOf(file)) return /(?:^|\/|\.)(?:[\w-]+\.)?config\.[cm]?[jt]s$/.test(file) ? 'config' : 'source';
  if (DOCS.test(file)) return 'docs';
  return areas.includes('config') || CONFIG.test(file) ? 'config' : 'other';
}

const NO_HISTORY = { history: { commits: 0, fixes: 0 }, commits: [] };
const MENDS = /\b(?:fix(?:e[sd])?|bugs?|hotfix|revert(?:s|ed)?|regression|crash(?:es)?|mend(?:s|ed)?)\b/i;

/** How often the file was changed lately, and how often to mend something. */
async function historyOf(
  vcs: Vcs,
  file: string,
  chosen: readonly string[],
): Promise<Pick<ChangedFile, 'history' | 'commits'>> {
  const log = await vcs.log({ path: file, skip: 0, limit: HISTORY_DEPTH });
  if (!log.ok) return NO_HISTORY;
  const fixes = log.value.filter(({ subject }) => MENDS.test(subject));
  const ids = log.value.map(({ id }) => id).filter((id) => chosen.includes(id));
  return { history: { commits: log.value.length, fixes: fixes.length }, commits: ids.toReversed() };
}

async function metadataOf(vcs: Vcs, ids: readonly string[]): Promise<Result<readonly CommitMetadata[]>> {
  const commits: CommitMetadata[] = [];
  for (const id of ids) {
    const log = await vcs.log({ from: id, skip: 0, limit: 1 });
    if (!log.ok) return log;
    const [commit] = log.value;
    if (!commit) continue;
    commits.push({
      id: commit.id,
      author: commit.author,
      date: commit.date,
      subject: commit.subject,
      files: commit.file_count ?? 0,
    });
  }
  return ok(commits);
}

function statisticsOf(files: readonly ChangedFile[], commits: number): VcsAnalysis['statistics'] {
  const sum = (of: (file: ChangedFile) => number): number =>
    files.reduce((total, file) => total + of(file), 0);
  const by = (of: (file: ChangedFile) => string): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const file of files) counts[of(file)] = (counts[of(file)] ?? 0) + 1;
    return counts;
  };
  return {
    commits,
    files: files.length,
    added: sum(({ added }) => added),
    deleted: sum(({ deleted }) => deleted),
    by_status: by(({ status }) => status),
    by_category: by(({ category }) => category),
    by_language: by(({ language }) => language || 'none'),
    symbols: sum(({ symbols }) => symbols.length),
    affected_files: new Set(files.flatMap(({ dependents }) => dependents)).size,
  };
}
