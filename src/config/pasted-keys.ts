import { looksLikeKey } from '../core/secret-reference.ts';
import { scalarsOf } from './located.ts';
import type { YamlFile } from './yaml-file.ts';

/** Keys whose schemas say it themselves. */
const GUARDED = new Set(['password', 'passphrase']);
const GUARDED_MAPPINGS = new Set(['env', 'secrets']);

/** Reports texts that look like a credential, wherever in the file they stand; they are not repeated. */
export function reportPastedKeys(file: YamlFile): void {
  if (!file.root) return;
  for (const { path, node } of scalarsOf(file.root)) {
    if (GUARDED.has(String(path.at(-1))) || GUARDED_MAPPINGS.has(String(path.at(-2)))) continue;
    if (typeof node.value !== 'string' || !looksLikeKey(node.value)) continue;
    file.report(path, {
      code: 'secret-literal',
      message: 'looks like a secret itself',
      hint: 'Keep it in a variable or a file, and write env:NAME, file:PATH or cmd:COMMAND where a reference is taken.',
      sensitive: true,
    });
  }
}
