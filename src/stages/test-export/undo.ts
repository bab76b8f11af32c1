import { rmSync } from 'node:fs';
import path from 'node:path';
import { ok, type Result } from '../../core/failure.ts';
import type { JsonObject } from '../../core/json.ts';
import type { StageContext } from '../../core/stage-kind.ts';
import { LOOK, readPlan, taskOf } from './export.ts';
import { hashAt, removeEmpty, writeWhole } from './files.ts';
import { bytesOfBackup, type PlannedFile } from './plan-export.ts';

/** Takes back what the stage wrote: a file that somebody changed since then stays, and that is said. */
export async function undoExport(context: StageContext): Promise<Result<JsonObject>> {
  const plan = readPlan(context.recorded[LOOK]?.outputs);
  if (!plan) return ok({ undone: [] });
  const begun = plan.files.filter((_, at) => context.begun.includes(taskOf(at)));
  const undone = await context.task({
    name: 'take back',
    text: `take back ${begun.length} files`,
    work: async ({ log }) => {
      const kept: string[] = [];
      const gone: string[] = [];
      for (const planned of begun) {
        const isGone = takeBack(planned, context.project);
        (isGone ? gone : kept).push(planned.file);
        await log(`${planned.file}: ${isGone ? 'taken back' : 'left, it was changed since'}`);
      }
      removeEmpty(plan.folders);
      return ok({ undone: gone, kept });
    },
  });
  if (!undone.ok) return undone;
  const { kept } = undone.value;
  if (Array.isArray(kept) && kept.length > 0)
    context.warn(`left, because they were changed since: ${kept.join(', ')}`);
  return undone;
}

/** False when it is not as we wrote it. */
function takeBack({ file, hash, replaces, backup }: PlannedFile, project: string): boolean {
  const target = path.join(project, file);
  const now = hashAt(target);
  // Never written, or taken back already.
  if ((now ?? null) === replaces) return true;
  if (now !== hash) return false;
  if (replaces === null) {
    rmSync(target);
    return true;
  }
  const before = backup === null ? undefined : bytesOfBackup(backup);
  if (!before) return false;
  writeWhole(target, before);
  return true;
}
