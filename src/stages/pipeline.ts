import { z } from 'zod';
import { failed, type Result } from '../core/failure.ts';
import type { JsonObject } from '../core/json.ts';
import { parseParameters } from '../core/parameters.ts';
import { defineStage, type StageContext } from '../core/stage-kind.ts';
import { bindValue } from '../core/template/bind.ts';

/** A value with `{{.name}}` places, as the loader compiled it. */
const templateSchema = z.strictObject({
  text: z.string(),
  script: z.string(),
  values: z.array(
    z.strictObject({
      variable: z.string(),
      path: z.string(),
      leads_word: z.boolean(),
      raw: z.boolean(),
    }),
  ),
});

export const pipeline = defineStage({
  kind: 'pipeline',
  summary: 'Run another pipeline as one stage.',
  schema: z.strictObject({
    params: z
      .record(z.string(), templateSchema)
      .default({})
      .describe('Values for the parameters of that pipeline; templates of this one may be used.'),
  }),
  run: ({ params }, context) => runInner(params, context),
});

async function runInner(
  params: Readonly<Record<string, z.output<typeof templateSchema>>>,
  context: StageContext,
): Promise<Result<JsonObject>> {
  const definition = context.stage.pipeline;
  if (!definition) {
    return failed({ reason: 'invalid', message: `stage ${context.stage.name} names no pipeline` });
  }
  const values: Record<string, string> = {};
  for (const [name, template] of Object.entries(params)) {
    const value = bindValue(template, context.variables);
    if (!value.ok) return value;
    values[name] = value.value;
  }
  const checked = parseParameters(definition.params, values);
  if (checked.ok) return context.runPipeline(definition, checked.value);
  const message = checked.failure.map((problem) => `${problem.name}: ${problem.message}`).join('; ');
  return failed({ reason: 'invalid', message: `parameters of pipeline ${definition.name}: ${message}` });
}
