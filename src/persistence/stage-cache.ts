import { createHash } from 'node:crypto';
import path from 'node:path';
import fs from 'node:fs';
import { errorCode } from '../core/error-code.ts';
import { isObject } from '../core/json.ts';
import type { CachedResult, StageCache } from '../core/ports.ts';
import { readTextIfPresent, replaceFile } from './safe-files.ts';
import { ensureState, isSafeName, stateLayout } from './state-layout.ts';

/**
 * Stage results as `<state>/cache/<key>.json`. Whether one is too old is its reader's business.
 * A file that cannot be read or is no result counts as absent; one that cannot be written is left out:
 * a cache that fails costs time, never a run.
 */
export function createStageCache(options: { readonly stateDir: string }): StageCache {
  const layout = stateLayout(options.stateDir);
  const folder = path.join(layout.root, 'cache');
  const fileOf = (key: string) => path.join(folder, `${isSafeName(key) ? key : digest(key)}.json`);
  return {
    get: (key) => Promise.resolve(readResult(fileOf(key))),
    put: async (key, result) => {
      try {
        ensureState(layout);
        fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
        await replaceFile(fileOf(key), `${JSON.stringify(result)}\n`);
      } catch (error) {
        if (errorCode(error) === undefined) throw error;
      }
    },
  };
}

function digest(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

function readResult(file: string): CachedResult | undefined {
  try {
    const value: unknown = JSON.parse(readTextIfPresent(file) ?? 'null');
    return isResult(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || errorCode(error) !== undefined) return undefined;
    throw error;
  }
}

function isResult(value: unknown): value is CachedResult {
  return (
    isObject(value) &&
    typeof value['run_id'] === 'string' &&
    typeof value['stored_at'] === 'string' &&
    isObject(value['outputs'])
  );
}
