import path from 'node:path';

/** Whether a test's name says that it is of this file: `a.test.ts`, `test_a.py`, `a_test.go`, `ATest.java` of `a`. */
export function isNamedAfter(test: string, file: string): boolean {
  const [tested, other] = [stemOf(test), stemOf(file)];
  if (path.posix.extname(test) === '.go' && path.posix.dirname(test) !== path.posix.dirname(file))
    return false;
  return (
    tested.replace(/[.-](?:test|spec)$|_test$|^test_|Tests?$|IT$/, '') === other &&
    (tested !== other || /(?:^|\/)(?:tests?|__tests__)\//.test(test))
  );
}

function stemOf(file: string): string {
  return path.posix.basename(file).replace(/\.[^.]+$/, '');
}
