import type { Commands } from './commands/index.ts';
import type { ScreenState } from './state.ts';

/** What one key does somewhere. Footer, help and palette are printed from these. */
export interface Binding {
  readonly keys: readonly string[];
  /** A word or two for the footer. */
  readonly label: string;
  /** A sentence for help and palette. */
  readonly description: string;
  /** Why it does nothing now; undefined when it does something. */
  readonly disabled?: (state: ScreenState) => string | undefined;
  /** Left out of the footer: known from everywhere, or rare. */
  readonly isQuiet?: boolean;
  readonly act: (commands: Commands) => void;
}
