/** How a piece of text is meant. Each returns `text` with SGR around it; ends only what it began, so they nest. */
export interface Theme {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly info: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly strong: (text: string) => string;
  /** The chosen row, a title bar. Never a colour alone: it also works without colours. */
  readonly inverse: (text: string) => string;
  readonly hasColor: boolean;
}

/**
 * The 16 colours that every terminal and theme has. Without colour (NO_COLOR) bold, dim and inverse stay:
 * https://no-color.org speaks of colour only.
 */
export function createTheme(hasColor: boolean): Theme {
  const sgr =
    (on: number, off: number, isColor: boolean) =>
    (text: string): string =>
      text === '' || (isColor && !hasColor) ? text : `\u001b[${on}m${text}\u001b[${off}m`;
  return {
    good: sgr(32, 39, true),
    bad: sgr(31, 39, true),
    warn: sgr(33, 39, true),
    info: sgr(36, 39, true),
    dim: sgr(2, 22, false),
    strong: sgr(1, 22, false),
    inverse: sgr(7, 27, false),
    hasColor,
  };
}

const SPINNER = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';

/** One of the ten positions of a spinner. */
export function spinnerAt(frame: number): string {
  return SPINNER[frame % SPINNER.length] ?? '';
}

/** `rolled_back` as people write it. */
export function wordOf(status: string): string {
  return status.replaceAll('_', ' ');
}
