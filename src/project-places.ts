import { existsSync } from 'node:fs';
import path from 'node:path';
import type { ProjectPlaces } from './cli/services.ts';

/** Where the files of the project in `root` are. Part of the composition root. */
export function placesIn(
  root: string,
  state: string | undefined,
  { cwd, name }: { readonly cwd: string; readonly name: string },
): ProjectPlaces {
  const file = path.join(root, name);
  return {
    root,
    stateDir: state === undefined ? path.join(root, 'state') : path.resolve(cwd, state),
    ...(existsSync(file) && { file }),
  };
}
