import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { CaseClaim, CaseClaims } from '../core/cases/case.ts';
import { hasCode } from '../core/error-code.ts';
import { failed, ok, type Result } from '../core/failure.ts';
import { createOnce } from './state-layout.ts';
import {
  listFolder,
  readTextIfPresent,
  removeQuietly,
  replaceFile,
  sweepTemporaries,
  syncFolder,
  temporaryName,
} from './safe-files.ts';
import { unwritable } from './write-failure.ts';

const MOST_BYTES = 64 * 1024;
/** A claim that cannot be read was cut off by a crash before its run began: nobody stands behind it any more. */
const UNREADABLE_AGE_MS = 60_000;

const claimSchema = z.object({
  case: z.string(),
  run_id: z.string(),
  holder: z.string(),
  found_at: z.string(),
  taken_at: z.string(),
  identity: z.string(),
  stamp: z.string(),
  ended: z.object({ at: z.string(), status: z.string(), stamp: z.string().nullable() }).optional(),
});

/**
 * Claims in `<folder>/.pipewright/<pipeline>`, one file each: whoever watches the folder sees them, from whatever
 * machine. A claim is a name made by link() from a complete, synced file, so of any number of contenders one gets it.
 */
export function openCaseClaims(folder: string, pipeline: string): CaseClaims {
  const root = path.join(folder, '.pipewright');
  const home = path.join(root, keyOf(pipeline));
  const fileOf = (claim: Pick<CaseClaim, 'case'>): string => path.join(home, `${keyOf(claim.case)}.json`);
  const translating = async <T>(work: () => Promise<T>): Promise<Result<T>> => {
    try {
      return ok(await work());
    } catch (error) {
      return failed(unwritable(error, home));
    }
  };
  return {
    list: () =>
      translating(async () => {
        const claims = listFolder(home).flatMap((name) => read(path.join(home, name)));
        return new Map(claims.map((claim) => [claim.case, claim]));
      }),
    take: (claim) =>
      translating(async () => {
        fs.mkdirSync(home, { recursive: true });
        createOnce(path.join(root, '.gitignore'), '*\n');
        sweepTemporaries(home);
        return link(fileOf(claim), textOf(claim));
      }),
    replace: (claim) => translating(() => replaceFile(fileOf(claim), textOf(claim))),
    remove: (claim) => translating(async () => fs.rmSync(fileOf(claim), { force: true })),
  };
}

/** Names may be anything, also too long with an ending. */
function keyOf(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 40);
}

function textOf(claim: CaseClaim): string {
  return `${JSON.stringify(claim)}\n`;
}

function read(file: string): readonly CaseClaim[] {
  if (!file.endsWith('.json')) return [];
  try {
    const { ended, ...claim } = claimSchema.parse(JSON.parse(readTextIfPresent(file, MOST_BYTES) ?? ''));
    return [{ ...claim, ...(ended && { ended }) }];
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof z.ZodError)) throw error;
    const age = Date.now() - (fs.lstatSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > UNREADABLE_AGE_MS) removeQuietly(file);
    return [];
  }
}

async function link(file: string, text: string): Promise<boolean> {
  const temporary = temporaryName(file);
  try {
    await writeSynced(temporary, text);
    try {
      fs.linkSync(temporary, file);
    } catch (error) {
      if (hasCode(error, 'EEXIST')) return false;
      if (!hasCode(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS')) throw error;
      // Some network folders have no second names: exclusive, but not whole at once.
      if (!(await writeSynced(file, text))) return false;
    }
    await syncFolder(path.dirname(file));
    return true;
  } finally {
    removeQuietly(temporary);
  }
}

/** False when it is there already. */
async function writeSynced(file: string, text: string): Promise<boolean> {
  let handle: fs.promises.FileHandle;
  try {
    handle = await fs.promises.open(file, 'wx', 0o600);
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return true;
}
