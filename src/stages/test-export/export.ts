import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { ok, reported, type Result } from '../../core/failure.ts';
import type { JsonObject } from '../../core/json.ts';
import type { StageContext } from '../../core/stage-kind.ts';
import { hashAt, obstacle, writeWhole } from './files.ts';
import { type ExportPlan, planAsJson, planExport, type PlannedFile, question } from './plan-export.ts';

const planSchema = () =>
  z.object({
    files: z.array(
      z.object({
        file: z.string(),
        artifact: z.string(),
        hash: z.string(),
        replaces: z.string().nullable(),
        backup: z.string().nullable(),
      }),
    ),
    folders: z.array(z.string()),
    refused: z.array(z.string()),
    unchanged: z.array(z.string()),
  });

export function readPlan(outputs: JsonObject | undefined): ExportPlan | undefined {
  const parsed = planSchema().safeParse(outputs);
  return parsed.success ? parsed.data : undefined;
}

export const LOOK = 'look';

/** The name of the task that writes a file: names of tasks hold no slash. */
export function taskOf(at: number): string {
  return `write ${at + 1}`;
}

export async function exportTests(
  config: { readonly documents: string; readonly tests: boolean },
  context: StageContext,
): Promise<Result<JsonObject>> {
  const looked = await context.task({
    name: LOOK,
    text: 'look at what stands where the files go',
    work: async () => {
      const plan = await planExport(config, context);
      return plan.ok ? ok(planAsJson(plan.value)) : plan;
    },
  });
  if (!looked.ok) return looked;
  const plan = readPlan(looked.value);
  if (!plan) return reported('what was planned cannot be read again');
  for (const one of plan.refused) context.warn(`not written: ${one}`);
  for (const file of plan.unchanged) await context.log(`${file}: there already, with the same text`);
  if (plan.files.length === 0) {
    await context.log('there is nothing to write');
    return ok({ test_export: { written: [], unchanged: plan.unchanged, refused: plan.refused } });
  }
  const answer = await context.confirm(
    question(plan, { variables: context.variables, documents: config.documents }),
  );
  if (!answer.ok) return answer;
  for (const [at, planned] of plan.files.entries()) {
    const written = await context.task(
      {
        name: taskOf(at),
        text: `write ${planned.file}`,
        work: async ({ log }) => write(planned, { context, log }),
      },
      { index: at + 1, total: plan.files.length },
    );
    if (!written.ok) return written;
    await context.log(
      `${planned.file}: written${planned.replaces === null ? '' : ', in place of what was there'}`,
    );
  }
  const written = plan.files.map(({ file, hash, replaces }) => ({ file, hash, replaced: replaces !== null }));
  return ok({ test_export: { written, unchanged: plan.unchanged, refused: plan.refused } });
}

/** Repeated after a crash it finds its own file and is content. */
async function write(
  { file, artifact, hash, replaces }: PlannedFile,
  { context, log }: { readonly context: StageContext; readonly log: (line: string) => Promise<void> },
): Promise<Result<JsonObject>> {
  const target = path.join(context.project, file);
  const now = hashAt(target);
  if (now === hash) return ok({ file, hash });
  if ((now ?? null) !== replaces)
    return reported(`${file} was changed since the question was asked: run the stage again`);
  const reason = obstacle(context.project, file);
  if (reason !== undefined) return reported(`${file}: ${reason}`);
  if (hashAt(artifact) !== hash) return reported(`${file}: its text is not what was generated`);
  writeWhole(target, readFileSync(artifact));
  await log(`${file}: ${hash}`);
  return ok({ file, hash });
}
