import fs, { constants } from 'node:fs';
import path from 'node:path';
import { hasCode } from '../core/error-code.ts';
import { makeFolder, makePath, openRegular } from './safe-files.ts';

/** Where things lie below the state folder. DESIGN section 6. */
export interface StateLayout {
  readonly root: string;
  readonly snapshot: string;
  readonly index: string;
  readonly runs: string;
  /** One marker per run that a process holds. */
  readonly active: string;
}

/** Absolute paths below `stateDir`; creates nothing. */
export function stateLayout(stateDir: string): StateLayout {
  const root = path.resolve(stateDir);
  return {
    root,
    snapshot: path.join(root, 'pipeline.json'),
    index: path.join(root, 'index.ndjson'),
    runs: path.join(root, 'runs'),
    active: path.join(root, 'active'),
  };
}

/** Folders of one run. */
export interface RunLayout {
  readonly folder: string;
  readonly journal: string;
  readonly inbox: string;
  readonly snapshot: string;
  readonly marker: string;
}

/** Absolute paths of a run; `runId` must be a safe name. */
export function runLayout(layout: StateLayout, runId: string): RunLayout {
  if (!isSafeName(runId)) throw new Error(`not a run id: ${JSON.stringify(runId)}`);
  const folder = path.join(layout.runs, runId);
  return {
    folder,
    journal: path.join(folder, 'journal'),
    inbox: path.join(folder, 'inbox'),
    snapshot: path.join(folder, 'run.json'),
    marker: path.join(layout.active, runId),
  };
}

/** A name that stays one plain path segment: letters, digits, `.`, `_`, `-`, `@`, not first a dot or a dash. */
export function isSafeName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$/.test(name);
}

/** True when the run's folder is there, and is a folder and not a link to one. */
export function runExists(layout: StateLayout, runId: string): boolean {
  return (
    isSafeName(runId) &&
    fs.lstatSync(path.join(layout.runs, runId), { throwIfNoEntry: false })?.isDirectory() === true
  );
}

/** Creates the folders of the state, 0700, and its `.gitignore`; the root may be a link the user made. */
export function ensureState(layout: StateLayout): void {
  if (fs.existsSync(layout.runs) && fs.existsSync(layout.active)) return;
  makePath(layout.root);
  createOnce(path.join(layout.root, '.gitignore'), '*\n');
  makeFolder(layout.active);
  makeFolder(layout.runs);
}

/** Creates a file with `text` unless it is there; says whether it did. */
export function createOnce(file: string, text: string): boolean {
  try {
    const fd = openRegular(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL);
    try {
      fs.writeSync(fd, text);
    } finally {
      fs.closeSync(fd);
    }
    return true;
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
    return false;
  }
}
