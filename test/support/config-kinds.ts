import { z } from 'zod';
import { pipelineStageSchema } from '../../src/config/stage-schema.ts';
import { defineStage, type StageKind } from '../../src/core/stage-kind.ts';
import { commandSchema, stepsSchema } from '../../src/core/step-schema.ts';

const nothing = async () => ({ ok: true as const, value: {} });

const streamStep: z.ZodType = z.strictObject({
  name: z.string().optional(),
  command: commandSchema.optional(),
  type: z.literal('tee').optional(),
  input: z.string().optional(),
  output: z.string().optional(),
  get branches() {
    return z.array(streamBranch).optional();
  },
});

const streamBranch: z.ZodType = z.strictObject({
  name: z.string(),
  command: commandSchema.optional(),
  output: z.string().optional(),
  get steps() {
    return z.array(streamStep).optional();
  },
});

const shell = defineStage({
  kind: 'shell',
  summary: 'Commands.',
  schema: z.strictObject({ steps: stepsSchema }),
  run: nothing,
});
const stream = defineStage({
  kind: 'stream',
  summary: 'Commands joined by pipes.',
  schema: z.strictObject({ steps: z.array(streamStep).min(1) }),
  run: nothing,
});
const pipeline = defineStage({
  kind: 'pipeline',
  summary: 'Another pipeline.',
  schema: pipelineStageSchema,
  run: nothing,
});
const vcsAnalysis = defineStage({
  kind: 'vcs-analysis',
  summary: 'Looks at commits.',
  effects: 'none',
  // Open on purpose: unknown keys must be found even then.
  schema: z.object({ depth: z.int().default(10).describe('Commits to look at.') }),
  run: nothing,
});
const testStrategy = defineStage({
  kind: 'test-strategy',
  summary: 'Decides what to test.',
  schema: z.strictObject({}),
  run: nothing,
});
const testCodeGeneration = defineStage({
  kind: 'test-code-generation',
  summary: 'Writes tests.',
  schema: z.strictObject({}),
  run: nothing,
});
const deploy = defineStage({
  kind: 'deploy',
  summary: 'Acts elsewhere.',
  effects: 'remote',
  alwaysConfirms: true,
  schema: z.strictObject({}),
  run: nothing,
});

/** Kinds of every sort that the loader tells apart; they do nothing when run. */
export const testKinds: Readonly<Record<string, StageKind>> = {
  shell,
  stream,
  pipeline,
  'vcs-analysis': vcsAnalysis,
  'test-strategy': testStrategy,
  'test-code-generation': testCodeGeneration,
  deploy,
};
