import type { PipelineDefinition, StageDefinition } from '../../core/definition.ts';

/** Kinds that are about commits by themselves. */
const COMMIT_KINDS: ReadonlySet<string> = new Set(['change-analysis', 'vcs-analysis']);
const READS_COMMITS = /\b(commits|changes)\b/;
const TEMPLATE = /\{\{[^{}]*\b(commits|changes)\b[^{}]*\}\}/;

/** Whether a pipeline is about commits: a stage analyses them, or a condition or a template reads them. */
export function takesCommits({ stages, finally: last }: PipelineDefinition): boolean {
  return [...stages, ...last].some(readsCommits);
}

function readsCommits({ uses, if: condition, pipeline, config }: StageDefinition): boolean {
  return (
    COMMIT_KINDS.has(uses) ||
    (condition !== undefined && READS_COMMITS.test(condition)) ||
    TEMPLATE.test(JSON.stringify(config)) ||
    (pipeline !== undefined && takesCommits(pipeline))
  );
}
