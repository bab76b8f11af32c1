/** The id that is chosen after moving `by` places; the ends hold. The first one when `chosen` is not there any more. */
export function move(ids: readonly string[], chosen: string | undefined, by: number): string | undefined {
  const at = chosen === undefined ? -1 : ids.indexOf(chosen);
  const next = at === -1 ? 0 : Math.min(ids.length - 1, Math.max(0, at + by));
  return ids[next];
}

/** `chosen` if it is still there, otherwise the first one. */
export function settle(ids: readonly string[], chosen: string | undefined): string | undefined {
  return chosen !== undefined && ids.includes(chosen) ? chosen : ids[0];
}

/** First row of a window of `height` rows over `count` rows in which row `at` is seen, and where it can, not at the edge. */
export function windowStart(count: number, at: number, height: number): number {
  const margin = Math.min(2, Math.floor((height - 1) / 2));
  const last = Math.max(0, count - height);
  return Math.min(last, Math.max(0, at - height + 1 + margin));
}

/** Whether all words of `filter` occur somewhere in `texts`; upper and lower case are the same. */
export function matches(filter: string, texts: readonly (string | undefined)[]): boolean {
  const all = texts.join('\n').toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

/** The items that what was typed leaves. */
export function pickerItems({
  items,
  text,
}: {
  readonly items: readonly string[];
  readonly text: string;
}): readonly string[] {
  return items.filter((item) => matches(text, [item]));
}
