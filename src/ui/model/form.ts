import type { ParameterDefinition } from '../../core/definition.ts';
import type { JsonValue } from '../../core/json.ts';
import type { GivenParameter } from '../../core/parameters.ts';
import type { Backend, OpenedPipeline, RunOrder } from '../backend.ts';
import { editedText, textOf } from '../edit.ts';
import type { FormField, FormState } from '../state.ts';

const KINDS = {
  string: 'text',
  path: 'path',
  int: 'number',
  list: 'list',
  bool: 'toggle',
  choice: 'choice',
} as const satisfies Record<ParameterDefinition['type'], FormField['kind']>;

/** A form for the parameters of a pipeline, filled with its defaults. */
export function createForm(target: string, opened: OpenedPipeline): FormState {
  const { definition, presets, warnings, environments, environment, lastValues } = opened;
  return {
    target,
    definition,
    presets,
    warnings,
    fields: [
      ...Object.entries(definition.params).map(([name, parameter]) => parameterField(name, parameter)),
      ...(environments.length > 0 ? [environmentField(environments, environment)] : []),
    ],
    at: 0,
    ...(lastValues && { lastValues }),
    problems: {},
    completions: [],
  };
}

function parameterField(name: string, parameter: ParameterDefinition): FormField {
  const initial =
    parameter.default === undefined ? (parameter.type === 'bool' ? 'false' : '') : asText(parameter.default);
  const choices = parameter.choices ?? [];
  return {
    name,
    source: 'parameter',
    kind: KINDS[parameter.type],
    ...(parameter.description !== undefined && { description: parameter.description }),
    isRequired: parameter.required && parameter.default === undefined,
    choices: initial === '' && !parameter.required ? ['', ...choices] : choices,
    text: editedText(initial),
    initial,
    wasTouched: false,
  };
}

function environmentField(environments: readonly string[], environment: string): FormField {
  return {
    name: 'environment',
    source: 'environment',
    kind: 'choice',
    description: 'Where it runs, as pipewright.yaml declares it.',
    isRequired: false,
    choices: [...new Set([environment, ...environments])],
    text: editedText(environment),
    initial: environment,
    wasTouched: false,
  };
}

/** A value as it would be typed. */
export function asText(value: JsonValue): string {
  if (Array.isArray(value)) return value.map((item) => asText(item)).join(',');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** What differs from the defaults: the only values that are given. */
function givenFields({ fields }: FormState): readonly (readonly [string, string])[] {
  return fields
    .filter((field) => field.source === 'parameter' && textOf(field.text) !== field.initial)
    .map((field) => [field.name, textOf(field.text)]);
}

/** For the check. */
export function givenOf(form: FormState): Readonly<Record<string, GivenParameter>> {
  return Object.fromEntries(givenFields(form));
}

export function orderOf(form: FormState): RunOrder {
  const environment = form.fields.find(({ source }) => source === 'environment');
  const chosen = environment && textOf(environment.text);
  return {
    target: form.target,
    values: givenFields(form).map(([name, value]) => ({ name, value })),
    ...(chosen !== undefined && chosen !== environment?.initial && { environment: chosen }),
    ...(form.commits && { commits: form.commits.text }),
  };
}

/** Options of `run`: a parameter of the same name is given with --set. */
const TAKEN: ReadonlySet<string> = new Set([
  'set',
  'commits',
  'env',
  'context',
  'skip',
  'only',
  'from',
  'yes',
  'json',
  'project',
  'state',
  'output',
  'log-level',
  'strict',
  'no-color',
  'help',
  'version',
]);

/** The command that does the same, to be copied. */
export function commandLine(form: FormState): string {
  const { values, environment, commits, target } = orderOf(form);
  const words = values.map(({ name, value = '' }) =>
    TAKEN.has(name) ? `--set ${quote(`${name}=${value}`)}` : `--${name}=${quote(value)}`,
  );
  return [
    'pipewright run',
    quote(target),
    ...words,
    ...(environment === undefined ? [] : [`--env ${quote(environment)}`]),
    ...(commits === undefined ? [] : [`--commits ${quote(commits)}`]),
  ].join(' ');
}

/** One word for a POSIX shell. */
function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The form with the values of the last run of the pipeline, where it had any. */
export function withLastValues(form: FormState): FormState {
  const { lastValues } = form;
  if (!lastValues) return form;
  return {
    ...form,
    problems: {},
    fields: form.fields.map((field) => {
      const value = field.source === 'parameter' ? lastValues[field.name] : undefined;
      return value === undefined ? field : { ...field, text: editedText(asText(value)), wasTouched: true };
    }),
  };
}

/** The beginning that all completions share. */
export function commonPrefix(texts: readonly string[]): string {
  const [first = '', ...rest] = texts;
  let length = first.length;
  for (const text of rest) {
    while (!text.startsWith(first.slice(0, length))) length -= 1;
  }
  return first.slice(0, length);
}

/** What is wrong with the fields now, by name. */
export function problemsIn(form: FormState, check: Backend['check']): Readonly<Record<string, string>> {
  const environment = form.fields.find(({ source }) => source === 'environment');
  const checked = check(form, givenOf(form), environment ? textOf(environment.text) : 'default');
  return Object.fromEntries(
    (checked.ok ? [] : checked.failure).map(({ name, message, hint }) => [
      name,
      // The hint of a missing value speaks of the command line.
      hint === undefined || hint.startsWith('Give it with') ? message : `${message} ${hint}`,
    ]),
  );
}
