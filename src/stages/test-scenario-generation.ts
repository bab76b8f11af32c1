import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { ok, type Result } from '../core/failure.ts';
import type { JsonObject } from '../core/json.ts';
import { defineStage, type StageContext } from '../core/stage-kind.ts';
import { readTestgen, type TestScenario, type VcsAnalysis } from '../core/testgen.ts';
import { makeScenarios } from '../testgen/scenarios/make-scenarios.ts';
import { REWORD_SCENARIOS, reworded, rewordQuestion } from '../testgen/scenarios/reword.ts';
import { scenariosMarkdown } from '../testgen/scenarios/scenarios-markdown.ts';
import { scenariosXlsx } from '../testgen/scenarios/scenarios-xlsx.ts';
import { madeTests, noTests } from './test-generation/made-tests.ts';

export const testScenarioGeneration = defineStage({
  kind: 'test-scenario-generation',
  summary:
    'Write scenarios for testers from the generated tests: Markdown, JSON and a spreadsheet to fill in.',
  schema: z.strictObject({}),
  idle: (_config, { variables }) => noTests(variables),
  run: (_config, context) => generateScenarios(context),
});

async function generateScenarios(context: StageContext): Promise<Result<JsonObject>> {
  const { variables } = context;
  const tests = madeTests(variables);
  if (!tests.ok) return tests;
  const { code, analysis } = tests.value;
  const strategies = readTestgen(variables, 'test_strategy')?.strategies ?? [];
  const made = makeScenarios(code, { strategies }, analysis);
  const scenarios = await inBetterWords(made, { context, analysis });
  if (!scenarios.ok) return scenarios;
  const written = await context.task({
    name: 'write scenarios',
    text: `write ${made.length} scenarios: ${context.settings.testgen.scenarios.formats.join(', ')}`,
    work: () => writeAll(scenarios.value, { context, analysis }),
  });
  if (!written.ok) return written;
  for (const { id, title, priority } of scenarios.value) await context.log(`${id} ${title} (${priority})`);
  return ok({ test_scenario_generation: written.value });
}

async function inBetterWords(
  scenarios: readonly TestScenario[],
  { context, analysis }: { readonly context: StageContext; readonly analysis: VcsAnalysis },
): Promise<Result<readonly TestScenario[]>> {
  const { model } = context.ports;
  if (!model.isConfigured || scenarios.length === 0) return ok(scenarios);
  const subjects = analysis.commits.map(({ subject }) => subject);
  const asked = await context.task({
    name: 'word scenarios',
    text: `ask ${model.recipient} for better words`,
    work: async ({ signal, log }) => {
      const prompt = rewordQuestion(scenarios, subjects);
      const answer = await model.complete({ system: REWORD_SCENARIOS, prompt, signal });
      if (!answer.ok) return answer;
      const isFit = reworded(scenarios, answer.value.text) !== undefined;
      await log(
        isFit ? 'its words are taken' : 'its answer does not fit the scenarios: the words of the rules stay',
      );
      return ok({ answer: answer.value.text });
    },
  });
  if (!asked.ok) {
    if (asked.failure.reason === 'cancelled' || asked.failure.reason === 'interrupted') return asked;
    context.warn('the model gave no words for the scenarios: those of the rules stand');
    return ok(scenarios);
  }
  const { answer } = asked.value;
  return ok((typeof answer === 'string' ? reworded(scenarios, answer) : undefined) ?? scenarios);
}

async function writeAll(
  scenarios: readonly TestScenario[],
  { context, analysis }: { readonly context: StageContext; readonly analysis: VcsAnalysis },
): Promise<Result<JsonObject>> {
  const { formats } = context.settings.testgen.scenarios;
  const text = `${JSON.stringify({ head: analysis.head, scenarios }, null, 1)}\n`;
  const artifact = await context.writeArtifact('scenarios.json', text);
  const files: string[] = formats.includes('json') ? [artifact] : [];
  if (formats.includes('md')) {
    files.push(await context.writeArtifact('scenarios.md', scenariosMarkdown(scenarios, analysis)));
  }
  if (formats.includes('xlsx')) {
    const file = path.join(path.dirname(artifact), 'scenarios.xlsx');
    writeFileSync(file, await scenariosXlsx(scenarios, analysis), { mode: 0o600 });
    files.push(file);
  }
  return ok({
    scenarios: scenarios.map((one) => ({ ...one, data: one.data.map((pair) => ({ ...pair })) })),
    files,
    artifact,
  });
}
