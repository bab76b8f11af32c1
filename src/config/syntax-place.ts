import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

/** The longest a check may take; milliseconds. */
const LIMIT_MS = 5000;

/**
 * Where a module's syntax error stands, from 1; undefined when its syntax is right or cannot be checked.
 * The error of `import()` does not carry it, `node --check` prints it. Runs nothing of the file.
 */
export async function syntaxPlace(
  file: string,
): Promise<{ readonly line: number; readonly column: number } | undefined> {
  const child = spawn(process.execPath, ['--check', '--input-type=module', '-'], {
    stdio: ['pipe', 'ignore', 'pipe'],
    timeout: LIMIT_MS,
  });
  let printed = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    printed = (printed + chunk).slice(0, 10_000);
  });
  const closed = new Promise<void>((resolve) => {
    child.once('close', () => {
      resolve();
    });
    child.once('error', () => {
      resolve();
    });
  });
  await pipeline(createReadStream(file), child.stdin).catch(() => undefined);
  await closed;
  const [, line, blanks = ''] = /^\[stdin\]:(\d+)\n.*\n( *)\^/.exec(printed) ?? [];
  return line === undefined ? undefined : { line: Number(line), column: blanks.length + 1 };
}
