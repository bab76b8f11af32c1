import { z } from 'zod';
import type { AnalysisDecision } from '../core/analysis.ts';
import type { Evidence } from '../core/events.ts';
import { ok, type Result } from '../core/failure.ts';
import type { JsonObject } from '../core/json.ts';
import { defineStage, type StageContext, type StageView } from '../core/stage-kind.ts';
import { analyze, type AnalysisReport } from '../delivery/analyze/analyze.ts';

export const changeAnalysis = defineStage({
  kind: 'change-analysis',
  summary: 'Find out what changed since the last deploy, and what therefore has to be tested and built.',
  schema: z.strictObject({
    since: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Branch, tag or commit that changes are counted from. Default: for each service the commit of its last healthy release in this environment.',
      ),
  }),
  run: ({ since }, context) => runAnalysis(since, context),
  foresee: async ({ since }, view) => {
    const { changes, decisions } = await look(since, view);
    return { outputs: { changes, decisions }, evidence: decisions.map(evidenceOf) };
  },
});

function look(
  since: string | undefined,
  { ports, settings, project, environment, commits }: StageView,
): Promise<AnalysisReport> {
  return analyze({
    project,
    environment,
    commits,
    settings,
    releases: ports.releases,
    openVcs: ports.vcs,
    ...(since !== undefined && { since }),
  });
}

async function runAnalysis(since: string | undefined, context: StageContext): Promise<Result<JsonObject>> {
  const report = await look(since, context);
  await context.writeArtifact('changes.json', artifactOf(report));
  for (const warning of report.warnings) context.warn(warning);
  for (const line of linesOf(report, context.commits.length)) await context.log(line);
  for (const decision of report.decisions) context.explain(evidenceOf(decision));
  return ok({ changes: report.changes, decisions: report.decisions });
}

function evidenceOf(decision: AnalysisDecision): Evidence {
  return { name: decision.action, value: sentence(decision) };
}

function artifactOf({ changes, decisions, files }: AnalysisReport): string {
  const { categories: _cut, ...rest } = changes;
  return `${JSON.stringify({ ...rest, decisions, files }, null, 1)}\n`;
}

/** Files that the log names; the artifact has all. */
const MOST_FILES = 50;

function linesOf({ changes, decisions, files }: AnalysisReport, commits: number): readonly string[] {
  const counts = Object.entries(changes.counts).map(([name, count]) => `${name} ${count}`);
  const count = changes.files_count === 1 ? '1 file' : `${changes.files_count} files`;
  const named = files
    .slice(0, MOST_FILES)
    .map(({ path, categories }) => `  ${path}${categories.length > 0 ? ` (${categories.join(', ')})` : ''}`);
  const rest = files.length - named.length;
  return [
    `${count} changed${fromWhere(changes, commits)}${counts.length > 0 ? `: ${counts.join(', ')}` : ''}`,
    ...named,
    ...(rest > 0 ? [`  and ${rest} more: changes.json of the artifacts`] : []),
    ...decisions.map((decision) => `${decision.action}: ${sentence(decision)}`),
  ];
}

/** With a base it counts from there, and a chosen commit before it counts as well. */
function fromWhere({ base, is_dirty: isDirty }: AnalysisReport['changes'], commits: number): string {
  const chosen = commits === 1 ? 'by the chosen commit' : `by the ${commits} chosen commits`;
  const ways = [
    ...(base === null ? [] : [`since ${base.slice(0, 7)}`]),
    ...(commits === 0 ? [] : [chosen]),
    ...(base === null && isDirty ? ['not committed'] : []),
  ];
  return ways.length === 0 ? '' : ` ${ways.join(' or ')}`;
}

function sentence({ reason, rule, evidence }: AnalysisDecision): string {
  const files = evidence.find(({ name }) => name === 'files')?.value;
  const shown = Array.isArray(files) ? ` (${files.join(', ')})` : '';
  return `${reason}${shown} [${rule}]`;
}
