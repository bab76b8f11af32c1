import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { referencePages, ROOT } from './reference.ts';

/** Writes docs/reference anew; pages that are no longer made go. */
const folder = path.join(ROOT, 'docs/reference');
const pages = referencePages();
mkdirSync(folder, { recursive: true });
for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
  if (name.endsWith('.md') && !pages.has(name)) rmSync(path.join(folder, name));
}
for (const [name, text] of pages) {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}
