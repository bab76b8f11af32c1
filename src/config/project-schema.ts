import { z } from 'zod';
import { durationSchema } from '../core/quantities.ts';
import { SECTIONS } from '../core/settings/index.ts';
import { serveSchema } from '../core/settings/serve.ts';
import { envSchema } from '../core/step-schema.ts';
import { overlayShape } from './overlay.ts';

const scalar = z.union([z.string(), z.number(), z.boolean()]);

const aboutSchema = z
  .union([
    z.string().min(1).max(100),
    z.strictObject({
      name: z.string().min(1).max(100).describe('For lists and records.'),
      description: z.string().optional().describe('One line. Default: none.'),
    }),
  ])
  .describe('The name of the project. Default: the name of its folder.');

const safetySchema = z
  .strictObject({
    max_consecutive_failures: z
      .int()
      .min(0)
      .max(1000)
      .optional()
      .describe('So many failures in a row lock a pipeline for its environment; 0 never locks. Default: 3.'),
    confirmation_expires: durationSchema
      .refine((ms) => ms > 0, 'must be more than 0')
      .optional()
      .describe('A confirmation unanswered for so long counts as rejected: 30m, 24h. Default: 24h.'),
  })
  .describe('When to stop instead of going on. Default: the values below.');

const environmentSchema = z
  .strictObject({
    description: z.string().optional().describe('One line for the picker. Default: none.'),
    env: envSchema.optional().describe('Environment variables of every command there. Default: none.'),
    params: z
      .record(z.string(), scalar)
      .optional()
      .describe('Values of parameters there; the command line goes over them. Default: none.'),
    require_confirmation: z.boolean().optional().describe('Ask before a run starts there. Default: false.'),
    ...overlayShape,
  })
  .describe('One place to deploy to, chosen with --env.');

/** `pipewright.yaml`: one schema per section. */
export const projectSchema = z.strictObject({
  version: z.literal(1).optional().describe('Version of this format. Default: 1.'),
  project: aboutSchema.optional(),
  safety: safetySchema.optional(),
  environments: z
    .record(
      z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'must be letters, digits, "_", "." or "-"'),
      z.union([z.null(), environmentSchema]),
    )
    .optional()
    .describe('Places to deploy to, by name. Default: none declared.'),
  contexts: SECTIONS.contexts.optional(),
  groups: SECTIONS.groups.optional(),
  analyze: SECTIONS.analyze.optional(),
  test: SECTIONS.test.optional(),
  build: SECTIONS.build.optional(),
  deploy: SECTIONS.deploy.optional(),
  verify: SECTIONS.verify.optional(),
  trigger: SECTIONS.trigger.optional(),
  cases: SECTIONS.cases.optional(),
  notify: SECTIONS.notify.optional(),
  testgen: SECTIONS.testgen.optional(),
  serve: serveSchema.optional(),
  queue: SECTIONS.queue.optional(),
  results: SECTIONS.results.optional(),
  max_workers: z
    .int()
    .min(1)
    .max(256)
    .optional()
    .describe('Commands at the same time in a run, 1 to 256, where the pipeline says nothing. Default: 4.'),
});
