import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { ok, type Result } from '../core/failure.ts';
import type { JsonObject } from '../core/json.ts';
import { defineStage, type StageContext } from '../core/stage-kind.ts';
import { readTestgen } from '../core/testgen.ts';
import { checkTests, type ReviewInput } from '../testgen/review/check-tests.ts';
import { reviewMarkdown } from '../testgen/review/review-markdown.ts';
import { recommend, scoreOf } from '../testgen/review/score.ts';
import { madeTests } from './test-generation/made-tests.ts';

export const reviewGeneration = defineStage({
  kind: 'review-generation',
  summary: 'Check the generated tests, score them, and write the report.',
  schema: z.strictObject({
    min_score: z
      .int()
      .min(0)
      .max(100)
      .default(0)
      .describe('Quality, 0 to 100, below which the stage ends with a warning. Default: 0.'),
  }),
  run: ({ min_score: least }, context) => review(least, context),
});

async function review(least: number, context: StageContext): Promise<Result<JsonObject>> {
  const { variables } = context;
  const made = madeTests(variables);
  if (!made.ok) return made;
  const { code, analysis } = made.value;
  const strategies = readTestgen(variables, 'test_strategy')?.strategies ?? [];
  const texts = new Map(
    code.tests
      .filter(({ artifact }) => existsSync(artifact))
      .map(({ file, artifact }) => [file, readFileSync(artifact, 'utf8')]),
  );
  const input: ReviewInput = { code, strategies, analysis, texts };
  const findings = [...checkTests(input)];
  const { score, parts } = scoreOf(input, findings);
  const recommendations = recommend(input, findings);
  const result = { quality_score: score, score_parts: parts, findings, recommendations };
  const summary = summaryOf(input, score);
  const written = await context.task({
    name: 'write report',
    text: 'write the report: md, json',
    work: async () => {
      const json = {
        ...result,
        summary,
        head: analysis.head,
        differences: code.differences,
        // Without the places of this run: the report leaves the state folder.
        tests: code.tests.map(({ artifact: _here, ...test }) => test),
      };
      const artifact = await context.writeArtifact('review.json', `${JSON.stringify(json, null, 1)}\n`);
      const report = await context.writeArtifact('review.md', reviewMarkdown(result, input));
      return ok({ artifact, files: [report, artifact] });
    },
  });
  if (!written.ok) return written;
  for (const line of [...summary, ...recommendations]) await context.log(line);
  context.explain({ name: 'quality', value: score });
  for (const { severity, about, message } of findings)
    if (severity === 'error') context.warn(`${about}: ${message}`);
  if (score < least) context.warn(`quality ${score} of 100 is less than ${least}`);
  const copies = {
    findings: findings.map((one) => ({ ...one })),
    score_parts: parts.map((one) => ({ ...one })),
  };
  return ok({ review_generation: { ...result, ...copies, summary, ...written.value } });
}

function summaryOf({ code }: ReviewInput, score: number): string[] {
  const { tests, differences, counts } = code;
  const cases = tests
    .filter(({ verdict }) => verdict === 'passed')
    .reduce((sum, one) => sum + one.cases.length, 0);
  const said = Object.entries(counts).map(([verdict, count]) => `${count} ${verdict}`);
  return [
    `quality ${score} of 100; tests: ${said.length === 0 ? 'none' : said.join(', ')}; ${cases} cases hold`,
    ...differences.slice(0, 5).map(({ call, before, after }) => `${call} was ${before}, is now ${after}`),
    ...(differences.length > 5 ? [`and another result for ${differences.length - 5} more`] : []),
  ];
}
