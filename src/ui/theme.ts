export const THEME_NAMES = ['default', 'high-contrast', 'mono'] as const;
export type ThemeName = (typeof THEME_NAMES)[number];

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

/** SGR of good, bad, warn and info: those of the terminal's own 16 colours, which every terminal and theme has. */
const COLORS: Readonly<Record<ThemeName, readonly [number, number, number, number] | undefined>> = {
  default: [32, 31, 33, 36],
  'high-contrast': [92, 91, 93, 96],
  mono: undefined,
};

/**
 * Without colour (NO_COLOR, or `mono`) bold, dim and inverse stay: https://no-color.org speaks of colour only.
 * `high-contrast` has bright colours, also bold, and dims nothing.
 */
export function createTheme(name: ThemeName): Theme {
  const colors = COLORS[name];
  const isContrast = name === 'high-contrast';
  const color = (at: 0 | 1 | 2 | 3): Theme['good'] => {
    if (!colors) return same;
    return isContrast ? sgr(`1;${colors[at]}`, '22;39') : sgr(String(colors[at]), '39');
  };
  return {
    good: color(0),
    bad: color(1),
    warn: color(2),
    info: color(3),
    dim: isContrast ? same : sgr('2', '22'),
    strong: sgr('1', '22'),
    inverse: (text) => reversed(text.replaceAll(PAINT, '')),
    hasColor: colors !== undefined,
  };
}

function sgr(on: string, off: string): (text: string) => string {
  return (text) => (text === '' ? text : `\u001b[${on}m${text}\u001b[${off}m`);
}

// eslint-disable-next-line no-control-regex -- colours and dim: reversed they would be patches of their own
const PAINT = /\u001b\[(?:3\d|9[0-7]|2)m/g;
const reversed = sgr('7', '27');

function same(text: string): string {
  return text;
}

/** `rolled_back` as people write it. */
export function wordOf(status: string): string {
  return status.replaceAll('_', ' ');
}
