import { z } from 'zod';
import { timeoutSchema } from '../quantities.ts';

const endpointSchema = z.strictObject({
  path: z.string().startsWith('/').describe('With query where needed.'),
  service: z.string().min(1).optional().describe('Which one is asked. Default: every service.'),
  status: z.int().min(100).max(599).default(200).describe('Expected status. Default: 200.'),
  max_latency: timeoutSchema.optional().describe('Slower fails. Default: that of `smoke`.'),
});

const smokeSchema = z.strictObject({
  endpoints: z.array(endpointSchema).default([]).describe('Beside the health path. Default: none.'),
  max_latency: timeoutSchema.default(2000).describe('Slower fails. Default: 2s.'),
  timeout: timeoutSchema.default(10_000).describe('Of one request. Default: 10s.'),
});

const watchdogSchema = z.strictObject({
  duration: timeoutSchema.default(30_000).describe('How long. Default: 30s.'),
  interval: timeoutSchema.default(5000).describe('Between two looks. Default: 5s.'),
  samples: z
    .int()
    .min(1)
    .max(100)
    .default(10)
    .describe('Requests of each look; their median counts. Default: 10.'),
  latency_spike_ratio: z
    .number()
    .min(1)
    .default(2)
    .describe('Slower than so many times the warm baseline is a strike. Default: 2.'),
  latency_floor: timeoutSchema
    .default(100)
    .describe('What is faster than the baseline and this never is a strike. Default: 100ms.'),
  strikes: z
    .int()
    .min(1)
    .max(20)
    .default(2)
    .describe('So many slow looks (K) out of the last `window` undo the release. Default: 2.'),
  window: z.int().min(1).max(20).default(2).describe('Looks that count (N). Default: 2.'),
  max_5xx: z.int().min(0).default(0).describe('Answers of 500 and above that are looked over. Default: 0.'),
  unmeasured: z
    .enum(['warn', 'rollback'])
    .default('warn')
    .describe('When it could not be measured. Default: warn.'),
});

/** `verify` of pipewright.yaml. */
export const verifySchema = z
  .strictObject({
    smoke: smokeSchema.prefault({}).describe('Once after the deploy. Default: the health path.'),
    watchdog: watchdogSchema.prefault({}).describe('For a while after it. Default: the values below.'),
  })
  .describe('How a deploy is verified. Default: the values below.');

export type VerifySettings = z.output<typeof verifySchema>;
