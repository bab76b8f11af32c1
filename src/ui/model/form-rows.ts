import { textOf } from '../edit.ts';
import { windowStart } from '../list.ts';
import type { FormField, FormState } from '../state.ts';
import { clip, oneLine, pad, widthOf, wrap } from '../text.ts';
import type { Theme } from '../theme.ts';
import { asText, commandLine } from './form.ts';
import { withCaret } from './prompt.ts';
import { type Area, fill } from './rows.ts';

type Look = Area & { readonly theme: Theme };

/** The form: fields, the start button, the command that does the same. */
export function formRows(form: FormState, look: Look): readonly string[] {
  const { theme, width, height } = look;
  const head = headRows(form, look);
  const foot = footRows(form, look);
  const room = Math.max(3, height - head.length - foot.length);
  const labelWidth = Math.min(24, Math.max(8, ...form.fields.map(({ name }) => widthOf(oneLine(name)))) + 2);
  const blocks = form.fields.map((field, at) => fieldRows(form, field, { at, labelWidth, ...look }));
  const button = form.at === form.fields.length ? theme.inverse('❯ [ Start ] ') : '  [ Start ]';
  const rows = [...blocks.flat(), '', button];
  const lengths = blocks.map(({ length }) => length);
  const end =
    form.at < lengths.length
      ? lengths.slice(0, form.at + 1).reduce((sum, length) => sum + length, 0)
      : rows.length;
  const start = windowStart(rows.length, end - 1, room);
  return [
    ...fill(head, { width, height: head.length }),
    ...fill(rows.slice(start, start + room), { width, height: room }),
    ...fill(foot, { width, height: Math.max(0, height - head.length - room) }),
  ].slice(0, height);
}

function headRows({ definition, fields, warnings, commits }: FormState, { theme, width }: Look): string[] {
  const about =
    definition.description === undefined ? [] : wrap(oneLine(definition.description), width - 4).slice(0, 3);
  return [
    '',
    ...about.map((line) => `  ${theme.dim(line)}`),
    ...warnings.slice(0, 2).map((line) => `  ${theme.warn(clip(`! ${oneLine(line)}`, width - 4))}`),
    ...(commits
      ? [
          `  ${theme.info(`about ${commits.count} ${commits.count === 1 ? 'commit' : 'commits'}`)}${theme.dim('; esc chooses others')}`,
        ]
      : []),
    ...(fields.length === 0 ? [`  ${theme.dim('It takes no parameters.')}`] : []),
    '',
  ];
}

function footRows(form: FormState, { theme, width }: Look): string[] {
  const lines = wrap(commandLine(form), width - 6).slice(0, 4);
  return ['', `  ${theme.dim('the same on the command line:')}`, ...lines.map((line) => `    ${line}`)];
}

function fieldRows(
  form: FormState,
  field: FormField,
  { at, labelWidth, theme, width }: Look & { readonly at: number; readonly labelWidth: number },
): string[] {
  const isHere = form.at === at;
  const problem = form.problems[field.name];
  const mark = problem === undefined ? (isHere ? '❯' : ' ') : theme.bad('✗');
  const label = pad(`${oneLine(field.name)}${field.isRequired ? theme.warn(' *') : ''}`, labelWidth);
  const room = width - labelWidth - 4;
  const about =
    problem === undefined ? aboutRows(field, isHere, room).map(theme.dim) : [theme.bad(oneLine(problem))];
  const completions = isHere ? completionRows(form.completions, room).map(theme.dim) : [];
  const below = ' '.repeat(labelWidth + 2);
  return [
    `${mark} ${isHere ? theme.strong(label) : label}${valueText(field, isHere, theme)}${offerOf(form, field, isHere, theme)}`,
    ...[...about, ...completions].map((line) => `${below}${line}`),
  ];
}

/** The description, more of it where the caret is. */
function aboutRows({ description }: FormField, isHere: boolean, room: number): string[] {
  return description === undefined ? [] : wrap(oneLine(description), room).slice(0, isHere ? 3 : 1);
}

/** What the last run had there, where it is something else. */
function offerOf({ lastValues }: FormState, field: FormField, isHere: boolean, theme: Theme): string {
  const last = lastValues?.[field.name];
  if (!isHere || last === undefined || field.source !== 'parameter') return '';
  const text = asText(last);
  return text === '' || text === textOf(field.text) ? '' : theme.dim(`   last run: ${oneLine(text)}`);
}

function completionRows(completions: readonly string[], width: number): string[] {
  if (completions.length === 0) return [];
  const names = completions
    .slice(0, 12)
    .map(
      (path) => oneLine(path.replace(/\/$/, '').split('/').at(-1) ?? path) + (path.endsWith('/') ? '/' : ''),
    );
  const more = completions.length > 12 ? [`and ${completions.length - 12} more`] : [];
  return wrap([...names, ...more].join('  '), width).slice(0, 3);
}

function valueText(field: FormField, isHere: boolean, theme: Theme): string {
  const text = textOf(field.text);
  if (field.kind === 'toggle')
    return `${isHere ? theme.strong(text === 'true' ? '[x] yes' : '[ ] no') : text === 'true' ? '[x] yes' : '[ ] no'}${isHere ? theme.dim('  space changes it') : ''}`;
  if (field.kind === 'choice') return choiceText(field, text, isHere, theme);
  if (isHere) return withCaret(field.text, theme);
  return text === '' ? theme.dim(field.isRequired ? '(required)' : '(empty)') : oneLine(text);
}

function choiceText(field: FormField, text: string, isHere: boolean, theme: Theme): string {
  const shown = field.choices.map((choice) => {
    const name = choice === '' ? '(none)' : oneLine(choice);
    return choice === text ? theme.inverse(` ${name} `) : theme.dim(` ${name} `);
  });
  const chosen = text === '' ? '(none)' : oneLine(text);
  return isHere ? `${shown.join('')}${theme.dim('  ← → choose')}` : chosen;
}
