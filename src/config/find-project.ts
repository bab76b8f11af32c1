import { access } from 'node:fs/promises';
import path from 'node:path';

// By itself: a command that only looks at runs needs the place, not the parser of the file there.

/** Name of the project file. */
export const PROJECT_FILE = 'pipewright.yaml';

/** The nearest folder, from `startDir` up, with `pipewright.yaml` or `.git`; without one `startDir`. `explicit` is taken as it is. Absolute. */
export async function findProject(startDir: string, explicit?: string): Promise<string> {
  if (explicit !== undefined) return path.resolve(startDir, explicit);
  const start = path.resolve(startDir);
  for (let folder = start; ; folder = path.dirname(folder)) {
    for (const mark of [PROJECT_FILE, '.git']) {
      if (await exists(path.join(folder, mark))) return folder;
    }
    if (folder === path.dirname(folder)) return start;
  }
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
