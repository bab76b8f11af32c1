import type { Place } from './places.ts';

/** One word of a simple command, quotes taken away. */
export interface Word {
  readonly offset: number;
  /** What it says; undefined when a part of it is known only when it runs. */
  text: string | undefined;
  /** What is known of its beginning. */
  prefix: string;
  /** A character that is sure to be there has been read. */
  begun: boolean;
  /** Written without any quote, escape or expansion: it may be a reserved word. */
  bare: boolean;
  /** `name` of `name=…`, where the name and the `=` are bare. */
  assigns?: string;
  /** Places in it, and in command substitutions in it. */
  readonly places: Place[];
  /** Places of its own with nothing in front that is sure to be there. */
  readonly leading: Place[];
}

/** A command with its arguments: `A=1 program word word`. */
export interface SimpleCommand {
  readonly offset: number;
  readonly assignments: Word[];
  readonly words: Word[];
}

/** Places that reach commands on standard input: through a pipe, `<` or a here-document. */
export interface Input {
  readonly places: Place[];
  /** The commands that may read it: indexes from `first` up to and without `end`. */
  readonly first: number;
  end: number;
}

/** How a place has to be written so that the shell reads one word, or a part of one. */
export type Spelling = 'bare' | 'double' | 'single' | 'raw' | 'dropped';
