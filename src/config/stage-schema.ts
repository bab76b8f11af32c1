import { z } from 'zod';
import { RETRY_CLASSES } from '../core/failure.ts';
import { durationSchema, sizeSchema, timeoutSchema } from '../core/quantities.ts';
import { countsSchema } from '../core/settings/resources.ts';
import { envSchema, nameSchema, stepsSchema, valueSchema, variableNameSchema } from '../core/step-schema.ts';

/** Ways a needed stage can have ended, as `needs` may list them; spec 1's `completed` is `passed`. */
const NEED_STATUSES = ['passed', 'warning', 'failed', 'skipped', 'completed'] as const;

const needStatus = z.enum(NEED_STATUSES);

const needsSchema = z
  .union([
    z.string(),
    z.array(z.string()),
    z.record(z.string(), z.union([needStatus, z.array(needStatus).min(1)])),
  ])
  .describe(
    'Stages that must have ended: a name, a list, or a mapping to accepted statuses (passed, warning, failed, skipped). Default: the stage above, passed or warning; [] starts at once.',
  );

const MOST_ATTEMPTS = 100;
const attemptsSchema = z.int().min(1).max(MOST_ATTEMPTS);
const retryClass = z.enum(RETRY_CLASSES);

const retrySchema = z
  .union([
    attemptsSchema,
    z.strictObject({
      max_attempts: attemptsSchema.optional().describe('Tries in all, 1 to 100. Default: 1.'),
      delay: durationSchema.optional().describe('Wait before the second try: 2s, 1m. Default: 1s.'),
      backoff: z
        .enum(['fixed', 'linear', 'exponential'])
        .optional()
        .describe('How the wait grows from try to try. Default: exponential.'),
      max_delay: durationSchema.optional().describe('The longest wait. Default: 60s.'),
      jitter: z
        .number()
        .min(0)
        .max(1)
        .optional()
        .describe('Share of the wait that is random, 0 to 1. Default: 0.2.'),
      on: z
        .union([retryClass, z.array(retryClass).min(1)])
        .optional()
        .describe(
          'Which failures are tried again: timeout, exit, signal, unreachable, reported; and lost: a host is gone, and what ran there may still run. Default: all but lost.',
        ),
    }),
  ])
  .describe('Try again after a failure: how often in all, or a mapping. Default: one try.');

const confirmationSchema = z
  .union([
    z.boolean(),
    z.string().min(1),
    z.strictObject({
      message: z.string().min(1).optional().describe('What to ask. Default: whether to run the stage.'),
      expires: durationSchema
        .refine((ms) => ms > 0, 'must be more than 0')
        .optional()
        .describe('Unanswered for so long counts as rejected. Default: safety.confirmation_expires, 24h.'),
    }),
  ])
  .describe('Ask a person first: true, the question, or a mapping. Default: false.');

const cacheSchema = z
  .strictObject({
    key: z
      .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
      .describe('Globs, relative to the project: the result is reused while these files stay the same.'),
    ttl: durationSchema
      .refine((ms) => ms > 0, 'must be more than 0')
      .optional()
      .describe('How long a result may be reused: 24h, 7d. Default: without limit.'),
  })
  .describe('Reuse the result of an earlier run. Default: never.');

const asked = z.int().min(1).max(1_000_000);
const resourcesSchema = z
  .strictObject({
    memory: sizeSchema
      .refine((bytes) => bytes > 0, 'must be more than 0')
      .optional()
      .describe('Most memory of a command: 512MB, 2GiB. Default: no limit.'),
    cpus: z
      .number()
      .positive()
      .max(1024)
      .optional()
      .describe('Cores a command may use; 1.5 is one and a half. Default: no limit.'),
    gpu: asked.optional().describe('Graphics processors; CUDA_VISIBLE_DEVICES says which. Default: none.'),
    slots: asked.optional().describe('Places on the host. Default: 1 where the context counts them.'),
    disk: sizeSchema.optional().describe('Free room for files that the host must have. Default: none.'),
    counts: countsSchema.optional().describe('Others that contexts count, by name. Default: none.'),
  })
  .describe(
    'What it needs: held by a lease where the context shares it out, otherwise memory and cpus are limits for each command. Default: none.',
  );

/** Keys that every stage has, whatever its kind. */
export const commonStageSchema = z.strictObject({
  name: nameSchema.describe('Unique in the pipeline (upper and lower case alike).'),
  uses: z
    .string()
    .optional()
    .describe(
      'The stage kind. Default: shell with steps or command, pipeline with pipeline, else the kind that has the name of the stage.',
    ),
  enabled: z.boolean().optional().describe('false leaves the stage out. Default: true.'),
  needs: needsSchema.optional(),
  if: z
    .union([z.string(), z.boolean()])
    .optional()
    .describe('CEL expression; false skips the stage, with the reason recorded. Default: run.'),
  timeout: timeoutSchema
    .optional()
    .describe('Of each attempt: 30s, 5m, 1h30m; a bare number counts seconds. Default: none.'),
  total_timeout: timeoutSchema
    .optional()
    .describe(
      'Of all attempts and the waits between them: 30s, 5m; a bare number counts seconds. Default: none.',
    ),
  retry: retrySchema.optional(),
  retry_count: attemptsSchema
    .optional()
    .describe('The same as retry.max_attempts: tries in all, 1 to 100. Default: 1.'),
  require_confirmation: confirmationSchema.optional(),
  parallel: z.boolean().optional().describe('Steps side by side. Default: false, one after the other.'),
  max_workers: z
    .int()
    .min(1)
    .max(256)
    .optional()
    .describe('Steps at the same time, 1 to 256. Default: 4 with parallel: true, else 1.'),
  cache: cacheSchema.optional(),
  on_failure: z
    .enum(['stop', 'continue', 'rollback'])
    .optional()
    .describe(
      'stop: nothing new starts; continue: the run goes on; rollback: undo what was done. Default: stop.',
    ),
  on_interrupt: z
    .enum(['ask', 'retry', 'keep'])
    .optional()
    .describe(
      'What a crash in the middle of it means. Default: ask for kinds that act on remote hosts, else retry.',
    ),
  env: envSchema.optional(),
  secrets: z
    .array(variableNameSchema)
    .optional()
    .describe('Which secrets of the pipeline its commands receive as environment variables. Default: none.'),
  workdir: z
    .string()
    .min(1)
    .optional()
    .describe('Folder of its commands, relative to the project. Default: the project.'),
  context: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Where its commands run: a context, a group of them, or `{{.name}}` for a parameter that says which. Default: local.',
    ),
  resources: resourcesSchema.optional(),
  rollback: stepsSchema
    .optional()
    .describe('Commands that undo it, for on_failure: rollback of this or a later stage. Default: none.'),
});

export type CommonStage = z.output<typeof commonStageSchema>;

/** The keys of `commonStageSchema`. */
export const COMMON_KEYS: readonly string[] = Object.keys(commonStageSchema.shape);

/** The own keys of kind `pipeline` as written: which pipeline to run, and with what values. */
export const pipelineStageSchema = z.strictObject({
  pipeline: z.string().min(1).describe('Name of a pipeline, or a file relative to this one.'),
  params: z
    .record(z.string(), valueSchema)
    .optional()
    .describe('Values for its parameters; {{.name}} places may stand in them. Default: none.'),
});
