import { z } from 'zod';
import { defineStage } from '../core/stage-kind.ts';
import { stepsSchema } from '../core/step-schema.ts';

export const shell = defineStage({
  kind: 'shell',
  summary: 'Run commands, in order or side by side.',
  schema: z.strictObject({
    steps: stepsSchema.describe(
      'Commands for /bin/sh. In order, or side by side with `parallel: true`; the first failure ends the stage.',
    ),
  }),
  travels: true,
  run: ({ steps }, context) => context.steps(steps),
});
