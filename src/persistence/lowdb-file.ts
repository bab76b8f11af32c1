import fs from 'node:fs';
import { type Adapter, Low } from 'lowdb';
import { hasCode } from '../core/error-code.ts';
import { readTextIfPresent, replaceFile } from './safe-files.ts';

/**
 * A lowdb database on one JSON file, loaded. Where the file is missing it starts as `initial`.
 * A file that is no JSON, or not of the shape that `isShape` wants, is kept aside as
 * `<file>.corrupt-<ms>` and never overwritten. Throws other errors of the operating system.
 * lowdb's own adapter neither syncs, nor keeps modes, nor survives a second writer (measured).
 */
export async function createLowdbFile<T>(
  file: string,
  isShape: (value: unknown) => value is T,
  initial: T,
): Promise<Low<T>> {
  const database = new Low<T>(createAdapter(file, isShape), initial);
  await database.read();
  return database;
}

function createAdapter<T>(file: string, isShape: (value: unknown) => value is T): Adapter<T> {
  let writing: Promise<void> = Promise.resolve();
  return {
    read: () => Promise.resolve(readShape(file, isShape) ?? null),
    write: (data) => {
      const text = `${JSON.stringify(data, undefined, 1)}\n`;
      // Not lasting: an older one says less, and readers know what it leaves out.
      // One after another: a slow older write must not land on a newer one. Its error is its caller's.
      writing = writing.then(
        () => replaceFile(file, text, false),
        () => replaceFile(file, text, false),
      );
      return writing;
    },
  };
}

/** The file's value; undefined when it is missing or had to be set aside. */
function readShape<T>(file: string, isShape: (value: unknown) => value is T): T | undefined {
  let value: unknown;
  try {
    const text = readTextIfPresent(file);
    if (text === undefined) return undefined;
    value = JSON.parse(text);
  } catch (error) {
    // Anything else, like too many open files, says nothing about what the file holds.
    if (!(error instanceof SyntaxError) && !hasCode(error, ...NO_PLAIN_FILE)) throw error;
    setAside(file);
    return undefined;
  }
  if (isShape(value)) return value;
  setAside(file);
  return undefined;
}

/** What `openRegular` says of links, pipes, devices and folders. */
const NO_PLAIN_FILE = ['ELOOP', 'ENXIO', 'ENOTREGULAR', 'EISDIR'];

function setAside(file: string): void {
  try {
    fs.renameSync(file, `${file}.corrupt-${Date.now()}`);
  } catch {
    // Read-only state: the file stays where it is and is not used.
  }
}
