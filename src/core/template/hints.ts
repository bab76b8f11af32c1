/** The ways out that every refusal names. */
export const WAY_OUT =
  'Put the value into an `env:` entry and use that variable, or write {{raw .name}} to paste it as code.';

/** Where even a variable would be read as code. */
export const CODE_HINT = 'Write {{raw .name}} if it may be code, as a checked `int` parameter may.';
