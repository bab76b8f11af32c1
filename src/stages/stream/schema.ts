import { z } from 'zod';
import { sizeSchema } from '../../core/quantities.ts';
import { commandSchema, envSchema, nameSchema, valueSchema } from '../../core/step-schema.ts';
import { buildGraph } from '../../streams/graph.ts';
import { BUILT_IN_KINDS, CHECKSUM_ALGORITHMS, type StreamStep } from '../../streams/stream-step.ts';
import { outputSchema } from './output-schema.ts';
import { checkStep, named, settleStep } from './step-rules.ts';

const SMALLEST_BUFFER_BYTES = 4096;
const LARGEST_BUFFER_BYTES = 64 * 1024 * 1024;

/** Every key that a step may have; which of them fit together is decided afterwards. */
const stepShape = {
  name: nameSchema.optional().describe('Unique among its neighbours. Default: step-1, branch-1, …'),
  command: commandSchema
    .optional()
    .describe(
      'Run by /bin/sh. {{.name}} places are data, never code. `pv` need not be installed. Default: none.',
    ),
  uses: z.enum(BUILT_IN_KINDS).optional().describe('A built-in instead of a command. Default: none.'),
  type: z.enum(BUILT_IN_KINDS).optional().describe('The same as uses. Default: none.'),
  input: z
    .string()
    .min(1)
    .optional()
    .describe(
      '`pipe`: what the step before gives out; or the name of a stream. Default: pipe where there is one.',
    ),
  output: outputSchema.optional(),
  get branches() {
    return z
      .array(branchSchema)
      .min(1, 'needs at least one branch')
      .max(256, 'at most 256 branches')
      .optional()
      .describe(
        'Of a tee: each gets every byte. A branch is a command, a built-in, or `steps` in a chain. Default: none.',
      );
  },
  get steps() {
    return z
      .array(stepSchema)
      .min(1, 'needs at least one step')
      .optional()
      .describe('Of a branch: its steps in a chain. Default: none.');
  },
  on_branch_failure: z
    .enum(['stop', 'continue'])
    .optional()
    .describe('Of a tee: stop ends everything, continue ends that branch and warns. Default: stop.'),
  buffer: sizeSchema
    .refine((size) => size >= SMALLEST_BUFFER_BYTES, { error: 'must be at least 4KiB', abort: true })
    .refine((size) => size <= LARGEST_BUFFER_BYTES, 'must be at most 64MiB')
    .optional()
    .describe('Of a tee: what a branch may lag behind the fastest, in memory. Default: 32KiB.'),
  algorithm: z.enum(CHECKSUM_ALGORITHMS).optional().describe('Of a checksum. Default: sha256.'),
  expect: valueSchema
    .optional()
    .describe('Of a checksum: what it must be, in hex; anything else fails. Default: no check.'),
  size: z
    .union([z.strictObject({ command: commandSchema.describe('Prints a number of bytes.') }), valueSchema])
    .optional()
    .describe(
      'Of progress: how much will come: 2GiB, 500M, a number of bytes, or {command: …} that prints it. Default: not known.',
    ),
  level: z
    .int()
    .min(1)
    .max(22)
    .optional()
    .describe('Of gzip (1 to 9) and zstd (1 to 22). Default: 6 for gzip, 3 for zstd.'),
  path: valueSchema
    .optional()
    .describe('Of a file, and needed there: where, relative to the folder of the step. Default: none.'),
  verify: z
    .boolean()
    .optional()
    .describe(
      'Of a file: read it back and compare size and checksum before it gets its name. Default: true.',
    ),
  env: envSchema
    .optional()
    .describe('Environment variables of its command, over those of the stage. Default: none.'),
  workdir: z
    .string()
    .min(1)
    .optional()
    .describe('Folder, relative to the project. Default: that of the stage.'),
};

// Two schemas, each made once: they contain each other.
const stepSchema: z.ZodType<StreamStep> = z.lazy(() => placed('step'));
const branchSchema: z.ZodType<StreamStep> = z.lazy(() => placed('branch'));

function placed(place: 'step' | 'branch'): z.ZodType<StreamStep> {
  return z.strictObject(stepShape).transform((written, context): StreamStep => {
    checkStep(written, place, context);
    return settleStep(written);
  });
}

/** The steps of a stream stage: settled, named, and checked for who reads from whom. */
export const streamStepsSchema = z
  .array(stepSchema)
  .min(1, 'needs at least one step')
  .max(1000, 'at most 1000 steps')
  .transform((written, context): StreamStep[] => {
    const steps = [...named(written, 'step')];
    const before = context.issues.length;
    refuseTwins(steps, [], context);
    if (context.issues.length > before) return steps;
    for (const { path, message, hint } of buildGraph(steps).problems) {
      const [, ...inSteps] = path;
      context.addIssue({
        code: 'custom',
        path: inSteps,
        message,
        params: { code: 'stream', ...(hint !== undefined && { hint }) },
      });
    }
    return steps;
  });

/** Names become parts of records and of messages. */
function refuseTwins(
  steps: readonly StreamStep[],
  path: readonly (string | number)[],
  context: z.core.$RefinementCtx,
): void {
  const seen = new Map<string, number>();
  steps.forEach((step, index) => {
    const key = step.name.toLowerCase();
    const first = seen.get(key);
    if (first === undefined) seen.set(key, index);
    else {
      const message = `the name ${step.name} is taken by number ${first + 1}`;
      context.addIssue({ code: 'custom', path: [...path, index, 'name'], message });
    }
    refuseTwins(step.branches ?? [], [...path, index, 'branches'], context);
    refuseTwins(step.steps ?? [], [...path, index, 'steps'], context);
  });
}
