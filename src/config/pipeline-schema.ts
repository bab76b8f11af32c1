import { z } from 'zod';
import { PARAMETER_TYPES } from '../core/definition.ts';
import { secretReferenceSchema } from '../core/secret-reference.ts';
import { envSchema, variableNameSchema } from '../core/step-schema.ts';

const parameterNameSchema = z
  .string()
  .regex(/^[A-Za-z_][\w-]{0,63}$/, 'must be letters, digits, "_" or "-", and begin with a letter or "_"');

const scalar = z.union([z.string(), z.number(), z.boolean()]);

const parameterSchema = z
  .strictObject({
    type: z
      .enum(PARAMETER_TYPES)
      .optional()
      .describe('string, int, bool, path, choice or list. Default: string.'),
    description: z.string().optional().describe('One line that says what it is for. Default: none.'),
    required: z.boolean().optional().describe('Whether a run must give it. Default: true without a default.'),
    default: z
      .union([scalar, z.array(scalar)])
      .optional()
      .describe('Value when a run gives none. Default: none.'),
    choices: z
      .array(z.string())
      .min(1)
      .optional()
      .describe('For type choice, and needed there: the values allowed. Default: none.'),
    min: z.int().optional().describe('For type int: the smallest value. Default: no limit.'),
    max: z.int().optional().describe('For type int: the largest value. Default: no limit.'),
    pattern: z
      .string()
      .min(1)
      .max(500)
      .optional()
      .describe('For type string: a regular expression that the whole value must match. Default: any text.'),
  })
  .describe('A value that a run is given: --NAME=VALUE, or --set NAME=VALUE.');

export type WrittenParameter = z.output<typeof parameterSchema>;

/** The body of a pipeline file; `stage` says what an entry of stages is, `step` one of steps. */
export function pipelineSchema<Stage extends z.ZodType, Step extends z.ZodType>(stage: Stage, step: Step) {
  return z.strictObject({
    name: z
      .string()
      .regex(
        /^[^\s/\p{C}](?:[^/\p{C}]{0,98}[^\s/\p{C}])?$/u,
        'must be 1 to 100 characters on one line, without "/"',
      )
      .optional()
      .describe('Shown in lists and records. Default: the name of the file.'),
    version: z
      .union([z.string(), z.number()])
      .optional()
      .describe('Your own version of it, for display. Default: none.'),
    description: z.string().optional().describe('One line for the picker. Default: none.'),
    params: z
      .record(parameterNameSchema, z.union([z.null(), parameterSchema]))
      .optional()
      .describe('Values that a run is given. Default: every unknown {{.name}} becomes a required text.'),
    env: envSchema
      .optional()
      .describe(
        'Environment variables of every command; {{.name}} places may stand in the values. Default: none.',
      ),
    secrets: z
      .record(variableNameSchema, secretReferenceSchema)
      .optional()
      .describe('Environment variable to reference: env:NAME, file:PATH or cmd:COMMAND. Default: none.'),
    max_workers: z
      .int()
      .min(1)
      .max(256)
      .optional()
      .describe('Commands at the same time in the whole run, 1 to 256. Default: that of the project, 4.'),
    stages: z
      .array(stage)
      .min(1, 'needs at least one stage')
      .max(1000)
      .optional()
      .describe('What is done, as a graph of stages. Default: none; a pipeline has stages or steps.'),
    steps: z
      .array(step)
      .min(1, 'needs at least one step')
      .max(1000)
      .optional()
      .describe('Short for one stage: commands, or with output: stream a stream. Default: none.'),
    finally: z
      .array(stage)
      .max(100)
      .optional()
      .describe('Stages run at the end in order, whatever the outcome was. Default: none.'),
  });
}

/** The body with its stages unread: each is checked by the schema of its kind. */
export const pipelineBodySchema = pipelineSchema(z.unknown(), z.unknown());

export type PipelineBody = z.output<typeof pipelineBodySchema>;
