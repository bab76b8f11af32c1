import type { Review } from '../../core/testgen.ts';
import { code, words } from '../markdown.ts';
import type { ReviewInput } from './check-tests.ts';

/** The report that goes with the tests. */
export function reviewMarkdown(
  review: Pick<Review, 'quality_score' | 'score_parts' | 'findings' | 'recommendations'>,
  { code: generated, analysis }: ReviewInput,
): string {
  const { tests, differences } = generated;
  return [
    '# Review of generated tests',
    '',
    `Quality: **${review.quality_score}** of 100, for commit ${code(analysis.head.slice(0, 10))}`,
    '',
    ...table(
      ['part', 'points', 'of'],
      review.score_parts.map(({ name, points, of }) => [words(name), `${points}`, of === 0 ? '' : `${of}`]),
    ),
    ...section('What the commits did to the behaviour', [
      ...table(
        ['call', 'before', 'after'],
        differences.map(({ call, before, after }) => [code(call), code(before), code(after)]),
      ),
    ]),
    ...section(
      'Recommendations',
      review.recommendations.map((one) => `- ${words(one)}`),
    ),
    ...section(
      'Findings',
      review.findings.map(
        ({ severity, about, message }) => `- **${severity}** ${code(about)}: ${words(message)}`,
      ),
    ),
    ...section(
      'Tests',
      table(
        ['file', 'by', 'verdict', 'cases', 'runs', 'notices a revert', 'changed lines'],
        tests.map(({ file, source, verdict, cases, checks }) => [
          code(file),
          source,
          verdict,
          `${cases.length}`,
          `${checks.passes} of ${checks.runs}`,
          checks.detects_revert === null ? 'unmeasured' : checks.detects_revert ? 'yes' : 'no',
          checks.coverage === null ? 'unmeasured' : `${checks.coverage} %`,
        ]),
      ),
    ),
    '',
  ].join('\n');
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', `## ${title}`, '', ...lines];
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  if (rows.length === 0) return [];
  return [row(head), row(head.map(() => '---')), ...rows.map(row)];
}
