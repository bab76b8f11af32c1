import type { PipelineDefinition } from '../core/definition.ts';
import type { JsonObject } from '../core/json.ts';
import type { RunSummary, StateIndex } from '../core/run-index.ts';
import type { RunState } from '../core/run-state.ts';
import type { StepProgress } from '../core/stream-report.ts';
import type { PipelineEntry, Preferences } from './backend.ts';
import type { ServiceReleases } from './model/releases.ts';
import type { ThemeName } from './theme.ts';
import type { CommitsState } from './commits-state.ts';

/** All that the screen shows. Plain objects; only commands and the tick change them. */
export interface ScreenState {
  readonly size: { readonly columns: number; readonly rows: number };
  /** Unix epoch, milliseconds, of the last tick: ages and running clocks are counted from it. */
  readonly nowMs: number;
  /** Counts ticks in which something moves; turns the spinner. */
  readonly frame: number;
  readonly project: string;
  readonly theme: ThemeName;
  /** The terminal tells us of clicks and the wheel; off, they are the terminal's own. */
  readonly hasMouse: boolean;
  readonly isChoosingTheme: boolean;
  readonly screen: ScreenName;
  readonly home: HomeState;
  readonly commits?: CommitsState | undefined;
  readonly form?: FormState | undefined;
  readonly run?: RunView | undefined;
  /** The run that this process drives, whether it is on the screen or not. */
  readonly driven?: DrivenState | undefined;
  readonly history: HistoryState;
  readonly releases: ReleasesState;
  /** Text in place of the screen's body. */
  readonly page?: Page | undefined;
  /** The command palette. */
  readonly palette?: { readonly text: string; readonly chosen: number } | undefined;
  /** One of many is being chosen by typing some of it. */
  readonly picker?: Picker | undefined;
  /** A line of text that is being typed at the bottom. */
  readonly line?: LineInput | undefined;
  /** Leaving was asked for while a run is active. */
  readonly isLeaving: boolean;
  readonly notice?: Notice | undefined;
  /** What is being waited for, shown until it has happened. */
  readonly busy?: string | undefined;
}

export type ScreenName = 'home' | 'commits' | 'form' | 'run' | 'history' | 'releases';

export interface Notice {
  readonly text: string;
  readonly tone: 'info' | 'good' | 'bad';
}

export interface HomeState {
  readonly isLoaded: boolean;
  readonly pipelines: readonly PipelineEntry[];
  readonly index?: StateIndex | undefined;
  /** Why the runs cannot be listed. */
  readonly problem?: string | undefined;
  readonly filter: string;
  /** Id of a row. */
  readonly chosen?: string | undefined;
}

export interface HistoryState {
  readonly runs: readonly RunSummary[];
  readonly isLoaded: boolean;
  readonly filter: string;
  /** Only runs with this status. */
  readonly status?: RunSummary['status'] | undefined;
  /** Only runs of this pipeline. */
  readonly pipeline?: string | undefined;
  /** Only runs of the last so many days; 1 is today. */
  readonly days?: number | undefined;
  /** Only what was rolled back, or can be: the runs for which an undo has something to do. */
  readonly undoable?: ReadonlySet<string> | undefined;
  readonly chosen?: string | undefined;
  /** Runs marked for comparison, at most two. */
  readonly marked: readonly string[];
}

/** What was deployed, with the chosen release. */
export interface ReleasesState {
  readonly services: readonly ServiceReleases[];
  readonly isLoaded: boolean;
  /** Id of a row. */
  readonly chosen?: string | undefined;
}

/** Lines that can be scrolled. */
export interface Page {
  readonly title: string;
  readonly lines: readonly string[];
  readonly top: number;
  /** Offered below: what `y` does. */
  readonly offer?: { readonly label: string; readonly accept: () => void };
}

export interface Picker {
  readonly title: string;
  readonly items: readonly string[];
  readonly text: string;
  readonly chosen: number;
}

export interface LineInput {
  readonly purpose: 'filter' | 'reason' | 'search' | 'grep';
  readonly label: string;
  readonly text: EditedText;
}

/** Text with a caret: characters (graphemes) before and after it. */
export interface EditedText {
  readonly before: string;
  readonly after: string;
}

export interface FormState {
  readonly target: string;
  readonly definition: PipelineDefinition;
  /** What environments give, by environment. */
  readonly presets: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly warnings: readonly string[];
  readonly fields: readonly FormField[];
  /** What the run is about, as --commits takes it. */
  readonly commits?: { readonly text: string; readonly count: number };
  /** Position of the field with the caret; one more is the start button. */
  readonly at: number;
  readonly lastValues?: JsonObject;
  /** By field name; shown once the field was left or a start was tried. */
  readonly problems: Readonly<Record<string, string>>;
  /** Completions of the path in the current field. */
  readonly completions: readonly string[];
}

export interface FormField {
  readonly name: string;
  /** `environment` is the run's, not a parameter. */
  readonly source: 'parameter' | 'environment';
  readonly kind: 'text' | 'path' | 'number' | 'list' | 'toggle' | 'choice';
  readonly description?: string;
  readonly isRequired: boolean;
  readonly choices: readonly string[];
  readonly text: EditedText;
  /** What counts when nothing is given. */
  readonly initial: string;
  readonly wasTouched: boolean;
}

/** A run on the screen: driven by us, watched, or read from its journal. */
export interface RunView {
  readonly runId?: string | undefined;
  readonly title: string;
  readonly state?: RunState | undefined;
  /** Another process runs it, and we look on. */
  readonly isWatched: boolean;
  /** Chosen node of the tree. */
  readonly chosen?: string | undefined;
  /** The choice moves with what runs. */
  readonly isFollowing: boolean;
  /** Nodes that a person opened or closed. */
  readonly folds: Readonly<Record<string, boolean>>;
  /** The last look at each stream stage, by stage: its steps with their bytes. */
  readonly streams: Readonly<Record<string, readonly StepProgress[]>>;
  readonly panes: readonly PaneView[];
  /** 0 is the tree, then the panes. */
  readonly focus: number;
  readonly isZoomed: boolean;
}

/** A run that is going on in this process. */
export interface DrivenState {
  /** Absent until its first event. */
  readonly runId?: string | undefined;
  readonly title: string;
  readonly state?: RunState | undefined;
  /** When this process took it up; Unix epoch, milliseconds. */
  readonly sinceMs: number;
  readonly question?: Question | undefined;
  /** It was told to stop. */
  readonly isStopping: boolean;
}

export interface PaneView {
  readonly id: string;
  /** Node whose log it keeps; without one it shows the chosen node's. */
  readonly pinned?: string | undefined;
}

/** What a run asks a person. */
export type Question =
  | {
      readonly type: 'confirm';
      readonly stage: string;
      readonly message: string;
      readonly details: readonly string[];
    }
  | { readonly type: 'interrupted'; readonly stage: string; readonly step: string; readonly detail: string };

export const EMPTY_TEXT: EditedText = { before: '', after: '' };

export function initialState(
  project: string,
  nowMs: number,
  { theme, hasMouse }: Preferences = { theme: 'default', hasMouse: true },
): ScreenState {
  return {
    size: { columns: 80, rows: 24 },
    nowMs,
    frame: 0,
    project,
    theme,
    hasMouse,
    isChoosingTheme: false,
    screen: 'home',
    home: { isLoaded: false, pipelines: [], filter: '' },
    history: { runs: [], isLoaded: false, filter: '', marked: [] },
    releases: { services: [], isLoaded: false },
    isLeaving: false,
  };
}

/** The run on the screen is the one that this process drives. */
export function isDrivenShown({ run, driven }: ScreenState): boolean {
  return run !== undefined && driven !== undefined && run.runId === driven.runId;
}

/** The question that the run on the screen asks. */
export function questionOf(state: ScreenState): Question | undefined {
  return isDrivenShown(state) ? state.driven?.question : undefined;
}
