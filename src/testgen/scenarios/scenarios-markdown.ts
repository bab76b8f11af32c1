import type { TestScenario, VcsAnalysis } from '../../core/testgen.ts';
import { code, words } from '../markdown.ts';

/** The scenarios as a document. */
export function scenariosMarkdown(
  scenarios: readonly TestScenario[],
  { commits, head }: Pick<VcsAnalysis, 'commits' | 'head'>,
): string {
  return [
    '# Test scenarios',
    '',
    `For commit ${code(head.slice(0, 10))}${commits.length === 0 ? '.' : ':'}`,
    '',
    ...commits.map(({ id, subject }) => `- ${code(id.slice(0, 10))} ${words(subject)}`),
    ...scenarios.flatMap(lines),
    '',
  ].join('\n');
}

function lines({
  id,
  title,
  priority,
  preconditions,
  steps,
  expected,
  data,
  covers,
}: TestScenario): readonly string[] {
  return [
    '',
    `## ${id} ${words(title)}`,
    '',
    `Priority: ${priority}`,
    '',
    ...(preconditions.length > 0
      ? ['Before:', '', ...preconditions.map((one) => `- ${words(one)}`), '']
      : []),
    ...steps.map((step, at) => `${at + 1}. ${words(step)}`),
    '',
    ...(data.length > 0
      ? [
          '| input | expected |',
          '| --- | --- |',
          ...data.map(({ name, value }) => `| ${code(name)} | ${code(value)} |`),
        ]
      : [`Expected: ${words(expected)}`]),
    '',
    `Covers: ${covers.map(code).join(', ')}`,
  ];
}
