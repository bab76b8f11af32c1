/** A JSON Schema node as zod prints it. */
export type Schema = Readonly<Record<string, unknown>>;

/** A mapping inside a key, shown as a table of its own. */
interface Section {
  readonly title: string;
  readonly schema: Schema;
}

interface TableOptions {
  /** Keys whose inside has a page of its own: key to the link that replaces its type. */
  readonly links?: Readonly<Record<string, string>>;
  /** What `$ref`s lead to, by name. */
  readonly definitions?: Schema;
}

/** The keys of an object schema as one table, and one more per mapping inside them. */
export function schemaTables(schema: Schema, options: TableOptions = {}): string {
  const sections: Section[] = [];
  const seen = new Set<string>();
  const inner = options.definitions ? { definitions: options.definitions } : {};
  const parts = [table(schema, '', options, sections)];
  for (let next = sections.shift(); next; next = sections.shift()) {
    // A schema that contains itself comes again and again.
    const shape = JSON.stringify(next.schema);
    if (seen.has(shape)) continue;
    seen.add(shape);
    const about = split(text(next.schema['description'])).meaning;
    parts.push(
      `## ${next.title}\n`,
      ...(about ? [`${about}\n`] : []),
      table(next.schema, next.title, inner, sections),
    );
  }
  return parts.join('\n');
}

function table(schema: Schema, prefix: string, options: TableOptions, sections: Section[]): string {
  const required = listOf(schema['required']);
  const rows = Object.entries(record(schema['properties'])).map(([key, value]) => {
    const property = resolved(record(value), options.definitions);
    const link = options.links?.[key];
    const title = prefix === '' ? key : `${prefix}.${key}`;
    if (link === undefined) sections.push(...sectionsIn(property, title, options.definitions));
    const { meaning, fallback } = split(text(property['description']));
    const byDefault = required.includes(key)
      ? '**required**'
      : cell(fallback ?? (text(property['default']) || ''));
    return `| \`${key}\` | ${link ?? cell(typeOf(property))} | ${byDefault} | ${cell(meaning)} |`;
  });
  return `| key | type | default | meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}

/** `Tries in all. Default: 1.` is a meaning and a default. */
function split(description: string): { readonly meaning: string; readonly fallback?: string } {
  const at = description.lastIndexOf('Default: ');
  if (at < 0) return { meaning: description };
  const fallback = description.slice(at + 'Default: '.length).replace(/\.$/, '');
  return { meaning: description.slice(0, at).trim(), fallback };
}

/** Mappings with keys of their own, wherever they stand in a value. */
function sectionsIn(written: Schema, title: string, definitions: Schema | undefined): readonly Section[] {
  const schema = resolved(written, definitions);
  if (schema['properties']) return [{ title, schema }];
  return [
    ...alternatives(schema).flatMap((inner) => sectionsIn(inner, title, definitions)),
    ...(schema['items'] ? sectionsIn(record(schema['items']), `${title}[]`, definitions) : []),
    ...(schema['additionalProperties']
      ? sectionsIn(record(schema['additionalProperties']), `${title}.NAME`, definitions)
      : []),
  ];
}

/** What a `$ref` leads to; its own description goes over the one there. */
function resolved(schema: Schema, definitions: Schema | undefined): Schema {
  const { $ref: reference, ...own } = schema;
  if (typeof reference !== 'string') return schema;
  return { ...record(definitions?.[reference.replace('#/definitions/', '')]), ...own };
}

function alternatives(schema: Schema): readonly Schema[] {
  return [...listOf(schema['anyOf']), ...listOf(schema['oneOf'])].map(record);
}

/** In words: `duration`, `true or false`, `list of text`. */
export function typeOf(schema: Schema): string {
  const unit = unitOf(schema);
  if (unit !== undefined) return unit;
  if ('$ref' in schema) return 'mapping';
  if ('const' in schema) return `\`${String(schema['const'])}\``;
  const choices = listOf(schema['enum']);
  if (choices.length > 0) return choices.map((choice) => `\`${String(choice)}\``).join(', ');
  const several = alternatives(schema);
  if (several.length > 0) return [...new Set(several.map(typeOf))].join(' or ');
  const { type } = schema;
  return Array.isArray(type)
    ? type.map((name) => WORDS[String(name)]).join(' or ')
    : ofType(schema, text(type));
}

function ofType(schema: Schema, type: string): string {
  if (type === 'array') return `list of ${typeOf(record(schema['items']))}`;
  if (type !== 'object' || schema['properties']) return WORDS[type] ?? 'anything';
  const values = record(schema['additionalProperties']);
  return Object.keys(values).length === 0 ? 'mapping' : `mapping of names to ${typeOf(values)}`;
}

const WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'number',
  integer: 'whole number',
  boolean: 'true or false',
  null: 'nothing',
  object: 'mapping',
  array: 'list',
};

/** What zod's input schema has lost: a number or a text that is a length of time, or an amount of bytes. */
function unitOf(schema: Schema): string | undefined {
  const { type, description } = schema;
  if (!Array.isArray(type) || !type.includes('number') || type.includes('boolean')) return undefined;
  if (/\b\d+(?:ms|s|m|h|d)\b/.test(text(description))) return 'duration';
  return /\b\d+(?:MB|[KMG]iB)\b/.test(text(description)) ? 'size' : undefined;
}

export function record(value: unknown): Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : '';
}

/** One line, and no column separator of its own. */
export function cell(words: string): string {
  return words.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|').replaceAll('<', '&lt;').trim();
}
