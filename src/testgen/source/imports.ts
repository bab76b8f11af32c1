import path from 'node:path';
import { blank } from './blank.ts';
import { languageOf } from './language.ts';

/** A source file of the project, with its text. */
export interface SourceFile {
  /** Relative to the project, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** Who imports whom, inside the project: from each file to those that it imports. */
export type ImportGraph = ReadonlyMap<string, ReadonlySet<string>>;

/** Imports that lead to files of the project; packages and what only a build tool can resolve are left out. */
export function importGraph(files: readonly SourceFile[], goModule: string | undefined): ImportGraph {
  const paths = new Set(files.map((file) => file.path));
  const byName = new Map<string, string[]>();
  for (const file of paths) {
    const name = path.posix.basename(file);
    byName.set(name, [...(byName.get(name) ?? []), file]);
  }
  return new Map(
    files.map((file) => [
      file.path,
      new Set(targetsOf(file, { paths, byName, goModule }).filter((to) => to !== file.path)),
    ]),
  );
}

interface Known {
  readonly paths: ReadonlySet<string>;
  readonly byName: ReadonlyMap<string, readonly string[]>;
  readonly goModule: string | undefined;
}

function targetsOf(file: SourceFile, known: Known): readonly string[] {
  switch (languageOf(file.path)) {
    case 'typescript':
    case 'javascript':
      return scriptTargets(file, known);
    case 'python':
      return pythonTargets(file, known);
    case 'go':
      return goTargets(file, known);
    case 'java':
      return javaTargets(file, known);
    default:
      return [];
  }
}

const SCRIPT_IMPORT =
  /\b(?:from|import|require\s*\(|import\s*\(|jest\.mock\s*\(|vi\.mock\s*\()\s*(["'])(\.{1,2}(?:\/[^"'\n]*)?)\1/g;
const SCRIPT_ENDINGS = ['', '.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs'];

function scriptTargets({ path: file, text }: SourceFile, { paths }: Known): readonly string[] {
  const bare = blank(text, 'typescript', 'comments');
  return [...bare.matchAll(SCRIPT_IMPORT)].flatMap(([, , target = '']) => {
    const base = path.posix.join(path.posix.dirname(file), target);
    // What is written `./a.js` may be `a.ts`.
    const stem = base.replace(/\.([cm]?)jsx?$/, '');
    const candidates = [base, stem].flatMap((at) => [
      ...SCRIPT_ENDINGS.map((ending) => at + ending),
      ...SCRIPT_ENDINGS.slice(1).map((ending) => path.posix.join(at, `index${ending}`)),
    ]);
    const found = candidates.find((candidate) => paths.has(candidate));
    return found === undefined ? [] : [found];
  });
}

const PYTHON_FROM = /^[ \t]*from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)/gm;
const PYTHON_IMPORT = /^[ \t]*import[ \t]+([^\n]+)/gm;

function pythonTargets({ path: file, text }: SourceFile, { paths }: Known): readonly string[] {
  const bare = blank(text, 'python', 'comments and strings');
  const modules: string[] = [];
  for (const [, dots = '', name = '', list = ''] of bare.matchAll(PYTHON_FROM)) {
    const names = [...list.matchAll(/(?:^|[(,])\s*(\w+)/g)].map(([, imported = '']) => imported);
    const base = name.replaceAll('.', '/');
    if (dots === '') modules.push(base, ...names.map((imported) => `${base}/${imported}`));
    else {
      const up = path.posix.join(
        path.posix.dirname(file),
        ...Array.from({ length: dots.length - 1 }, () => '..'),
      );
      const at = path.posix.join(up, base);
      modules.push(`=${at}`, ...names.map((imported) => `=${path.posix.join(at, imported)}`));
    }
  }
  for (const [, list = ''] of bare.matchAll(PYTHON_IMPORT)) {
    modules.push(
      ...list.split(',').map((part) => (/^\s*([\w.]+)/.exec(part)?.[1] ?? '').replaceAll('.', '/')),
    );
  }
  return modules.flatMap((module) => {
    const roots = module.startsWith('=') ? [''] : ['', 'src/', 'lib/', `${path.posix.dirname(file)}/`];
    const bareName = module.replace(/^=/, '');
    const found = roots
      .flatMap((root) => [`${root}${bareName}.py`, `${root}${bareName}/__init__.py`])
      .map((candidate) => path.posix.normalize(candidate))
      .find((candidate) => paths.has(candidate));
    return found === undefined ? [] : [found];
  });
}

/** A package is a folder: what imports it imports all its files, and files of one folder see each other. */
function goTargets({ path: file, text }: SourceFile, { paths, goModule }: Known): readonly string[] {
  const folders = new Set([path.posix.dirname(file)]);
  if (goModule !== undefined) {
    const bare = blank(text, 'go', 'comments');
    for (const [, target = ''] of bare.matchAll(/^\s*(?:import\s+)?(?:[\w.]+\s+)?"([^"\n]+)"\s*$/gm)) {
      if (target === goModule) folders.add('.');
      else if (target.startsWith(`${goModule}/`)) folders.add(target.slice(goModule.length + 1));
    }
  }
  const own = path.posix.dirname(file);
  return [...paths].filter((other) => {
    if (!other.endsWith('.go') || !folders.has(path.posix.dirname(other))) return false;
    return path.posix.dirname(other) !== own || !other.endsWith('_test.go');
  });
}

function javaTargets({ path: file, text }: SourceFile, { byName }: Known): readonly string[] {
  const bare = blank(text, 'java', 'comments and strings');
  const own = path.posix.dirname(file);
  const imported = [...bare.matchAll(/^\s*import\s+(?:static\s+)?([\w.]+)/gm)].flatMap(([, name = '']) => {
    const parts = name.split('.');
    const at = parts.findIndex((part) => /^[A-Z]/.test(part));
    if (at < 0) return [];
    const suffix = `${parts.slice(0, at + 1).join('/')}.java`;
    return (byName.get(`${parts[at] ?? ''}.java`) ?? []).filter((candidate) => candidate.endsWith(suffix));
  });
  // Classes of the same package need no import, wherever its folder is (src/main, src/test).
  const pack = /^\s*package\s+([\w.]+)/m.exec(bare)?.[1]?.replaceAll('.', '/');
  const words = new Set(bare.match(/\b[A-Z]\w*/g) ?? []);
  const beside = [...words].flatMap((word) =>
    (byName.get(`${word}.java`) ?? []).filter((candidate) => {
      const folder = path.posix.dirname(candidate);
      return folder === own || (pack !== undefined && folder.endsWith(pack));
    }),
  );
  return [...imported, ...beside];
}

/** The graph the other way round: from each file to those that import it. */
export function reversed(graph: ImportGraph): ImportGraph {
  const importers = new Map<string, Set<string>>();
  for (const [from, targets] of graph) {
    for (const to of targets) {
      const known = importers.get(to) ?? new Set();
      known.add(from);
      importers.set(to, known);
    }
  }
  return importers;
}

/** Everything that imports the file, directly or through others, nearest first. */
export function dependentsOf(file: string, importers: ImportGraph): readonly string[] {
  const seen = new Set([file]);
  const queue = [file];
  for (let at = 0; at < queue.length; at += 1) {
    for (const next of [...(importers.get(queue[at] ?? '') ?? [])].toSorted()) {
      if (seen.has(next)) continue;
      seen.add(next);
      queue.push(next);
    }
  }
  return queue.slice(1);
}
