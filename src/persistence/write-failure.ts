import { errorCode } from '../core/error-code.ts';
import type { Failure } from '../core/failure.ts';

/** One sentence per error code that a state folder meets in practice. */
const SENTENCES: Readonly<Record<string, string>> = {
  ENOSPC: 'disk full: nothing more can be recorded here; free some space, then continue',
  EDQUOT: 'disk quota used up: nothing more can be recorded here; free some space, then continue',
  EROFS: 'the file system is read-only: runs can be looked at, but not started or continued',
  EACCES: 'permission denied: this user may not use it',
  EPERM: 'operation not permitted: this user may not use it',
  EIO: 'the disk reported an input/output error: check it before continuing',
  ELOOP: 'a symbolic link stands where a plain file is expected: it is not followed',
  ENXIO: 'a pipe or a device stands where a plain file is expected',
  ENOTREGULAR: 'something that is not a plain file stands where one is expected',
  EEXIST: 'a file stands where a folder is expected',
  ENOTDIR: 'a file stands where a folder is expected',
  EISDIR: 'a folder stands where a file is expected',
  ENOENT: 'a folder of the state is missing',
  ENOFOLDER: 'the system makes no folders there',
  EMFILE: 'too many open files in this process',
  ENFILE: 'too many open files on this machine',
};

/** `state-unwritable` with one sentence on why; rethrows what is not an error of the operating system. */
export function unwritable(error: unknown, path: string): Failure {
  const code = errorCode(error);
  if (code === undefined) throw error;
  return {
    reason: 'state-unwritable',
    path,
    detail: `${SENTENCES[code] ?? 'it cannot be written'} (${code})`,
  };
}
