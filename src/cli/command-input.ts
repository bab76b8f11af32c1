import type { Common } from './command.ts';
import type { CommandSpec } from './command-spec.ts';
import type { Scanned } from './scanned.ts';

/** What the builder of one command is given. */
export interface CommandInput {
  readonly spec: CommandSpec;
  readonly scanned: Scanned;
  readonly common: Common;
  readonly args: readonly string[];
}
