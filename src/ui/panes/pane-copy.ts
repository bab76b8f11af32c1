import { type Copied, type CopyWhat, MAX_COPY_BYTES } from './contract.ts';
import type { LineRef } from './lines.ts';
import type { LogModel } from './log-model.ts';
import { cutToBytes } from './osc52.ts';
import type { PaneView } from './pane-view.ts';
import { readText } from './read-line.ts';

const LINES_AT_A_TIME = 256;

/** Whole lines as clean text, each once, a line feed between them; at most `MAX_COPY_BYTES`. */
export function copyLines(model: LogModel, view: PaneView, what: CopyWhat): Copied {
  const parts: string[] = [];
  let bytes = 0;
  for (const ref of chosenLines(model, view, what)) {
    const text = readText(model.file, ref);
    const size = Buffer.byteLength(text) + 1;
    if (bytes + size > MAX_COPY_BYTES) {
      const fits = parts.length > 0 ? [] : [cutToBytes(text, MAX_COPY_BYTES)];
      return { text: [...parts, ...fits].join('\n'), lines: parts.length + fits.length, cut: true };
    }
    parts.push(text);
    bytes += size;
  }
  return { text: parts.join('\n'), lines: parts.length, cut: false };
}

function* chosenLines(model: LogModel, view: PaneView, what: CopyWhat): Generator<LineRef> {
  if (what === 'visible') yield* once(view.frame.refs);
  else if (what === 'matches') yield* allOf(model.matches);
  else if (view.selection) {
    const { anchor, active } = view.selection;
    const last = Math.max(anchor, active);
    for (const ref of allOf(model.lines, Math.min(anchor, active))) {
      if (ref.start > last) return;
      yield ref;
    }
  }
}

/** A wrapped line has several rows. */
function* once(refs: readonly LineRef[]): Generator<LineRef> {
  let last = -1;
  for (const ref of refs) {
    if (ref.start !== last) yield ref;
    last = ref.start;
  }
}

function* allOf(lines: LogModel['matches'], from = 0): Generator<LineRef> {
  let offset = from;
  for (;;) {
    const some = lines?.forward(offset, LINES_AT_A_TIME) ?? [];
    yield* some;
    const last = some.at(-1);
    if (!last || some.length < LINES_AT_A_TIME) return;
    offset = last.next;
  }
}
