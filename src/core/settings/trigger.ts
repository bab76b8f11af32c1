import { z } from 'zod';

/** `trigger` of pipewright.yaml: what a push does; see `pipewright hook install`. */
export const triggerSchema = z
  .strictObject({
    branches: z
      .array(z.string().min(1))
      .default([])
      .describe('Patterns of branches whose push counts. Default: none.'),
    pipeline: z.string().min(1).default('autopilot').describe('What is run. Default: autopilot.'),
    mode: z
      .enum(['offer', 'start'])
      .default('offer')
      .describe('offer: says the command. start: runs it, in the background. Default: offer.'),
    environment: z.string().min(1).optional().describe('Environment of the run. Default: none.'),
  })
  .describe('What a push starts. Default: nothing.');

export type TriggerSettings = z.output<typeof triggerSchema>;
