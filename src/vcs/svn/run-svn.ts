import process from 'node:process';
import { ok, type Result } from '../../core/failure.ts';
import { answered, type Tool, toolIn, type ToolOptions } from '../run-tool.ts';
import { type Element, readXml } from './xml.ts';

/** Paths that are not ASCII need a locale that has them; names of places are never translated. */
const LOCALE = process.platform === 'darwin' ? 'en_US.UTF-8' : 'C.UTF-8';

/** Subversion in a working copy. A working copy names no programs; those of the user's settings are switched off. */
export function svnIn(folder: string, program = 'svn'): Tool {
  const args =
    program === 'svn'
      ? [
          '--non-interactive',
          '--no-auth-cache',
          '--config-option=config:helpers:diff-cmd=',
          '--config-option=config:helpers:diff3-cmd=',
        ]
      : [];
  return toolIn(folder, { program, args, env: { LC_ALL: LOCALE, LANGUAGE: '', SVN_EDITOR: 'false' } });
}

/** What `svn … --xml` prints. */
export async function svnXml(
  svn: Tool,
  args: readonly string[],
  options?: ToolOptions,
): Promise<Result<Element>> {
  const read = answered(await svn([...args, '--xml'], options));
  return read.ok ? ok(readXml(read.value.stdout.toString('utf8'))) : read;
}
