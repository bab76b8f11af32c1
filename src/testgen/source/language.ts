/** Languages whose declarations and imports are read. */
export type Language = 'typescript' | 'javascript' | 'python' | 'go' | 'java';

const LANGUAGES: Readonly<Record<string, Language>> = {
  ts: 'typescript',
  tsx: 'typescript',
  mts: 'typescript',
  cts: 'typescript',
  js: 'javascript',
  jsx: 'javascript',
  mjs: 'javascript',
  cjs: 'javascript',
  py: 'python',
  go: 'go',
  java: 'java',
};

/** By its ending; undefined for what is not read. */
export function languageOf(file: string): Language | undefined {
  if (/\.d\.[cm]?ts$/.test(file)) return undefined;
  return LANGUAGES[endingOf(file)];
}

/** Lower case, without the dot; empty where there is none. */
export function endingOf(file: string): string {
  return /[^/]\.([A-Za-z0-9_+-]{1,16})$/.exec(file)?.[1]?.toLowerCase() ?? '';
}

/** Whether the name is one that a test has, by the customs of its language. */
export function isTestFile(file: string): boolean {
  const name = file.split('/').at(-1) ?? '';
  switch (languageOf(file)) {
    case 'typescript':
    case 'javascript':
      return (
        /[.-](?:test|spec)\.[cm]?[jt]sx?$|^test\.[cm]?js$/.test(name) ||
        /(?:^|\/)(?:__tests__|tests?)\//.test(file)
      );
    case 'python':
      return /^test_.*\.py$|_test\.py$|^conftest\.py$/.test(name) || /(?:^|\/)tests?\//.test(file);
    case 'go':
      return name.endsWith('_test.go');
    case 'java':
      return /(?:Tests?|IT)\.java$/.test(name) || file.includes('src/test/');
    default:
      return false;
  }
}
