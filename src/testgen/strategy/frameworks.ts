import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isObject } from '../../core/json.ts';
import type { Framework, TestgenSettings } from '../../core/settings/testgen.ts';
import { isNamedAfter } from '../analysis/named-tests.ts';
import { isTestFile, type Language, languageOf } from '../source/language.ts';
import type { SourceFile } from '../source/imports.ts';

/** What tests are written with in this project. */
export interface TestCustoms {
  readonly frameworkOf: (language: string) => Framework | undefined;
  /** Where the test of a file is, or where it would be. */
  readonly placeOf: (file: string) => { readonly file: string; readonly exists: boolean };
}

/** Read from the project: its manifests, its existing tests; the settings go over that. */
export function testCustoms(
  project: string,
  sources: readonly SourceFile[],
  frameworks: TestgenSettings['frameworks'],
): TestCustoms {
  const tests = sources.filter(({ path: file }) => isTestFile(file));
  const found: Readonly<Record<Language, () => Framework>> = {
    javascript: () => scriptFramework(project, tests),
    typescript: () => scriptFramework(project, tests),
    python: () => pythonFramework(project, tests),
    go: () => 'go',
    java: () => 'junit',
  };
  const known = new Map<string, Framework>(Object.entries(frameworks));
  const testPaths = tests.map((test) => test.path);
  return {
    frameworkOf: (language) =>
      known.get(language) ?? (isLanguage(language, found) ? found[language]() : undefined),
    placeOf: (file) => {
      const existing = testPaths.find((test) => isNamedAfter(test, file));
      return existing === undefined
        ? {
            file: newPlace(
              file,
              testPaths.filter((test) => familyOf(test) === familyOf(file)),
            ),
            exists: false,
          }
        : { file: existing, exists: true };
    },
  };
}

/** Tests of scripts lie together, whichever of the two languages they are in. */
function familyOf(file: string): string {
  return languageOf(file)?.replace(/^(?:java|type)script$/, 'script') ?? '';
}

function isLanguage(name: string, known: object): name is Language {
  return Object.hasOwn(known, name);
}

function scriptFramework(project: string, tests: readonly SourceFile[]): Framework {
  const manifest = textOf(path.join(project, 'package.json'));
  const names = dependencyNames(manifest);
  for (const name of ['vitest', 'jest', 'mocha'] as const) if (names.has(name)) return name;
  const text = tests.map((test) => test.text.slice(0, 4000)).join('\n');
  for (const name of ['vitest', 'mocha'] as const) if (text.includes(`'${name}'`)) return name;
  return text.includes('@jest/globals') ? 'jest' : 'node';
}

function dependencyNames(manifest: string): ReadonlySet<string> {
  try {
    const parsed: unknown = JSON.parse(manifest);
    if (!isObject(parsed)) return new Set();
    const groups = [parsed['dependencies'], parsed['devDependencies']];
    return new Set(groups.flatMap((group) => (isObject(group) ? Object.keys(group) : [])));
  } catch {
    return new Set();
  }
}

function pythonFramework(project: string, tests: readonly SourceFile[]): Framework {
  const manifests = [
    'pyproject.toml',
    'requirements-dev.txt',
    'requirements.txt',
    'setup.cfg',
    'tox.ini',
    'pytest.ini',
  ];
  const said = manifests.some((name) => /\bpytest\b/.test(textOf(path.join(project, name))));
  const isUsed = tests.some(
    ({ path: file, text }) => /^\s*(?:import|from)\s+pytest\b/m.test(text) || file.endsWith('conftest.py'),
  );
  return said || isUsed ? 'pytest' : 'unittest';
}

function newPlace(file: string, tests: readonly string[]): string {
  const { dir, name, ext } = path.posix.parse(file);
  switch (languageOf(file)) {
    case 'go':
      return path.posix.join(dir, `${name}_test.go`);
    case 'java':
      return path.posix.join(dir.replace(/(^|\/)src\/main\//, '$1src/test/'), `${name}Test.java`);
    case 'python':
      return path.posix.join(folderOf(tests, /^(.*?)(?:^|\/)?(tests?)\//) ?? 'tests', `test_${name}.py`);
    default: {
      const isBeside = tests.some((test) => !/(?:^|\/)(?:tests?|__tests__)\//.test(test));
      if (isBeside) return path.posix.join(dir, `${name}.test${ext}`);
      const folder = folderOf(tests, /^((?:.*\/)?)(__tests__|tests?)\//);
      return path.posix.join(folder ?? 'test', `${name}.test${ext}`);
    }
  }
}

/** The folder of the first test that lies in one. */
function folderOf(tests: readonly string[], pattern: RegExp): string | undefined {
  for (const test of tests) {
    const match = pattern.exec(test);
    if (match) return match[0].replace(/\/$/, '');
  }
  return undefined;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
