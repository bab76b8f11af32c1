/** Rule of a stage that a person skipped: its dependents go on, because it was waived by name. */
export const WAIVED_RULE = 'skipped-by-person';
