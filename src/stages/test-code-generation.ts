import { z } from 'zod';
import { defineStage } from '../core/stage-kind.ts';
import { generateTests } from './test-generation/generate.ts';
import { removeScratch } from './test-generation/scratch.ts';

export const testCodeGeneration = defineStage({
  kind: 'test-code-generation',
  summary:
    'Write tests for each strategy, run them in copies of the project before and after the commits, and keep those that hold.',
  schema: z.strictObject({
    generator: z
      .enum(['auto', 'characterization', 'model'])
      .default('auto')
      .describe(
        'Who writes them: characterization calls what was changed and holds what it does, model asks the language model of `testgen.model`. Default: auto, characterization and, where one is configured, the model.',
      ),
  }),
  run: ({ generator }, context) => generateTests(generator, context),
  settle: async (_config, context) => removeScratch(context),
});
