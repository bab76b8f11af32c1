import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Vcs } from '../core/vcs.ts';

/** What lies at the top of a working copy. In one folder the first that is there counts. */
const MARKERS: readonly (readonly [name: string, kind: Vcs['kind']])[] = [
  ['.git', 'git'],
  ['.hg', 'hg'],
  ['.svn', 'svn'],
];

export interface Found {
  readonly kind: Vcs['kind'];
  /** Top of the working copy, or a bare repository. */
  readonly folder: string;
}

/** The nearest repository around `folder`; nothing in it is read. */
export function findRepository(folder: string): Found | undefined {
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    const marker = MARKERS.find(([name]) => existsSync(path.join(at, name)));
    if (marker) return { kind: marker[1], folder: at };
    if (['HEAD', 'objects', 'refs'].every((name) => existsSync(path.join(at, name)))) {
      return { kind: 'git', folder: at };
    }
    if (path.dirname(at) === at) return undefined;
  }
}
