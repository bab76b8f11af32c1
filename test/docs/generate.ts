import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { COMMANDS } from '../../src/cli/command-table.ts';
import { helpText } from '../../src/cli/help.ts';
import { referencePages, ROOT } from './reference.ts';

/** Writes docs/reference anew, and the help in docs/commands; reference pages that are no longer made go. */
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
for (const { name } of COMMANDS) {
  const file = path.join(ROOT, 'docs/commands', `${name}.md`);
  const block = `\`\`\`text\n${helpText(name)}\n\`\`\`\n`;
  const before = existsSync(file) ? readFileSync(file, 'utf8') : `# pipewright ${name}\n\n${block}`;
  writeFileSync(
    file,
    before.replace(/```text\n[^]*?```\n/, () => block),
  );
}
