import { undoOf } from '../../core/engine/undo.ts';
import type { RunState } from '../../core/run-state.ts';
import type { Drawing } from '../drawing.ts';
import { findBinding, KEYMAP, modeOf } from '../keymap.ts';
import { labelOf } from '../keys.ts';
import { questionOf, type EditedText, type Question, type ScreenState } from '../state.ts';
import { clip, foldLine, oneLine, pad, widthOf } from '../text.ts';
import { markOf, paintStatus } from '../../core/status-look.ts';
import { type Theme } from '../theme.ts';
import { failedStages } from './tree.ts';

/** The rows above the footer: what is asked, typed, waited for or said. At least one, so that nothing jumps. */
export function promptRows(state: ScreenState, drawing: Drawing): readonly string[] {
  const { columns } = state.size;
  return promptLines(state, drawing).map((line) => pad(` ${line}`, columns));
}

function promptLines(state: ScreenState, drawing: Drawing): readonly string[] {
  const { theme } = drawing;
  if (state.line) return [`${theme.strong(state.line.label)}${withCaret(state.line.text, theme)}`];
  if (state.isLeaving) return leavingLines(state, theme);
  const question = state.page ? undefined : questionOf(state);
  const lines = state.screen === 'run' && !state.page ? runLines(state, question, drawing) : [];
  const said = saidLine(state, theme);
  return lines.length > 0 ? [...(said === '' ? [] : [said]), ...lines] : [said];
}

function saidLine({ notice, busy, driven, screen }: ScreenState, theme: Theme): string {
  if (notice)
    return { info: theme.info, good: theme.good, bad: theme.bad }[notice.tone](oneLine(notice.text));
  if (busy !== undefined) return theme.dim(`${busy} …`);
  if (driven && screen !== 'run') {
    const what = driven.question ? theme.warn('asks you something') : theme.info('is running');
    return `${oneLine(driven.title)} ${what}${theme.dim('; a goes to it')}`;
  }
  return '';
}

/** Text with its caret as an inverse cell. */
export function withCaret({ before, after }: EditedText, theme: Theme): string {
  const [under = ' '] = after;
  return `${oneLine(before)}${theme.inverse(under)}${oneLine(after.slice(under.length))}`;
}

function leavingLines(state: ScreenState, theme: Theme): readonly string[] {
  const { driven } = state;
  return [
    theme.strong(theme.warn(`${oneLine(driven?.title ?? 'A run')} is active. Leave?`)),
    ...choices(
      KEYMAP.leaving.filter((binding) => !binding.isQuiet && binding.disabled?.(state) === undefined),
      theme,
    ),
  ];
}

function choices(
  bindings: readonly { readonly keys: readonly string[]; readonly label: string }[],
  theme: Theme,
): string[] {
  return [
    bindings
      .map(({ keys, label }) => `${theme.info(labelOf(keys[0] ?? ''))} ${label}`)
      .join(theme.dim('  ·  ')),
  ];
}

function runLines(state: ScreenState, question: Question | undefined, drawing: Drawing): readonly string[] {
  const { theme } = drawing;
  if (question) return questionLines(state, question, theme);
  const run = state.run?.state;
  if (!run || state.driven) return stoppingLines(state, theme);
  return restLines(state, run, drawing);
}

function stoppingLines({ driven }: ScreenState, theme: Theme): readonly string[] {
  return driven?.isStopping ? [theme.warn('ending what runs … ctrl-c again kills it')] : [];
}

function questionLines(state: ScreenState, question: Question, theme: Theme): readonly string[] {
  const width = state.size.columns - 2;
  const text =
    question.type === 'confirm'
      ? `? ${oneLine(question.stage)}: ${question.message}`
      : `? ${oneLine(question.stage)}: step "${oneLine(question.step)}" was interrupted: ${question.detail}`;
  const isTyped = (state.run?.focus ?? 0) > 0;
  const keys = isTyped
    ? [theme.dim('esc goes back to the tree, to answer')]
    : choices(
        KEYMAP.question
          .slice(0, 5)
          .filter((binding) => binding.disabled?.(state) === undefined)
          .map(({ keys: bound, label }) => ({
            keys: bound,
            label: question.type === 'interrupted' ? (INTERRUPTED[label] ?? label) : label,
          })),
        theme,
      );
  return [...fewLines(state, text, width).map((line) => theme.strong(theme.warn(line))), ...keys];
}

/** The same keys after a crash in the middle of a step. */
const INTERRUPTED: Readonly<Record<string, string>> = { yes: 'run it again', no: 'it failed' };

/** A text over as many lines as it needs, up to three where the screen has room; what is still too long ends in `…`. */
function fewLines({ size }: ScreenState, text: string, width: number): readonly string[] {
  const most = size.rows < ROOMY_ROWS ? 1 : 3;
  const lines = foldLine(text, width);
  if (lines.length <= most) return lines;
  return [...lines.slice(0, most - 1), clip(oneLine(lines.slice(most - 1).join('\n')), width)];
}

const ROOMY_ROWS = 20;

/** How a run came to rest, and what can be done now. */
function restLines(state: ScreenState, run: RunState, { theme, text }: Drawing): readonly string[] {
  const mark = paintStatus(run.status, markOf(run.status), theme);
  switch (run.status) {
    case 'failed': {
      const names = failedStages(run).map(oneLine);
      const failure = run.stages[failedStages(run)[0] ?? '']?.failure ?? run.failure;
      const what = failure ? text.failure(failure) : 'failed';
      const [first = '', ...more] = fewLines(
        state,
        `${names.join(', ') || 'the run'}: ${what}`,
        state.size.columns - 4,
      );
      return [
        `${mark} ${theme.bad(first)}`,
        ...more.map((line) => theme.bad(line)),
        ...choices(
          [
            key('r', 'retry'),
            key('s', 'skip it and go on'),
            ...(undoOf(run).ok ? [key('b', 'roll back')] : []),
            key('!', 'shell'),
            key('w', 'why'),
            key('q', 'leave'),
          ],
          theme,
        ),
      ];
    }
    case 'waiting':
      return [`${mark} ${theme.warn('waits for an answer')}: r asks again, q leaves it waiting`];
    case 'interrupted':
      return [
        `${mark} ${theme.warn(`interrupted: ${oneLine(run.interrupted_by ?? 'its process ended')}`)}; r takes it up, q leaves`,
      ];
    case 'success':
      return [`${mark} ${theme.good('success')}${theme.dim('; esc goes home, q leaves')}`];
    case 'warning':
      return [`${mark} ${theme.warn('done, with warnings')}${theme.dim('; esc goes home, q leaves')}`];
    case 'rolled_back':
      return [`${mark} ${theme.warn('failed, and what it had done was undone')}; r tries again, w says why`];
    case 'cancelled':
      return [`${mark} ${theme.bad('cancelled')}${theme.dim('; R runs a stage again, q leaves')}`];
    case 'running':
      return [];
    default:
      return run.status satisfies never;
  }
}

function key(name: string, label: string): { readonly keys: readonly string[]; readonly label: string } {
  return { keys: [name], label };
}

/** Nothing is known yet that keys could be about. */
function isFirstFrame({ screen, home, run, page }: ScreenState): boolean {
  return !page && ((screen === 'home' && !home.isLoaded) || (screen === 'run' && run?.state === undefined));
}

/** The keys that matter now, as many as fit. */
export function footerRow(state: ScreenState, theme: Theme): string {
  const { columns } = state.size;
  const overlay = overlayKeys(state);
  if (overlay !== undefined) return pad(` ${theme.dim(overlay)}`, columns);
  // Plain letters only: measuring the first others takes as long as drawing all of the first frame.
  // And the keys of leaving stand with its question.
  if (isFirstFrame(state) || modeOf(state) === 'leaving') return ' '.repeat(columns);
  return pad(keysRow(state, theme), columns);
}

/** What keys do in something that lies over the screen. */
function overlayKeys({ line, palette, picker, isChoosingTheme }: ScreenState): string | undefined {
  if (line) return 'enter accepts  ·  esc drops it';
  if (palette || picker) return 'type to search  ·  ↑ ↓ choose  ·  enter does it  ·  esc closes';
  return isChoosingTheme ? '↑ ↓ choose  ·  enter keeps it  ·  esc goes back' : undefined;
}

function keysRow(state: ScreenState, theme: Theme): string {
  const mode = modeOf(state);
  const help = ' ? help';
  const shown = KEYMAP[mode].filter(
    (binding) =>
      !binding.isQuiet &&
      !binding.keys.includes('?') &&
      findBinding(state, binding.keys[0] ?? '')?.binding === binding &&
      binding.disabled?.(state) === undefined,
  );
  let row = '';
  for (const { keys, label } of shown) {
    const next = `${row === '' ? ' ' : theme.dim(' · ')}${theme.info(labelOf(keys[0] ?? ''))} ${label}`;
    if (widthOf(row) + widthOf(next) > state.size.columns - help.length - 3) break;
    row += next;
  }
  const isHelped = KEYMAP[mode].some(({ keys }) => keys.includes('?')) && mode !== 'form';
  return isHelped ? `${row}${theme.dim(' · ')}${theme.info('?')} help` : row;
}
