/** Code with mutants in it is slow everywhere: a limit in time says nothing there. */
export const isMutated = process.env['STRYKER_MUTATOR_WORKER'] !== undefined;
