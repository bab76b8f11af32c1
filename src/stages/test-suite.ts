import { z } from 'zod';
import { defineStage } from '../core/stage-kind.ts';
import { runSuites } from './test-suite/run.ts';
import { SUITES } from './test-suite/suite.ts';

export const testSuite = defineStage({
  kind: 'test-suite',
  summary:
    'Run unit, e2e, performance and security tests side by side, each with a verdict: passed, failed, inconclusive or unmeasured.',
  schema: z.strictObject({
    suites: z
      .array(z.enum(SUITES))
      .min(1)
      .optional()
      .describe(
        'Which of them. Default: those that `test` of pipewright.yaml names, and those found in the project.',
      ),
  }),
  run: ({ suites }, context) => runSuites(suites, context),
});
