import type { TextSource } from './backend.ts';
import type { PaneSet } from './panes/contract.ts';
import type { Theme } from './theme.ts';

/** What screens draw with, beside the state. */
export interface Drawing {
  readonly theme: Theme;
  readonly text: Pick<TextSource, 'failure'>;
  readonly panes: Pick<PaneSet, 'status'>;
  /** Rows of a log pane; blank ones where a compositor paints it beside Ink. */
  readonly paneRows: PaneSet['rows'];
  /** A cell that a compositor turns by itself; without one the frames of the state do. */
  readonly spinner?: string;
  /** Cells of a clock that a compositor moves by itself; without them it stands until the next frame. */
  readonly clock?: (sinceMs: number) => string;
}
