import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Framework } from '../../core/settings/testgen.ts';

/** Where a test will stand, and what it tests: both relative to the project's folder in `root`. */
export interface TestPlace {
  /** The project in the tree after the commits, absolute. */
  readonly root: string;
  readonly source: string;
  readonly test: string;
  readonly framework: Framework;
  /** Text of a test of the project, for its style. */
  readonly neighbour?: string;
}

/** A name beside `wanted` that is not taken: a test of the project is never replaced. */
export function freeName(wanted: string, isTaken: (file: string) => boolean): string {
  if (!isTaken(wanted)) return wanted;
  for (let number = 1; ; number++) {
    const word = number === 1 ? 'generated' : `generated${number}`;
    const name = named(wanted, word);
    if (!isTaken(name)) return name;
  }
}

/** `a.test.js` becomes `a.generated.test.js`, `test_a.py` `test_a_generated.py`, `a_test.go` `a_generated_test.go`. */
function named(file: string, word: string): string {
  const { dir, base } = path.posix.parse(file);
  const dotted = /^(.*?)((?:[.](?:test|spec))?[.][cm]?[jt]sx?)$/.exec(base);
  const other = dotted
    ? `${dotted[1]}.${word}${dotted[2]}`
    : base.replace(
        /^(.*?)(_test)?(\.\w+)$/,
        (_, stem: string, test = '', ending: string) => `${stem}_${word}${test}${ending}`,
      );
  return path.posix.join(dir, other);
}

/** Whether the test is an ES module; TypeScript and the tests of vitest always are. */
export function isModule({ root, source, test, framework }: TestPlace): boolean {
  if (framework === 'vitest' || /\.(?:m[jt]s|tsx?|jsx)$/.test(test)) return true;
  if (/\.c[jt]s$/.test(test)) return false;
  if (framework === 'jest') return /^\s*(?:import|export)\b/m.test(textOf(path.join(root, source)));
  return packageType(root, path.dirname(test)) === 'module';
}

function packageType(root: string, folder: string): string | undefined {
  const file = path.join(root, folder, 'package.json');
  if (existsSync(file)) return /"type"\s*:\s*"(\w+)"/.exec(textOf(file))?.[1] ?? 'commonjs';
  return folder === '.' ? undefined : packageType(root, path.dirname(folder));
}

/** How the test names the file under test: endings as its neighbours write them. */
export function specifier({ source, test, framework, neighbour }: TestPlace): string {
  const relative = path.posix.relative(path.posix.dirname(test), source);
  const full = relative.startsWith('.') ? relative : `./${relative}`;
  if (!/\.[cm]?tsx?$/.test(full)) return full;
  const written = /from\s+['"]\.{1,2}\/[^'"]*?(\.[cm]?[jt]sx?)?['"]/.exec(neighbour ?? '');
  const bare = full.replace(/\.[cm]?tsx?$/, '');
  if (written) return written[1] === undefined ? bare : `${bare}${written[1]}`;
  return framework === 'vitest' || framework === 'jest' ? bare : full;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
