import { failed, ok, type Result } from '../failure.ts';
import type { FilePlace } from '../hosts.ts';

/** Where something is to be taken from or brought to. */
export interface TransferPlace extends FilePlace {
  /** It ends with a slash: a folder, whether it is there or not. */
  readonly isFolder: boolean;
}

/**
 * `context:path`, or a path on this machine. What stands before the first colon is a context unless a slash comes
 * earlier, so `./a:b` is a file. `invalid` when there is no such context, or no path.
 */
export function parsePlace(text: string, contexts: readonly string[]): Result<TransferPlace> {
  const [, context = 'local', path = ''] = /^(?:([^/:]*):)?(.*)$/s.exec(text) ?? [];
  if (!contexts.includes(context)) {
    const message = `there is no context \`${context}\`; known: ${contexts.join(', ')}`;
    return failed({ reason: 'invalid', message, hint: 'A file here whose name has a colon: ./name' });
  }
  if (path === '') return failed({ reason: 'invalid', message: `\`${text}\` names no path` });
  if (path.includes('\0')) return failed({ reason: 'invalid', message: 'a path must not contain NUL bytes' });
  const isFolder = path.endsWith('/');
  return ok({ context, path: path.replace(/(?<=.)\/+$/, ''), isFolder });
}

/** As it is written on the command line. */
export function placeText({ context, path }: FilePlace): string {
  return context === 'local' ? path : `${context}:${path}`;
}

/** The last part of a path; empty for `/`, `.` and `..`. */
export function baseName(path: string): string {
  const last = path.slice(path.lastIndexOf('/') + 1);
  return last === '.' || last === '..' ? '' : last;
}

/** The path of a name in a folder, for whichever machine. */
export function join(folder: string, name: string): string {
  return folder.endsWith('/') ? folder + name : `${folder}/${name}`;
}
