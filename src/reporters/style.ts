/** Colours by meaning. Without a terminal every function returns its text unchanged. */
export interface Style {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly info: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly strong: (text: string) => string;
  /** SGR sequences may be printed. */
  readonly hasColor: boolean;
}

/** SGR colours of the 16 that every terminal and theme has. */
export function createStyle(hasColor: boolean): Style {
  const sgr =
    (code: number) =>
    (text: string): string =>
      hasColor && text !== '' ? `\u001b[${code}m${text}\u001b[0m` : text;
  return {
    good: sgr(32),
    bad: sgr(31),
    warn: sgr(33),
    info: sgr(36),
    dim: sgr(2),
    strong: sgr(1),
    hasColor,
  };
}
