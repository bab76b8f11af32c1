import { unreachable } from '../../core/unreachable.ts';
import type { Copied, CopyWhat, PaneAction, PaneSource, PaneStatus } from './contract.ts';
import type { FileChange } from './log-file.ts';
import { LogModel, type Progress } from './log-model.ts';
import { copyLines } from './pane-copy.ts';
import { PaneView } from './pane-view.ts';

/** One log on the screen. */
export class Pane {
  readonly file: string;
  readonly #model: LogModel;
  readonly #view: PaneView;
  #live: boolean;

  constructor(
    { file, live }: PaneSource,
    options: { readonly keepColor: boolean; readonly now: () => number },
  ) {
    this.file = file;
    this.#live = live;
    this.#model = new LogModel(file, options.now);
    this.#view = new PaneView(this.#model, { keepColor: options.keepColor, follow: live });
  }

  get live(): boolean {
    return this.#live;
  }

  set live(isLive: boolean) {
    this.#live = isLive;
  }

  set keepColor(isKept: boolean) {
    this.#view.keepColor = isKept;
  }

  rows(width: number, height: number): readonly string[] {
    return this.#view.draw(width, height).rows;
  }

  look(): FileChange {
    const change = this.#model.look();
    if (change === 'reset') this.#view.reset();
    else if (change === 'grown') this.#view.touch();
    return change;
  }

  step(): Progress {
    const progress = this.#model.step();
    this.#view.touch();
    if (progress.jumpTo !== undefined) this.#reveal(progress.jumpTo);
    return progress;
  }

  close(): void {
    this.#model.file.close();
  }

  copy(what: CopyWhat): Copied {
    return copyLines(this.#model, this.#view, what);
  }

  act(action: PaneAction): Copied | undefined {
    switch (action.type) {
      case 'scroll':
        this.#view.scroll(action.rows, this.#live);
        break;
      case 'page':
        this.#page(action.pages);
        break;
      case 'home':
        this.#view.goTo(0);
        break;
      case 'end':
        this.#view.setFollow(true);
        break;
      case 'line':
        this.#view.goTo(this.#model.index.offsetOf(Math.max(0, action.line - 1)));
        break;
      case 'follow':
        this.#view.setFollow(action.on ?? !this.#view.follow);
        break;
      case 'copy':
        return this.copy(action.what);
      case 'select':
      case 'select-move':
      case 'select-clear':
        this.#select(action);
        break;
      case 'columns':
      case 'wrap':
      case 'line-numbers':
      case 'times':
        this.#layOut(action);
        break;
      case 'search':
      case 'next-match':
      case 'previous-match':
      case 'filter':
      case 'first-error':
        this.#find(action);
        break;
      default:
        unreachable(action);
    }
    return undefined;
  }

  status(): PaneStatus {
    const { file, index, searchStatus, filterStatus, firstError } = this.#model;
    const { start } = this.#view.top;
    const top = index.lineAt(start);
    const { column, ...options } = this.#view.options;
    return {
      file: this.file,
      live: this.#live,
      state: file.state,
      sizeBytes: file.sizeBytes,
      ...((index.lines > 0 || index.isComplete) && { lines: index.lines }),
      linesComplete: index.isComplete,
      ...(top !== undefined && file.sizeBytes > 0 && { top: top + 1 }),
      position: file.sizeBytes > 0 ? start / file.sizeBytes : 0,
      atEnd: this.#view.isAtEnd,
      follow: this.#view.follow,
      ...options,
      column,
      ...(searchStatus && { search: searchStatus }),
      ...(filterStatus && { filter: filterStatus }),
      ...(firstError && { firstError }),
      selectedLines: this.#selectedLines(),
      cutLines: this.#view.frame.cutLines,
    };
  }

  /** One row of the last page stays in sight. */
  #page(pages: number): void {
    this.#view.scroll(Math.round(pages * Math.max(1, this.#view.height - 1)), this.#live);
  }

  #layOut(action: PaneAction & { readonly type: 'columns' | 'wrap' | 'line-numbers' | 'times' }): void {
    const { options } = this.#view;
    switch (action.type) {
      case 'columns':
        this.#view.setOptions({ column: Math.max(0, options.column + action.cells) });
        break;
      case 'wrap':
        this.#view.setOptions({ wrap: action.on ?? !options.wrap });
        break;
      case 'line-numbers':
        this.#view.setOptions({ lineNumbers: action.on ?? !options.lineNumbers });
        break;
      case 'times':
        this.#view.setOptions({ times: action.on ?? !options.times });
        break;
      default:
        unreachable(action);
    }
  }

  #find(
    action: PaneAction & {
      readonly type: 'search' | 'next-match' | 'previous-match' | 'filter' | 'first-error';
    },
  ): void {
    const top = this.#view.top.start;
    switch (action.type) {
      case 'search':
        this.#model.setSearch(action.text);
        this.#reveal(this.#model.search?.jump('nearest', top));
        break;
      case 'next-match':
        this.#reveal(this.#model.search?.jump('next', top));
        break;
      case 'previous-match':
        this.#reveal(this.#model.search?.jump('previous', top));
        break;
      case 'filter':
        this.#model.setFilter(action.text);
        if (!this.#view.follow) this.#view.goTo(top);
        break;
      case 'first-error':
        // The line may not be among those that pass.
        if (this.#model.hasFilter) this.#model.setFilter('');
        this.#reveal(this.#model.jumpToFirstError());
        break;
      default:
        unreachable(action);
    }
    this.#view.touch();
  }

  #select(action: PaneAction & { readonly type: 'select' | 'select-move' | 'select-clear' }): void {
    if (action.type === 'select-clear') this.#view.select(undefined);
    else if (action.type === 'select-move') this.#view.moveSelection(action.lines);
    else {
      const ref = this.#view.frame.refs[action.row];
      if (!ref) return;
      const anchor = action.extend ? (this.#view.selection?.anchor ?? ref.start) : ref.start;
      this.#view.select({ anchor, active: ref.start });
    }
  }

  #selectedLines(): number {
    const { selection } = this.#view;
    if (!selection) return 0;
    const from = this.#model.index.lineAt(Math.min(selection.anchor, selection.active));
    const to = this.#model.index.lineAt(Math.max(selection.anchor, selection.active));
    return from === undefined || to === undefined ? 1 : to - from + 1;
  }

  #reveal(start: number | undefined): void {
    if (start === undefined) return;
    this.#view.reveal(start, (text) => this.#model.search?.ranges(text) ?? []);
    this.#view.touch();
  }
}
