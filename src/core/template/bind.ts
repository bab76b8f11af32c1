import { isObject } from '../json.ts';
import type { CommandTemplate, TemplateValue } from '../definition.ts';
import { failed, ok } from '../failure.ts';
import type { Result } from '../failure.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import { RAW_MARK } from './compile.ts';
import { closest } from '../closest.ts';
import { splitPlaces } from './places.ts';

/** Linux takes at most 128 KiB for one environment entry, name and end included (MAX_ARG_STRLEN). */
const MAX_ENTRY_BYTES = 131_072;

/** A command that can be given to a shell, and the variables that it reads. */
export interface BoundCommand {
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Fills a compiled command: values go into the environment, raw ones into the script.
 * Fails with `template-refused` for a name that is not there, a list or object that is no text, a NUL,
 * a value too long for the environment, or one that would be read as an option.
 */
export function bindCommand(template: CommandTemplate, variables: JsonObject): Result<BoundCommand> {
  const env: Record<string, string> = {};
  const raw = new Map<string, string>();
  for (const value of template.values) {
    const text = textOf(value, variables);
    if (!text.ok) return text;
    if (value.raw) raw.set(value.variable, text.value);
    else {
      const problem = problemOf(value, text.value);
      if (problem !== undefined) return refuse(value.path, problem);
      env[value.variable] = text.value;
    }
  }
  return ok({ script: paste(template.script, raw), env });
}

/** Fills an environment value or a folder. Fails like `bindCommand`, except for leading dashes. */
export function bindValue(template: CommandTemplate, variables: JsonObject): Result<string> {
  const texts = new Map<string, string>();
  for (const value of template.values) {
    const text = textOf(value, variables);
    if (!text.ok) return text;
    texts.set(value.variable, text.value);
  }
  const units = splitPlaces(template.text).units.map((unit) =>
    typeof unit === 'string' ? unit : (texts.get(unit.source) ?? ''),
  );
  return ok(units.join(''));
}

function paste(script: string, raw: ReadonlyMap<string, string>): string {
  if (raw.size === 0) return script;
  // Marks come in pairs, so every second part is the name of a value.
  return script
    .split(RAW_MARK)
    .map((part, index) => (index % 2 === 1 ? (raw.get(part) ?? '') : part))
    .join('');
}

function problemOf(value: TemplateValue, text: string): string | undefined {
  if (value.leads_word && text.startsWith('-')) {
    return `begins with "-" and would be read as an option; put -- before it or write --option={{.${value.path}}}`;
  }
  const bytes = value.variable.length + 2 + utf8Length(text);
  if (bytes > MAX_ENTRY_BYTES) {
    return `is ${utf8Length(text)} bytes long, more than the ${MAX_ENTRY_BYTES} that a command can be given; write it to a file and pass its name`;
  }
  return undefined;
}

/** Bytes of `text` in UTF-8. */
function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}

function textOf(value: TemplateValue, variables: JsonObject): Result<string> {
  const found = lookUp(value.path, variables);
  if (!found.ok) return found;
  const text = asText(found.value);
  if (text === undefined) {
    return refuse(
      value.path,
      `is ${kindOf(found.value)}; only text, numbers, true, false and lists of these can stand in a command`,
    );
  }
  if (text.includes('\0'))
    return refuse(value.path, 'contains a NUL character, which no command can receive');
  if (!text.isWellFormed()) return refuse(value.path, 'contains half of a character, which has no bytes');
  return ok(text);
}

function lookUp(path: string, variables: JsonObject): Result<JsonValue> {
  let current: JsonValue = variables;
  const done: string[] = [];
  for (const name of path.split('.')) {
    if (!isObject(current)) {
      return refuse(path, `is not there: ${done.join('.')} is ${kindOf(current)} and has no names in it`);
    }
    const next: JsonValue | undefined = Object.hasOwn(current, name) ? current[name] : undefined;
    if (next === undefined) return refuse(path, `is not there${suggestion(name, done, current)}`);
    done.push(name);
    current = next;
  }
  return ok(current);
}

function suggestion(name: string, done: readonly string[], object: JsonObject): string {
  const near = closest(name, Object.keys(object));
  if (near !== undefined) return `; did you mean {{.${[...done, near].join('.')}}}?`;
  const known = Object.keys(object).slice(0, 8).join(', ');
  return known === '' ? '' : `; ${done.length > 0 ? `${done.join('.')} has` : 'there are'} ${known}`;
}

/** A list is its lines. */
function asText(value: JsonValue): string | undefined {
  if (Array.isArray(value)) {
    const lines = value.map((item: JsonValue) => scalarText(item));
    return lines.every((line) => line !== undefined) ? lines.join('\n') : undefined;
  }
  return scalarText(value);
}

function scalarText(value: JsonValue): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

function kindOf(value: JsonValue): string {
  if (value === null) return 'empty (null)';
  if (Array.isArray(value)) return 'a list that holds more than text';
  return typeof value === 'object' ? 'a group of values' : `a ${typeof value}`;
}

function refuse(path: string, what: string): Result<never> {
  return failed({ reason: 'template-refused', detail: `{{.${path}}} ${what}.` });
}
