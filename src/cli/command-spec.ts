import type { OptionSpec } from './options.ts';

/** One command: parser, help, completion and the pages in docs/ follow from it. */
export interface CommandSpec {
  readonly name: string;
  /** What follows the command's name. */
  readonly usage: string;
  readonly summary: string;
  readonly positionals: { readonly min: number; readonly max: number; readonly what: string };
  readonly options: readonly OptionSpec[];
  /** Unknown long options are parameters of the pipeline. */
  readonly takesParameters?: boolean;
  /** Second word, as in `audit verify`. */
  readonly verbs?: readonly string[];
  readonly examples: readonly string[];
}

/** How help and errors name a run on the command line. */
export const RUN = 'a run: its id, the beginning of one, or `last`';

export const ONE_RUN = { min: 1, max: 1, what: RUN };
export const NO_ARGUMENT = { min: 0, max: 0, what: 'no argument' };
