import { z } from 'zod';
import { nameSchema, valueSchema } from '../../core/step-schema.ts';
import type { StepOutput } from '../../streams/stream-step.ts';

const HINT =
  'One of: stream, stream:NAME, stderr, log, variable:NAME, file:PATH; {{.name}} may stand in the path.';

/** `output:` of a stream step. */
export const outputSchema = z
  .string()
  .transform((text, context): StepOutput => {
    if (text === 'stream' || text === 'stderr' || text === 'log') return { to: text };
    const named = namedOutput(text);
    if (named) return named;
    if (/^file:[^]/.test(text)) return fileOutput(text, context);
    const message = `${JSON.stringify(text)} is no place for an output`;
    context.addIssue({ code: 'custom', message, params: { hint: HINT } });
    return z.NEVER;
  })
  .describe(
    `Where its output goes. ${HINT} A file gets its name only when all of it is on the disk. Default: log.`,
  );

function namedOutput(text: string): StepOutput | undefined {
  const [, kind, name = ''] = /^(stream|variable):(.*)$/.exec(text) ?? [];
  if (kind === 'stream' && nameSchema.safeParse(name).success) return { to: 'stream', name };
  return kind === 'variable' && /^[A-Za-z_]\w{0,63}$/.test(name) ? { to: 'variable', name } : undefined;
}

function fileOutput(text: string, context: z.core.$RefinementCtx): StepOutput {
  const path = valueSchema.safeParse(text.slice('file:'.length));
  const written = valueSchema.safeParse(text);
  if (path.success && written.success) return { to: 'file', path: path.data, written: written.data };
  for (const { message } of path.error?.issues ?? []) {
    context.addIssue({ code: 'custom', message: `the path: ${message}` });
  }
  return z.NEVER;
}
