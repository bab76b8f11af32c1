import { z } from 'zod';
import type { CommandTemplate, StepDefinition } from './definition.ts';
import type { Result } from './failure.ts';
import { timeoutSchema } from './quantities.ts';
import { looksLikeKey } from './secret-reference.ts';
import { compileCommand, compileValue } from './template/compile.ts';
import type { TemplateProblem } from './template/places.ts';

/** What a custom issue may carry, for the loader to point at the exact place and to help. */
interface IssueParams {
  /** UTF-16 units from the start of the text at the issue's path. */
  readonly offset?: number;
  readonly hint?: string;
  /** Stable word for the kind of problem. */
  readonly code?: string;
  /** The text must not be shown. */
  readonly sensitive?: boolean;
}

/** Names of stages and steps: they become parts of file names and of the command line. */
export const nameSchema = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,64}$/, 'must be 1 to 64 letters, digits, "_", "." or "-"')
  .refine((name) => !/^[.-]/.test(name), 'must not begin with "." or "-"');

/** Name of an environment variable. */
export const variableNameSchema = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be letters, digits and "_", and not begin with a digit')
  .refine(
    (name) => !/^PW_(VALUE|RAW)_/.test(name),
    'must not begin with PW_VALUE_ or PW_RAW_: template values travel there',
  );

/** A command for `/bin/sh`, compiled. Problems carry their offset in the text. */
export const commandSchema = z
  .string()
  .refine((text) => text.trim() !== '', { error: 'must not be empty', abort: true })
  .transform((text, context) => compiled(compileCommand(text), context));

/** Text with `{{.name}}` places that no shell sees, compiled. Numbers and true/false become text. */
export const valueSchema = z.union([z.string(), z.number(), z.boolean()]).transform((written, context) => {
  const text = String(written);
  if (looksLikeKey(text)) {
    const params: IssueParams = {
      code: 'secret-literal',
      sensitive: true,
      hint: 'Declare it under "secrets:" of the pipeline as env:NAME, file:PATH or cmd:COMMAND.',
    };
    context.addIssue({ code: 'custom', message: 'looks like a secret itself', params: { ...params } });
    return z.NEVER;
  }
  return compiled(compileValue(text), context);
});

function compiled(
  result: Result<CommandTemplate, readonly TemplateProblem[]>,
  context: z.core.$RefinementCtx,
): CommandTemplate {
  if (result.ok) return result.value;
  for (const { message, offset, hint } of result.failure) {
    const params: IssueParams = { code: 'template', offset, ...(hint !== undefined && { hint }) };
    context.addIssue({ code: 'custom', message, params: { ...params } });
  }
  return z.NEVER;
}

/** Environment variables: name to text with `{{.name}}` places. */
export const envSchema = z
  .record(variableNameSchema, valueSchema)
  .describe('Environment variables; {{.name}} places may stand in the values. Default: none.');

const stepShape = {
  name: nameSchema.optional().describe('Unique in its stage. Default: step-1, step-2, …'),
  command: commandSchema.describe('Run by /bin/sh. {{.name}} places are data, never code.'),
  context: z.string().min(1).optional().describe('Where it runs. Default: the context of the stage.'),
  env: envSchema.optional().describe('Environment variables, over those of the stage. Default: none.'),
  workdir: z
    .string()
    .min(1)
    .optional()
    .describe('Folder, relative to the project. Default: the workdir of the stage.'),
  timeout: timeoutSchema
    .optional()
    .describe(
      'Of this step: 30s, 5m, 1h30m; a bare number counts seconds. Default: none but that of the stage.',
    ),
  output: z
    .string()
    .regex(/^variable:[A-Za-z_]\w{0,63}$/, {
      error: 'must be variable:NAME in a shell step',
      abort: true,
    })
    .optional()
    .describe('variable:NAME keeps standard output (at most 64 KiB, last newline cut). Default: log only.'),
};

type WrittenStep = z.output<z.ZodObject<typeof stepShape, z.core.$strict>>;
type UnnamedStep = Omit<StepDefinition, 'name'> & { readonly name?: string };

/** One shell step as written in YAML: a mapping, or only its command. */
export const stepSchema = z
  .union([
    commandSchema.describe('The command alone; every other key at its default.'),
    z.strictObject(stepShape),
  ])
  .transform((step): UnnamedStep => ('script' in step ? { command: step, env: {} } : stepOf(step)))
  .describe('A command for /bin/sh.');

function stepOf({ name, command, context, env, workdir, timeout, output }: WrittenStep): UnnamedStep {
  return {
    ...(name !== undefined && { name }),
    command,
    ...(context !== undefined && { context }),
    env: env ?? {},
    ...(workdir !== undefined && { workdir }),
    ...(timeout !== undefined && { timeout_ms: timeout }),
    ...(output !== undefined && { variable: output.slice('variable:'.length) }),
  };
}

/** The steps of a stage, at least one, names filled in and unique (upper and lower case alike). */
export const stepsSchema = z
  .array(stepSchema)
  .min(1, 'needs at least one step')
  .max(1000, 'at most 1000 steps')
  .transform((steps, context): StepDefinition[] => {
    const seen = new Map<string, number>();
    return steps.map((step, index) => {
      const name = step.name ?? `step-${index + 1}`;
      const first = seen.get(name.toLowerCase());
      if (first === undefined) seen.set(name.toLowerCase(), index);
      else {
        context.addIssue({
          code: 'custom',
          message: `another step is already named "${name}" (step ${first + 1})`,
          path: step.name === undefined ? [index] : [index, 'name'],
        });
      }
      return { ...step, name };
    });
  })
  .describe('Commands, run in order, or side by side with parallel: true.');
