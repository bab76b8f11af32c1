import { z } from 'zod';
import { timeoutSchema } from '../quantities.ts';

const command = z.string().min(1);
const timeout = timeoutSchema.optional().describe('Of this suite. Default: that of the stage.');
const level = z.enum(['critical', 'warning']);

const unitSchema = z.strictObject({
  command: command.optional().describe('Command that runs them. Default: what fits the runner.'),
  runner: z
    .enum(['auto', 'vitest', 'jest', 'mocha', 'node'])
    .default('auto')
    .describe('Whose report is read. Default: auto, from package.json.'),
  verdict: level.default('critical').describe('What a failing test is. Default: critical.'),
  coverage: z
    .number()
    .min(0)
    .max(100)
    .optional()
    .describe('Lines covered, in percent, below which it is a warning. Default: none.'),
  timeout,
});

const e2eSchema = z.strictObject({
  command: command.optional().describe('Command that runs them. Default: playwright test.'),
  verdict: level.default('critical').describe('What a failing test is. Default: critical.'),
  timeout,
});

const performanceSchema = z.strictObject({
  url: z.string().min(1).describe('Page to measure.'),
  serve: command
    .optional()
    .describe('Starts the application; ended after the measurement. Default: it runs already.'),
  runs: z.int().min(1).max(9).default(3).describe('The median counts. Default: 3.'),
  thresholds: z
    .partialRecord(
      z.enum(['performance', 'accessibility', 'best-practices', 'seo']),
      z.number().min(0).max(1),
    )
    .default({ performance: 0.8 })
    .describe('Lowest score, 0 to 1. Default: performance 0.8.'),
  verdict: level.default('warning').describe('What a score below is. Default: warning.'),
  timeout,
});

const securitySchema = z.strictObject({
  level: z
    .enum(['low', 'moderate', 'high', 'critical'])
    .default('high')
    .describe('From where it counts. Default: high.'),
  allow: z
    .array(
      z.strictObject({
        id: z
          .string()
          .min(1)
          .describe('GHSA-… or npm’s number of the advisory; its answer has no CVE numbers.'),
        reason: z.string().min(1).describe('Why it may stay.'),
        until: z.iso.date().describe('Last day, YYYY-MM-DD; afterwards it counts again.'),
      }),
    )
    .default([])
    .describe('Findings that are known. Default: none.'),
  verdict: level.default('critical').describe('What a finding is. Default: critical.'),
  timeout,
});

/** `test` of pipewright.yaml: what the stage kind `test-suite` runs. */
export const testSchema = z
  .strictObject({
    unit: z
      .union([z.literal(false), unitSchema])
      .optional()
      .describe('false: none. Default: detected.'),
    e2e: z
      .union([z.literal(false), e2eSchema])
      .optional()
      .describe('false: none. Default: detected.'),
    performance: z
      .union([z.literal(false), performanceSchema])
      .optional()
      .describe('false: none. Default: none.'),
    security: z
      .union([z.literal(false), securitySchema])
      .optional()
      .describe('false: none. Default: npm audit where there is a lock file.'),
    max_warnings: z.int().min(1).default(5).describe('So many warnings together are critical. Default: 5.'),
  })
  .describe('What the tests of this project are. Default: what is found in the project.');

export type TestSettings = z.output<typeof testSchema>;
