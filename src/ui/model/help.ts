import type { Binding } from '../binding.ts';
import { labelOf } from '../keys.ts';
import { KEYMAP, type Mode, MODE_TITLES } from '../keymap.ts';
import { columns } from '../text.ts';
import type { Theme } from '../theme.ts';

const ORDER: readonly Mode[] = [
  'home',
  'commits',
  'diff',
  'form',
  'run',
  'pane',
  'question',
  'history',
  'releases',
  'page',
  'leaving',
];

/** The keymap as text: the keys of `mode` first, then those of the other screens. */
export function helpLines(mode: Mode, theme: Theme): readonly string[] {
  const others = ORDER.filter((other) => other !== mode);
  return [...sectionOf(mode, theme), ...others.flatMap((other) => ['', ...sectionOf(other, theme)])];
}

function sectionOf(mode: Mode, theme: Theme): readonly string[] {
  const rows = KEYMAP[mode].map(({ keys, description }) => [`  ${theme.info(keysOf(keys))}`, description]);
  return [theme.strong(MODE_TITLES[mode]), ...columns(rows)];
}

function keysOf(keys: Binding['keys']): string {
  return keys.map(labelOf).join(' ');
}
