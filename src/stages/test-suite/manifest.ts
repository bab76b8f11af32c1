import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isObject } from '../../core/json.ts';
import { parseJson } from '../../delivery/reports/unknown-json.ts';

/** What package.json says that matters to tests. */
export interface Manifest {
  readonly scripts: Readonly<Record<string, string>>;
  /** Of every kind. */
  readonly dependencies: ReadonlySet<string>;
}

/** Undefined when there is none, or it is no JSON. */
export function readManifest(folder: string): Manifest | undefined {
  let text: string;
  try {
    text = readFileSync(path.join(folder, 'package.json'), 'utf8');
  } catch {
    return undefined;
  }
  const manifest = parseJson(text);
  if (!isObject(manifest)) return undefined;
  const scripts = Object.entries(isObject(manifest['scripts']) ? manifest['scripts'] : {});
  const groups = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'];
  return {
    scripts: Object.fromEntries(
      scripts.flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
    ),
    dependencies: new Set(
      groups.flatMap((group) => {
        const entries = manifest[group];
        return isObject(entries) ? Object.keys(entries) : [];
      }),
    ),
  };
}
