import type { CommandSpec } from './command-spec.ts';
import { COMMANDS_OF_PROJECTS } from './commands-of-projects.ts';
import { COMMANDS_OF_RUNS } from './commands-of-runs.ts';

/** Every command of this version, in the order in which help lists them. */
export const COMMANDS: readonly CommandSpec[] = [...COMMANDS_OF_RUNS, ...COMMANDS_OF_PROJECTS];

/** Part of the contract, not yet built: named so that they are refused with a reason. */
export const LATER_COMMANDS = ['worker', 'queue'] as const;

/** The command of that name, as it is written. */
export function findCommand(name: string): CommandSpec | undefined {
  return COMMANDS.find((command) => command.name === name);
}
