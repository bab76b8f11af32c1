import { type Tool, toolIn } from '../run-tool.ts';

/**
 * Neither the settings of the user nor those of the repository are read: both can name programs and extensions
 * that hg runs. Source: hg help environment (HGPLAIN, HGRCPATH), hg help config (HGRCSKIPREPO).
 */
const ENV = {
  HGPLAIN: '1',
  HGRCPATH: '',
  HGRCSKIPREPO: '1',
  HGENCODING: 'UTF-8',
  LC_ALL: 'C',
};

/** Mercurial in the working copy `folder`. */
export function hgIn(folder: string): Tool {
  return toolIn(folder, { program: 'hg', args: ['--noninteractive', '--cwd', folder], env: ENV });
}

/** A text in a revset: never an operator, never an option. */
export function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
