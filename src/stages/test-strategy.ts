import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { describeModelFailure } from '../core/model.ts';
import type { Evidence } from '../core/events.ts';
import { ok, reported, type Result } from '../core/failure.ts';
import type { JsonObject } from '../core/json.ts';
import { modelRecipient, type ModelSettings } from '../core/settings/testgen.ts';
import { defineStage, type StageContext, type StageView } from '../core/stage-kind.ts';
import { readTestgen, type TestStrategies, type TestStrategy, type VcsAnalysis } from '../core/testgen.ts';
import { readProject } from '../testgen/source/read-project.ts';
import {
  MAX_DIFF,
  type Proposal,
  proposalsIn,
  questionFor,
  withProposals,
} from '../testgen/strategy/ask-model.ts';
import { testCustoms, type TestCustoms } from '../testgen/strategy/frameworks.ts';
import { makeStrategies, matrixOf, type Strategies } from '../testgen/strategy/make-strategies.ts';

export const testStrategy = defineStage({
  kind: 'test-strategy',
  summary: 'Decide which tests the change needs, of what type, and what comes first.',
  schema: z.strictObject({
    model: z
      .boolean()
      .default(true)
      .describe(
        'Let the language model of `testgen.model` look over the list of the rules, where there is one. Default: true.',
      ),
  }),
  run: ({ model }, context) => runStrategy(model, context),
  idle: (_config, { variables }) =>
    readTestgen(variables, 'vcs_analysis')?.files.length === 0
      ? {
          reason: 'no file changed',
          would_flip: 'a commit that changes a file',
        }
      : undefined,
  foresee: async ({ model }, view) => {
    const material = await drawUpRules(view);
    if (!material) return { outputs: {}, evidence: [] };
    const { strategies } = material.drawn;
    const said = recipientOf(model, view.settings.testgen.model);
    return {
      outputs: { test_strategy: outputsOf({ strategies, source: 'rules', said }, '') },
      evidence: evidenceOf(strategies, material.drawn, said),
    };
  },
});

function recipientOf(useModel: boolean, settings: ModelSettings): string {
  if (!useModel || settings.provider === 'none') return 'none: nothing leaves this machine';
  return `${modelRecipient(settings)} would get the names of what changed and up to ${MAX_DIFF / 1000} kB of the diff`;
}

async function runStrategy(useModel: boolean, context: StageContext): Promise<Result<JsonObject>> {
  const material = await drawUpRules(context);
  if (!material) return reported('no stage of kind vcs-analysis has passed before this one');
  const asked = await ask(useModel, context, material);
  if (!asked.ok) return asked;
  const { left_out } = material.drawn;
  const { strategies, source, said } = asked.value;
  const written = { strategies, matrix: matrixOf(strategies), source, left_out };
  const artifact = await context.writeArtifact('strategies.json', `${JSON.stringify(written, null, 1)}\n`);
  for (const line of linesOf(strategies, left_out)) await context.log(line);
  for (const evidence of evidenceOf(strategies, material.drawn, said)) context.explain(evidence);
  const { recipient } = context.ports.model;
  const outputs = outputsOf(asked.value, artifact);
  return ok({ test_strategy: source === 'rules' ? outputs : { ...outputs, model: recipient } });
}

function outputsOf({ strategies, source }: Decided, artifact: string): TestStrategies {
  return { strategies: [...strategies], matrix: matrixOf(strategies), source, artifact };
}

/** The list of the rules; undefined without an analysis before it. */
async function drawUpRules({
  variables,
  project,
  settings,
}: Pick<StageView, 'variables' | 'project' | 'settings'>): Promise<Material | undefined> {
  const analysis = readTestgen(variables, 'vcs_analysis');
  if (!analysis) return undefined;
  const { max_strategies: limit, frameworks } = settings.testgen;
  const sources = await readProject(project, [path.join(project, 'state')]);
  const customs = testCustoms(project, sources.files, frameworks);
  return { analysis, customs, limit, drawn: makeStrategies(analysis, customs, limit) };
}

interface Material {
  readonly analysis: VcsAnalysis;
  readonly drawn: Strategies;
  readonly customs: TestCustoms;
  readonly limit: number;
}

interface Decided {
  readonly strategies: readonly TestStrategy[];
  readonly source: TestStrategies['source'];
  /** What the model had to do with it. */
  readonly said: string;
}

/** The rules' list, looked over by the model where there is one. A model that fails costs a warning, not the stage. */
async function ask(
  useModel: boolean,
  context: StageContext,
  { analysis, drawn, customs, limit }: Material,
): Promise<Result<Decided>> {
  const { model } = context.ports;
  const alone = (said: string): Result<Decided> =>
    ok({ strategies: drawn.strategies, source: 'rules', said });
  if (!model.isConfigured) return alone('no model is configured');
  if (!useModel) return alone('the stage says model: false');
  if (analysis.files.length === 0) return alone('nothing changed, so it was not asked');
  const answer = await context.task({
    name: 'model',
    text: `ask ${model.recipient} to look over ${drawn.strategies.length} strategies`,
    work: async ({ signal, log }) => {
      const diff = await readFile(analysis.diff_artifact, 'utf8').catch(() => '');
      const question = questionFor(analysis, drawn.strategies, diff);
      const answered = await model.complete({ ...question, signal });
      if (!answered.ok) {
        if (answered.failure.reason === 'cancelled') return answered;
        return ok({ problem: describeModelFailure(answered.failure) });
      }
      const { text } = answered.value;
      await log(`what it said: ${await context.writeArtifact('answer.txt', text)}`);
      const found = proposalsIn(text, analysis.files);
      return ok(
        'problem' in found
          ? { problem: found.problem }
          : { proposals: found.proposals.map((one) => ({ ...one })), dropped: found.dropped },
      );
    },
  });
  if (!answer.ok) return answer;
  const { problem, dropped } = answer.value;
  if (typeof problem === 'string') {
    context.warn(`the model could not help, the rules' list stands: ${problem}`);
    return alone(problem);
  }
  const proposals = recordedProposals(answer.value, analysis);
  return ok({
    strategies: withProposals(drawn.strategies, proposals, { files: analysis.files, customs, limit }),
    source: 'rules+model',
    said: `${model.recipient} proposed ${proposals.length}, ${Number(dropped ?? 0)} about nothing in this change were dropped`,
  });
}

/** They come back from the journal as JSON. */
function recordedProposals(value: JsonObject, { files }: VcsAnalysis): readonly Proposal[] {
  const found = proposalsIn(JSON.stringify({ strategies: value['proposals'] ?? [] }), files);
  return 'problem' in found ? [] : found.proposals;
}

/** Strategies that `why` names; the artifact has all. */
const MAX_EVIDENCE = 10;

function evidenceOf(
  strategies: readonly TestStrategy[],
  { left_out: left }: Strategies,
  said: string,
): readonly Evidence[] {
  return [
    { name: 'strategies', value: strategies.length },
    { name: 'model', value: said },
    ...strategies.slice(0, MAX_EVIDENCE).map((one) => ({ name: one.id, value: sentenceOf(one) })),
    ...left.slice(0, MAX_EVIDENCE).map(({ file, reason }) => ({ name: file, value: `no test: ${reason}` })),
  ];
}

function sentenceOf({
  type,
  priority,
  risk,
  file,
  reason,
  source,
  depends_on: before,
}: TestStrategy): string {
  const after = before.length === 0 ? '' : `; after ${before.slice(0, 3).join(', ')}`;
  return `${type} test of ${file}, ${priority} (risk ${risk}): ${reason} [${source}]${after}`;
}

function linesOf(strategies: readonly TestStrategy[], left: Strategies['left_out']): readonly string[] {
  return [
    strategies.length === 1 ? '1 strategy' : `${strategies.length} strategies`,
    ...strategies.map((one, index) => `${index + 1}. ${sentenceOf(one)} → ${one.test_file}`),
    ...left.map(({ file, reason }) => `no test for ${file}: ${reason}`),
  ];
}
