/** What a key does to a pane. Texts come from the user; rows count from 0 at the top of the pane. */
export type PaneAction =
  | { readonly type: 'scroll'; readonly rows: number }
  | { readonly type: 'page'; readonly pages: number }
  | { readonly type: 'home' }
  | { readonly type: 'end' }
  | { readonly type: 'line'; readonly line: number }
  | { readonly type: 'columns'; readonly cells: number }
  | { readonly type: 'follow'; readonly on?: boolean }
  | { readonly type: 'wrap'; readonly on?: boolean }
  | { readonly type: 'line-numbers'; readonly on?: boolean }
  | { readonly type: 'times'; readonly on?: boolean }
  | { readonly type: 'search'; readonly text: string }
  | { readonly type: 'next-match' }
  | { readonly type: 'previous-match' }
  | { readonly type: 'filter'; readonly text: string }
  | { readonly type: 'first-error' }
  | { readonly type: 'select'; readonly row: number; readonly extend?: boolean }
  | { readonly type: 'select-move'; readonly lines: number }
  | { readonly type: 'select-clear' }
  | { readonly type: 'copy'; readonly what: CopyWhat };

/** Whole lines: those on the screen, the selected ones, or those that match the filter, else the search. */
export type CopyWhat = 'visible' | 'selection' | 'matches';

export interface Copied {
  /** Clean text: no colours, no frame, no gutter, wrapped lines in one piece. */
  readonly text: string;
  readonly lines: number;
  /** There was more than `MAX_COPY_BYTES`. */
  readonly cut: boolean;
}

export interface MatchStatus {
  readonly text: string;
  /** Lines that match, counted so far. */
  readonly total: number;
  /** Whether the file was read to its end. */
  readonly complete: boolean;
}

export interface SearchStatus extends MatchStatus {
  /** Which of the matching lines is the current one, from 1; 0 when none is, or it is not counted yet. */
  readonly current: number;
  /** A jump waits for the scan to get there. */
  readonly pending: boolean;
}

export interface PaneStatus {
  readonly file: string;
  readonly live: boolean;
  /** `missing`: not there yet; `unreadable`: no regular file, or not ours to read. */
  readonly state: 'open' | 'missing' | 'unreadable';
  readonly sizeBytes: number;
  /** Lines counted so far; complete when `linesComplete`. Absent before the first. */
  readonly lines?: number;
  readonly linesComplete: boolean;
  /** Number of the line at the top, from 1; absent while not counted so far. */
  readonly top?: number;
  /** Where the top line starts in the file, 0 to 1. */
  readonly position: number;
  readonly atEnd: boolean;
  readonly follow: boolean;
  readonly wrap: boolean;
  readonly lineNumbers: boolean;
  readonly times: boolean;
  /** First column shown, from 0. */
  readonly column: number;
  readonly search?: SearchStatus;
  readonly filter?: MatchStatus;
  readonly firstError?: 'searching' | 'none' | 'found';
  readonly selectedLines: number;
  /** Lines on the screen that are longer than 64 KiB and therefore cut. */
  readonly cutLines: number;
}

/** `input`: a key asked for it, draw now; `growth`: the file grew; `progress`: a scan got further. */
export type ChangeCause = 'input' | 'growth' | 'progress';

export interface PaneChange {
  readonly paneId: string;
  readonly cause: ChangeCause;
}

export interface PaneSource {
  /** Path of the log; it may appear later, grow, be cut or replaced. */
  readonly file: string;
  /** Somebody writes it: starts at the end and follows. */
  readonly live: boolean;
}

export interface PaneSetOptions {
  /** Keep the colours of the logs, default true. Matches are marked by reverse video either way. */
  readonly color?: boolean;
  /** Milliseconds between two looks at a file that grows, default 33; one at rest is looked at less often. */
  readonly pollMs?: number;
  /** Milliseconds of work at a time for index and search, default 4. */
  readonly sliceMs?: number;
  /** Wall clock of the times gutter, milliseconds since 1970. */
  readonly now?: () => number;
}

export interface PaneSet {
  /** Opens or re-targets a pane; the same file again only changes `live`. */
  readonly open: (paneId: string, source: PaneSource) => void;
  readonly close: (paneId: string) => void;
  /** Whether colours of the logs are kept, from now on. */
  readonly setColor: (isKept: boolean) => void;
  /** Closes all panes, files and timers. */
  readonly closeAll: () => void;
  /** Returns what was copied, when something was. A pane that is not open ignores keys. */
  readonly key: (paneId: string, action: PaneAction) => Copied | undefined;
  readonly status: (paneId: string) => PaneStatus | undefined;
  /**
   * Exactly `height` rows of exactly `width` cells; colours only, switched off at the row's end.
   * The same array again while nothing changed.
   */
  readonly rows: (paneId: string, width: number, height: number) => readonly string[];
  /** Growth and progress are told at most every `pollMs`, keys at once. Returns the way out. */
  readonly onChange: (listener: (change: PaneChange) => void) => () => void;
  readonly copyText: (paneId: string, what: CopyWhat) => string;
}

/** Most text that one copy gives, bytes of UTF-8; far more than terminals take by OSC 52. */
export const MAX_COPY_BYTES = 1024 * 1024;
