import path from 'node:path';
import { z } from 'zod';
import type { Evidence } from '../core/events.ts';
import { type Failure, ok, reported, type Result } from '../core/failure.ts';
import type { JsonObject } from '../core/json.ts';
import { defineStage, type StageContext, type StageView } from '../core/stage-kind.ts';
import type { VcsAnalysis } from '../core/testgen.ts';
import type { TreeRange, Vcs } from '../core/vcs.ts';
import { rangesOf, tooMany } from '../delivery/analyze/gather.ts';
import { createClassifier } from '../delivery/analyze/patterns.ts';
import { analyzeCommits, type CommitsAnalysis } from '../testgen/analysis/analyze-commits.ts';

const schema = z.strictObject({
  since: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Branch, tag or commit: everything since then, where no commits are chosen. Default: what is not committed, otherwise the last commit.',
    ),
});

export const vcsAnalysis = defineStage({
  kind: 'vcs-analysis',
  summary: 'Find out what the chosen commits changed: files, declarations, and what depends on them.',
  schema,
  effects: 'none',
  run: runAnalysis,
  foresee: async ({ since }, view) => {
    const looked = await look(since, view);
    if (!looked.ok) return { outputs: {}, evidence: [{ name: 'changes', value: sentenceOf(looked) }] };
    const outputs = outputsOf(looked.value, { artifact: '', diff_artifact: '' });
    return { outputs, evidence: evidenceOf(looked.value) };
  },
});

interface Looked {
  readonly vcs: Vcs['kind'];
  readonly found: CommitsAnalysis;
  readonly maxFiles: number;
}

async function runAnalysis(
  { since }: z.output<typeof schema>,
  context: StageContext,
): Promise<Result<JsonObject>> {
  const looked = await look(since, context);
  if (!looked.ok) return looked;
  const { found } = looked.value;
  const diff = await context.writeArtifact('changes.diff', found.diff);
  const { diff: _apart, ...rest } = found;
  const artifact = await context.writeArtifact('analysis.json', `${JSON.stringify(rest, null, 1)}\n`);
  for (const warning of found.warnings) context.warn(warning);
  for (const line of linesOf(found)) await context.log(line);
  for (const evidence of evidenceOf(looked.value)) context.explain(evidence);
  return ok(outputsOf(looked.value, { artifact, diff_artifact: diff }));
}

async function look(
  since: string | undefined,
  { ports, project, commits, settings }: StageView & { readonly signal?: AbortSignal },
): Promise<Result<Looked>> {
  const opened = await ports.vcs(project);
  if (!opened.ok) return opened;
  const vcs = opened.value;
  const chosen = await choose(vcs, commits, since);
  if (!chosen.ok) return chosen;
  const classifier = createClassifier(settings.analyze);
  const found = await analyzeCommits({
    vcs,
    project,
    ...chosen.value,
    areasOf: (file) => classifier.classify(file)?.categories,
    skip: [path.join(project, 'state')],
  });
  return found.ok ? ok({ vcs: vcs.kind, found: found.value, maxFiles: settings.testgen.max_files }) : found;
}

interface Chosen {
  readonly ranges: readonly TreeRange[];
  readonly commits: readonly string[];
}

/** What is looked at: the commits of the run; else what `since` says; else the folder; else the last commit. */
async function choose(
  vcs: Vcs,
  commits: readonly string[],
  since: string | undefined,
): Promise<Result<Chosen>> {
  if (commits.length > 0) return ofCommits(vcs, commits);
  if (since !== undefined) {
    const all = await vcs.resolve(`${since}..`);
    return all.ok ? ofCommits(vcs, all.value) : all;
  }
  const uncommitted = await vcs.changes({ to: 'worktree' }, { lines: false });
  if (uncommitted.ok && uncommitted.value.length > 0) {
    const head = await vcs.head();
    return head.ok ? ok({ ranges: [{ from: head.value, to: 'worktree' }], commits: [] }) : head;
  }
  const last = await vcs.resolve('last:1');
  return last.ok ? ofCommits(vcs, last.value) : last;
}

async function ofCommits(vcs: Vcs, commits: readonly string[]): Promise<Result<Chosen>> {
  const ranges = await rangesOf(vcs, commits);
  if (!ranges.ok) return ranges;
  if (ranges.value === 'too many') return reported(tooMany(commits));
  return ok({ ranges: ranges.value, commits });
}

/** Commits and evidence that travel with the outputs. */
const MAX_COMMITS = 50;

function outputsOf(
  { vcs, found, maxFiles }: Looked,
  artifacts: Pick<VcsAnalysis, 'artifact' | 'diff_artifact'>,
): { readonly vcs_analysis: VcsAnalysis } {
  const { commits, files, base, head, statistics, warnings } = found;
  return {
    vcs_analysis: {
      vcs,
      base,
      head,
      commits: commits.slice(-MAX_COMMITS),
      files: files.slice(0, maxFiles),
      statistics,
      ...artifacts,
      is_truncated: files.length > maxFiles || commits.length > MAX_COMMITS || warnings.length > 0,
    },
  };
}

function evidenceOf({ found }: Looked): readonly Evidence[] {
  const { statistics, files, commits } = found;
  const sources = files
    .filter(({ category, symbols }) => category === 'source' && symbols.length > 0)
    .slice(0, 5);
  return [
    {
      name: 'changes',
      value: `${commits.length === 0 ? 'what is not committed' : counted(commits.length, 'commit')}: ${counted(statistics.files, 'file')}, +${statistics.added} -${statistics.deleted}, ${counted(statistics.symbols, 'declaration')}, ${counted(statistics.affected_files, 'dependent file')}`,
    },
    ...sources.map((file) => ({
      name: file.path,
      value: `${file.symbols
        .slice(0, 5)
        .map(({ name, change }) => `${name} ${change}`)
        .join(
          ', ',
        )}; ${counted(file.dependents_count, 'dependent file')}, ${counted(file.tests.length, 'test')}`,
    })),
  ];
}

/** Files that the log names; the artifact has all. */
const MAX_LINES = 50;

function linesOf({ commits, files, statistics }: CommitsAnalysis): readonly string[] {
  const categories = Object.entries(statistics.by_category).map(([name, count]) => `${name} ${count}`);
  const rest = files.length - MAX_LINES;
  return [
    ...commits
      .slice(-MAX_COMMITS)
      .map(({ id, author, subject }) => `${id.slice(0, 7)} ${subject} (${author})`),
    `${counted(files.length, 'file')}, +${statistics.added} -${statistics.deleted}${categories.length > 0 ? `: ${categories.join(', ')}` : ''}`,
    ...files.slice(0, MAX_LINES).map((file) => {
      const symbols = file.symbols.slice(0, 5).map(({ name }) => name);
      return `  ${file.status} ${file.path} (${file.category}) +${file.added} -${file.deleted}${symbols.length > 0 ? `: ${symbols.join(', ')}` : ''}`;
    }),
    ...(rest > 0 ? [`  and ${rest} more: analysis.json of the artifacts`] : []),
  ];
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function sentenceOf(result: { readonly failure: Failure }): string {
  const { failure } = result;
  return 'message' in failure ? failure.message : failure.reason;
}
