import path from 'node:path';
import type { Folder, ReadText } from './survey.ts';

/** What else than npm builds and tests a folder. */
export interface Tooling {
  readonly language: 'go' | 'python' | 'rust' | 'make';
  readonly folder: string;
  /** The file that shows it. */
  readonly from: string;
  /** Of make: those that check, build or test. */
  readonly targets: readonly string[];
  /** Of python. */
  readonly usesPytest: boolean;
}

const MARKS = [
  ['go.mod', 'go'],
  ['Cargo.toml', 'rust'],
  ['pyproject.toml', 'python'],
  ['setup.py', 'python'],
  ['requirements.txt', 'python'],
] as const;

const WANTED_TARGETS = ['lint', 'check', 'build', 'all', 'test'];

/** Languages by folder, the outermost first; crates and modules below one of their kind belong to it. */
export async function surveyTooling(folders: readonly Folder[], read: ReadText): Promise<readonly Tooling[]> {
  const found: Tooling[] = [];
  for (const { name: folder, files } of folders) {
    const marked = MARKS.filter(([file]) => files.has(file));
    for (const [from, language] of marked) {
      const isKnown = found.some((other) => other.language === language && isBelow(folder, other.folder));
      if (isKnown) continue;
      const usesPytest = language === 'python' && (await mentionsPytest(folder, files, read));
      found.push({ language, folder, from, targets: [], usesPytest });
    }
  }
  const [root] = folders;
  if (root?.files.has('Makefile') === true) {
    const text = await read('Makefile');
    const all = [...text.matchAll(/^([a-zA-Z][\w-]*)\s*:(?!=)/gm)].map(([, name = '']) => name);
    const targets = WANTED_TARGETS.filter((name) => all.includes(name));
    const usable = targets.length > 0 ? targets : all.slice(0, 1);
    if (usable.length > 0) {
      found.push({ language: 'make', folder: '.', from: 'Makefile', targets: usable, usesPytest: false });
    }
  }
  return found;
}

function isBelow(folder: string, above: string): boolean {
  return folder === above || above === '.' || folder.startsWith(`${above}/`);
}

async function mentionsPytest(folder: string, files: ReadonlySet<string>, read: ReadText): Promise<boolean> {
  if (files.has('pytest.ini') || files.has('conftest.py')) return true;
  const places = ['pyproject.toml', 'setup.cfg', 'tox.ini', 'requirements.txt', 'requirements-dev.txt'];
  const texts = await Promise.all(
    places.filter((name) => files.has(name)).map((name) => read(path.posix.join(folder, name))),
  );
  return texts.some((text) => /\bpytest\b/.test(text));
}
