import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'yaml';
import { isObject } from '../../core/json.ts';
import type { ReadText } from './survey.ts';

/** What GitHub is told to do. */
export interface Workflows {
  /** Names of the files, sorted. */
  readonly files: readonly string[];
  /** Branches whose push starts one of them, and the file that says so. */
  readonly branches: readonly string[];
  readonly branchesFrom?: string;
}

const FOLDER = '.github/workflows';

/** Workflow files of GitHub, and the branches whose pushes they run for; without any, the main branch that is checked out. */
export async function surveyWorkflows(root: string, read: ReadText): Promise<Workflows> {
  const entries = await readdir(path.join(root, FOLDER)).catch(() => []);
  const files = entries.filter((name) => /\.ya?ml$/.test(name)).toSorted();
  for (const name of files.slice(0, 20)) {
    const branches = branchesOf(await read(path.posix.join(FOLDER, name)));
    if (branches.length > 0) return { files, branches, branchesFrom: path.posix.join(FOLDER, name) };
  }
  // Only names that are main branches everywhere: what is checked out now may be anything.
  const [, branch] = /^ref: refs\/heads\/(main|master|trunk)\s*$/.exec(await read('.git/HEAD')) ?? [];
  return branch === undefined
    ? { files, branches: [] }
    : { files, branches: [branch], branchesFrom: '.git/HEAD' };
}

function branchesOf(text: string): readonly string[] {
  try {
    const written: unknown = parse(text, { maxAliasCount: 100, logLevel: 'error' });
    const on = isObject(written) ? written['on'] : undefined;
    const push = isObject(on) ? on['push'] : undefined;
    const branches: unknown = isObject(push) ? push['branches'] : undefined;
    if (!Array.isArray(branches)) return [];
    return branches.filter(
      (branch): branch is string => typeof branch === 'string' && /^[\w./*-]+$/.test(branch),
    );
  } catch {
    // Not YAML: then there is nothing to learn from it.
    return [];
  }
}
