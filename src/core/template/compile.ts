import type { CommandTemplate, TemplateValue } from '../definition.ts';
import type { Result } from '../failure.ts';
import { unreachable } from '../unreachable.ts';
import { readShell } from './commands.ts';
import { leadingPlaces } from './leading.ts';
import { splitPlaces } from './places.ts';
import type { Place, SplitTemplate, TemplateProblem } from './places.ts';
import { applyRules } from './rules.ts';
import type { Spelling } from './shell-model.ts';

export type { TemplateProblem } from './places.ts';

/** Stands around the name of a raw value in a script; no shell text can hold it. */
export const RAW_MARK = '\0';

const NUL_PROBLEM = 'A command cannot contain a NUL character.';

/**
 * Compiles a command, so that a value can be no more than one shell word, or a part of one.
 * Fails with every problem in the text, in its order: places that are no names, and places where a value
 * could be read as code. Raw values are marked in the script; `bindCommand` pastes them.
 */
export function compileCommand(text: string): Result<CommandTemplate, readonly TemplateProblem[]> {
  const split = splitPlaces(text);
  const problems = [...split.problems, ...nulProblems(text)];
  if (problems.length > 0) return { ok: false, failure: problems };
  if (split.places.every((place) => place.raw)) {
    return { ok: true, value: assemble(text, split, new Map(), new Set()) };
  }
  const shell = readShell(split);
  applyRules(shell);
  problems.push(...shell.problems, ...shell.refused.values());
  if (problems.length > 0) return { ok: false, failure: inOrder(problems) };
  return { ok: true, value: assemble(text, split, shell.spellings, leadingPlaces(shell.commands)) };
}

/**
 * Compiles an environment value or a folder, which no shell reads: the text with its values, nothing else.
 * Fails like `compileCommand`; `raw` has no meaning there and is refused.
 */
export function compileValue(text: string): Result<CommandTemplate, readonly TemplateProblem[]> {
  const split = splitPlaces(text);
  const problems = [...split.problems, ...nulProblems(text)];
  for (const place of split.places.filter(({ raw }) => raw)) {
    problems.push({
      message: 'No shell reads this text, so there is nothing that `raw` could change.',
      offset: place.offset,
      hint: `Write {{.${place.path}}}.`,
    });
  }
  if (problems.length > 0) return { ok: false, failure: inOrder(problems) };
  const values = new Map<string, TemplateValue>();
  for (const { path, source } of split.places) {
    values.set(source, { variable: source, path, leads_word: false, raw: false });
  }
  return { ok: true, value: { text, script: text, values: [...values.values()] } };
}

function nulProblems(text: string): TemplateProblem[] {
  const offset = text.indexOf('\0');
  return offset === -1 ? [] : [{ message: NUL_PROBLEM, offset }];
}

function inOrder(problems: readonly TemplateProblem[]): readonly TemplateProblem[] {
  return problems.toSorted((a, b) => a.offset - b.offset);
}

function assemble(
  text: string,
  split: SplitTemplate,
  spellings: ReadonlyMap<number, Spelling>,
  leading: ReadonlySet<number>,
): CommandTemplate {
  const values = new Map<string, TemplateValue>();
  let script = '';
  for (const unit of split.units) {
    if (typeof unit === 'string') {
      script += unit;
      continue;
    }
    const spelling = spellings.get(unit.index) ?? 'raw';
    if (spelling === 'dropped') continue;
    const value = valueOf(values, unit, leading.has(unit.index));
    script += spell(spelling, value.variable);
  }
  return { text, script, values: [...values.values()] };
}

/** One variable for each name; it leads a word when any of its places does. */
function valueOf(values: Map<string, TemplateValue>, place: Place, leads: boolean): TemplateValue {
  const key = `${place.raw ? 'raw ' : ''}${place.path}`;
  const known = values.get(key);
  const variable = known?.variable ?? `PW_${place.raw ? 'RAW' : 'VALUE'}_${values.size + 1}`;
  const leadsWord = (known?.leads_word ?? false) || (leads && !place.raw);
  const value = { variable, path: place.path, leads_word: leadsWord, raw: place.raw };
  values.set(key, value);
  return value;
}

function spell(spelling: Exclude<Spelling, 'dropped'>, variable: string): string {
  switch (spelling) {
    case 'bare':
      return `"\${${variable}}"`;
    case 'double':
      return `\${${variable}}`;
    case 'single':
      return `'"\${${variable}}"'`;
    case 'raw':
      return `${RAW_MARK}${variable}${RAW_MARK}`;
    default:
      return unreachable(spelling);
  }
}
