import type { CommandSpec } from './command-spec.ts';
import { COMMANDS_OF_PROJECTS } from './commands-of-projects.ts';
import { COMMANDS_OF_RUNS } from './commands-of-runs.ts';

/** Every command of this version, in the order in which help lists them. */
export const COMMANDS: readonly CommandSpec[] = [...COMMANDS_OF_RUNS, ...COMMANDS_OF_PROJECTS];

/** The command of that name, as it is written. */
export function findCommand(name: string): CommandSpec | undefined {
  return COMMANDS.find((command) => command.name === name);
}
