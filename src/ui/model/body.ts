import type { Drawing } from '../drawing.ts';
import { bodyOf, type Rectangle, runLayout } from '../layout.ts';
import { pickerItems, settle } from '../list.ts';
import type { Picker, RunView, ScreenState } from '../state.ts';
import { oneLine, pad } from '../text.ts';
import { spinnerAt } from '../spinner.ts';
import type { Theme } from '../theme.ts';
import { commitRows, commitsLayout } from './commits.ts';
import { detailRows } from './diff.ts';
import { formRows } from './form-rows.ts';
import { historyRows, historyRuns } from './history.ts';
import { homeDetails, homeItems, homeRows, runDetails } from './home.ts';
import { pageRows } from './page.ts';
import { hasLog, paneRows } from './pane-rows.ts';
import { promptRows } from './prompt.ts';
import { chosenRelease, releaseRows } from './releases.ts';
import { beside, drawList, fill, type ListRow } from './rows.ts';
import { drawTree } from './run.ts';
import { treeOf } from './tree.ts';

/** Details stand beside a list from this width on. */
const WIDE = 120;

/** A list as it is drawn, with room for details beside it where its width is not that of the body. */
interface ShownList {
  readonly rows: readonly ListRow[];
  readonly chosen: string | undefined;
  readonly width: number;
}

export function homeList({ home, nowMs }: ScreenState, { theme }: Drawing, body: Rectangle): ShownList {
  const items = homeItems(home);
  const chosen = settle(
    items.map(({ id }) => id),
    home.chosen,
  );
  const width = listWidth(body.width);
  return { rows: homeRows(home, items, { width, nowMs, theme }), chosen, width };
}

export function homeBody(state: ScreenState, drawing: Drawing, body: Rectangle): readonly string[] {
  const { home, nowMs } = state;
  const { theme } = drawing;
  const list = homeList(state, drawing, body);
  const item = homeItems(home).find(({ id }) => id === list.chosen);
  return withDetails(list, body, theme, (width) => homeDetails(item, { width, nowMs, theme }));
}

function listWidth(width: number): number {
  return width < WIDE ? width : Math.floor(width * 0.6);
}

function withDetails(
  { rows, chosen, width }: ShownList,
  body: Rectangle,
  theme: Theme,
  detailsOf: (width: number) => readonly string[],
): readonly string[] {
  const list = drawList(rows, chosen, { width, height: body.height, theme });
  if (width === body.width) return list;
  const side = { width: body.width - width - 1, height: body.height };
  return beside(list, fill(detailsOf(side.width), side), theme);
}

export function historyList({ history, nowMs }: ScreenState, { theme }: Drawing, body: Rectangle): ShownList {
  const chosen = settle(
    historyRuns(history, nowMs).map(({ pipeline_id }) => pipeline_id),
    history.chosen,
  );
  const width = listWidth(body.width);
  return { rows: historyRows(history, { width, nowMs, theme }), chosen, width };
}

export function historyBody(state: ScreenState, drawing: Drawing, body: Rectangle): readonly string[] {
  const { history, nowMs } = state;
  const { theme } = drawing;
  const list = historyList(state, drawing, body);
  const run = historyRuns(history, nowMs).find(({ pipeline_id }) => pipeline_id === list.chosen);
  return withDetails(list, body, theme, (width) =>
    run
      ? [
          '',
          ` ${theme.strong(oneLine(run.pipeline))}`,
          '',
          ...runDetails(run, { width, nowMs, theme }).map((line) => ` ${line}`),
        ]
      : [],
  );
}

export function releasesList(state: ScreenState, { theme }: Drawing, { width }: Rectangle): ShownList {
  const rows = releaseRows(state, { nowMs: state.nowMs, theme });
  return { rows, chosen: chosenRelease(state)?.id, width };
}

export function releasesBody(state: ScreenState, drawing: Drawing, body: Rectangle): readonly string[] {
  const { rows, chosen } = releasesList(state, drawing, body);
  return drawList(rows, chosen, { ...body, theme: drawing.theme });
}

export function commitsBody(state: ScreenState, { theme }: Drawing, body: Rectangle): readonly string[] {
  const { commits, nowMs } = state;
  if (!commits) return [];
  const { list, details } = commitsLayout(body, commits.isZoomed);
  const rows = list.height > 0 ? commitRows(commits, list, { theme, nowMs }) : [];
  const parts = [
    { area: list, rows },
    { area: details, rows: detailRows(commits, details, theme) },
  ];
  return compose(body, parts, theme);
}

export function formBody(state: ScreenState, { theme }: Drawing, body: Rectangle): readonly string[] {
  return state.form ? formRows(state.form, { ...body, theme }) : [];
}

export function pageBody(state: ScreenState, { theme }: Drawing, body: Rectangle): readonly string[] {
  return state.page ? pageRows(state, { ...body, theme }) : [];
}

/** Where the contents of log panes lie on the screen, without their titles; none while something covers them. */
export function paneAreas(
  state: ScreenState,
  drawing: Drawing,
): readonly (Rectangle & { readonly paneId: string })[] {
  const { run, page, palette, screen } = state;
  if (screen !== 'run' || !run?.state || page || palette) return [];
  const body = bodyOf(state, promptRows(state, drawing).length);
  return layoutOf(run, body).panes.flatMap((area, at) => {
    const pane = run.panes[at];
    if (!pane || area.height < 2 || !hasLog(run, pane)) return [];
    return [{ paneId: pane.id, x: area.x, y: area.y + 1, width: area.width, height: area.height - 1 }];
  });
}

/** Where the parts of a run lie. */
export function layoutOf(run: RunView, body: Rectangle): ReturnType<typeof runLayout> {
  return runLayout(body, {
    paneCount: run.panes.length,
    ...(run.isZoomed && { zoomed: Math.max(0, run.focus - 1) }),
  });
}

export function runBody(state: ScreenState, drawing: Drawing, body: Rectangle): readonly string[] {
  const { run, nowMs, frame } = state;
  const { theme } = drawing;
  if (!run?.state) return fill([theme.dim('  beginning ...')], body);
  const { tree, panes } = layoutOf(run, body);
  const parts = panes.map((area, at) => ({ area, rows: paneRows(run, at, area, drawing) }));
  if (tree) {
    const nodes = treeOf(run);
    const { clock, spinner = spinnerAt(frame) } = drawing;
    const look = { theme, nowMs, spinner, isFocused: run.focus === 0, ...(clock && { clock }) };
    parts.unshift({
      area: tree,
      rows: drawTree(nodes, run.chosen, { ...look, width: tree.width, height: tree.height }),
    });
  }
  return compose(body, parts, theme);
}

/** Rectangles put together; columns that none covers become a line. */
function compose(
  body: Rectangle,
  parts: readonly { readonly area: Rectangle; readonly rows: readonly string[] }[],
  theme: Theme,
): readonly string[] {
  return Array.from({ length: body.height }, (_, row) => {
    const y = body.y + row;
    const here = parts
      .filter(({ area }) => area.width > 0 && y >= area.y && y < area.y + area.height)
      .toSorted((a, b) => a.area.x - b.area.x);
    let line = '';
    let x = body.x;
    for (const { area, rows } of here) {
      line += theme.dim('│').repeat(Math.max(0, area.x - x)) + (rows[y - area.y] ?? ' '.repeat(area.width));
      x = area.x + area.width;
    }
    return line;
  });
}

/** Something to choose by typing, over the body. */
function chooserBody(
  text: string,
  {
    items,
    chosen,
    empty,
    theme,
  }: {
    readonly items: readonly string[];
    readonly chosen: number;
    readonly empty: string;
    readonly theme: Theme;
  },
  body: Rectangle,
): readonly string[] {
  const rows = items.map((item, at) => ({ id: String(at), text: item }));
  return [
    pad(` ${text}${theme.inverse(' ')}`, body.width),
    ' '.repeat(body.width),
    ...drawList(rows.length > 0 ? rows : [{ text: theme.dim(empty) }], String(chosen), {
      width: body.width,
      height: body.height - 2,
      theme,
    }),
  ];
}

/** The palette over the body. */
export function paletteBody(
  { palette }: ScreenState,
  { theme }: Drawing,
  {
    body,
    entries,
  }: {
    readonly body: Rectangle;
    readonly entries: readonly { readonly key: string; readonly description: string }[];
  },
): readonly string[] {
  const items = entries.map(({ key, description }) => `${pad(key, 10)} ${description}`);
  const chosen = palette?.chosen ?? 0;
  const look = { items, chosen, empty: 'no command is called that', theme };
  return chooserBody(`${theme.strong(':')}${oneLine(palette?.text ?? '')}`, look, body);
}

export function pickerBody(picker: Picker, { theme }: Drawing, body: Rectangle): readonly string[] {
  const items = pickerItems(picker).map(oneLine);
  const look = { items, chosen: picker.chosen, empty: 'none is called that', theme };
  return chooserBody(`${theme.strong(`${picker.title}:`)} ${oneLine(picker.text)}`, look, body);
}
