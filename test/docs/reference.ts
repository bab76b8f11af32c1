import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pipelineJsonSchema, projectJsonSchema } from '../../src/config/json-schema.ts';
import { RUN_STATUSES } from '../../src/core/definition.ts';
import { FAILURE_TRAITS } from '../../src/core/failure.ts';
import { KEYMAP, type Mode } from '../../src/ui/keymap.ts';
import type { StageKind } from '../../src/core/stage-kind.ts';
import { stageKinds } from '../../src/stages/index.ts';
import { cell, record, type Schema, schemaTables } from './schema-table.ts';
import { type Field, interfacesOf, type Shape, unionOf } from './type-text.ts';

export const ROOT = path.resolve(import.meta.dirname, '../..');

const MADE_BY = '<!-- Made by `npm run docs` from the sources. Do not edit. -->';

/** Every generated page: path below `docs/reference` to its text. */
export function referencePages(): ReadonlyMap<string, string> {
  const schema = pipelineJsonSchema(stageKinds);
  const definitions = record(schema['definitions']);
  const body = pipelineBody(schema);
  const params = record(record(body['properties'])['params']);
  const kinds = Object.values(stageKinds).toSorted((a, b) => (a.kind < b.kind ? -1 : 1));
  return new Map([
    ['pipeline.md', page('Pipeline: top-level keys', PIPELINE_ABOUT, pipelineTables(body))],
    ['params.md', page('Parameters', PARAMS_ABOUT, schemaTables(objectIn(params)))],
    ['stage.md', stagePage(record(definitions['stage']), kinds)],
    ['step.md', page('Steps of a shell stage', STEP_ABOUT, schemaTables(shellStep(definitions)))],
    ['project.md', page('pipewright.yaml', PROJECT_ABOUT, projectTables())],
    ...kinds.map((kind): [string, string] => [`kinds/${kind.kind}.md`, kindPage(kind, definitions)]),
    ['keys.md', keysPage()],
    ['events.md', eventsPage()],
    ['exit-codes.md', exitCodesPage()],
  ]);
}

const PIPELINE_ABOUT = `Files in \`pipelines/\` of the project. The same keys may stand under one key \`pipeline:\`. Keys that begin with
\`x-\` are yours: they are ignored, and a good place for YAML anchors. The [guide](../pipelines.md) explains them with examples.`;
const PARAMS_ABOUT = `What stands under \`params: {NAME: …}\` of a pipeline; \`NAME:\` alone is a required text. A value is given as
\`--NAME=VALUE\` or \`--set NAME=VALUE\`, and read as \`{{.NAME}}\` in commands and as \`params.NAME\` in conditions.
[How they become flags](../pipelines.md#parameters).`;
const STEP_ABOUT = `A step is a command for \`/bin/sh\`, alone or as a mapping with these keys. \`{{.name}}\` in a command is data:
[templates](../templates.md).`;
const PROJECT_ABOUT = `Settings of a project, in its folder. Without the file everything is at its default. Keys that begin with
\`x-\` are ignored. The [guide](../project.md) explains them with examples.`;

/** What an environment says over a section has the keys of that section: told once. */
function projectTables(): string {
  const schema = projectJsonSchema();
  const properties = record(schema['properties']);
  const environments = record(properties['environments']);
  const environment = find(environments, (inner) => 'require_confirmation' in record(inner['properties']));
  const keys = record(environment?.['properties']);
  const short = Object.entries(keys).map(([key, value]) => {
    const { description } = record(value);
    const isOverlay = Object.hasOwn(properties, key) && key !== 'project';
    return [key, isOverlay ? { type: 'object', description } : value];
  });
  const slim = {
    ...environments,
    additionalProperties: { ...environment, properties: Object.fromEntries(short) },
  };
  return schemaTables({ ...schema, properties: { ...properties, environments: slim } });
}

function page(title: string, about: string, tables: string): string {
  return `${MADE_BY}\n\n# ${title}\n\n${about}\n\n${tables}`;
}

function pipelineBody(schema: Schema): Schema {
  const { anyOf } = schema;
  return record(Array.isArray(anyOf) ? anyOf[0] : undefined);
}

function pipelineTables(body: Schema): string {
  const links = {
    params: 'mapping of names to [parameters](params.md)',
    stages: 'list of [stages](stage.md)',
    steps: 'list of [steps](step.md)',
    finally: 'list of [stages](stage.md)',
  };
  return schemaTables(body, { links });
}

function stagePage(stage: Schema, kinds: readonly StageKind[]): string {
  const links = {
    uses: 'name of a kind',
    needs: 'name, list of names, or [mapping of names to statuses](../pipelines.md#needs-and-skips)',
    if: '[condition](../pipelines.md#conditions), true or false',
    rollback: 'list of [steps](step.md)',
  };
  const about = `Keys that every stage has, whatever its kind. A bare number as a duration counts seconds.
What a kind adds: ${kinds.map(({ kind }) => `[${kind}](kinds/${kind}.md)`).join(' · ')} · [one of your own](../custom-kinds.md).
The [guide](../pipelines.md) explains them with examples.`;
  return page('Stages: common keys', about, schemaTables(stage, { links }));
}

/** The mapping among the ways to write a value. */
function objectIn(schema: Schema): Schema {
  const found = find(schema, (inner) => inner['properties'] !== undefined);
  if (!found) throw new Error('there is no mapping with keys in this schema');
  return found;
}

function find(schema: Schema, isIt: (schema: Schema) => boolean): Schema | undefined {
  if (isIt(schema)) return schema;
  const { anyOf, items, additionalProperties } = schema;
  const inner = [...(Array.isArray(anyOf) ? anyOf : []), items, additionalProperties].map(record);
  return inner
    .filter((candidate) => Object.keys(candidate).length > 0)
    .map((candidate) => find(candidate, isIt))
    .find((candidate) => candidate !== undefined);
}

function shellStep(definitions: Schema): Schema {
  const shell = record(definitions['kind-shell']);
  return objectIn(record(record(shell['properties'])['steps']));
}

function kindPage(kind: StageKind, definitions: Schema): string {
  const schema = record(definitions[`kind-${kind.kind}`]);
  const keys = Object.keys(record(schema['properties']));
  const links = kind.kind === 'shell' ? { steps: 'list of [steps](../step.md)' } : {};
  const facts = [
    `Beside the [common keys](../stage.md).`,
    ...(kind.kind === 'shell' ? ['`command: …` is short for steps with this one command.'] : []),
    ...(kind.alwaysConfirms === true ? ['It always asks, also without `require_confirmation`.'] : []),
    ...(kind.effects === 'remote'
      ? ['It acts elsewhere: `on_interrupt` is `ask` by default, and its result is never reused.']
      : []),
  ];
  const tables =
    keys.length === 0
      ? 'It has no keys of its own.\n'
      : schemaTables(rootless(schema), { links, definitions });
  return page(`Stage kind \`${kind.kind}\``, `${kind.summary} ${facts.join(' ')}`, tables);
}

/** The kind's own summary stands at the top already. */
function rootless(schema: Schema): Schema {
  const { description: _, ...rest } = schema;
  return rest;
}

function sourceOf(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8');
}

function eventsPage(): string {
  const source = sourceOf('src/core/events.ts');
  const shapes = interfacesOf(source);
  const byName = new Map(shapes.map((shape) => [shape.name, shape]));
  const [, members = ''] = /export type RunEvent =([^;]*);/.exec(source) ?? [];
  const events = [...members.matchAll(/\|\s*(\w+)/g)].flatMap(([, name = '']) => byName.get(name) ?? []);
  const isEvent = new Set(events.map(({ name }) => name));
  const objects = shapes.filter(({ name }) => !isEvent.has(name) && name !== 'EventBase');
  const base = byName.get('EventBase');
  const about = `Everything that happens to a run is one of these, in the past tense and never changed. \`--output json\` prints them, one
on each line, exactly as the [journal](../state.md#the-journal) keeps them. \`?\` marks a field that may be absent. Times are
ISO 8601 with zone, lengths of time milliseconds (\`_ms\`), amounts bytes.`;
  const parts = [
    `## In every event\n\n${fieldTable([typeField(), ...(base?.fields ?? [])])}`,
    ...events.map((event) => `## ${eventType(event)}\n\n${about1(event)}${fieldTable(ownFields(event))}`),
    ...objects.map((shape) => `## ${shape.name}\n\n${about1(shape)}${fieldTable(shape.fields)}`),
    `## Failure\n\nTold apart by \`reason\`: [all reasons and their fields](exit-codes.md#reasons).\n`,
  ];
  return page('Events', about, parts.join('\n'));
}

function typeField(): Field {
  return { name: 'type', optional: false, type: 'string', doc: 'One of the words below.' };
}

function about1({ doc }: Shape): string {
  return doc === '' ? '' : `${doc}\n\n`;
}

function eventType({ fields }: Shape): string {
  const type = fields.find(({ name }) => name === 'type')?.type ?? '';
  return type.replaceAll("'", '');
}

function ownFields({ fields }: Shape): readonly Field[] {
  return fields.filter(({ name }) => name !== 'type');
}

function fieldTable(fields: readonly Field[]): string {
  if (fields.length === 0) return 'No other fields.\n';
  const rows = fields.map(
    ({ name, optional, type, doc }) =>
      `| \`${name}\`${optional ? ' ?' : ''} | ${typeWords(type)} | ${cell(doc)} |`,
  );
  return `| field | type | meaning |\n|---|---|---|\n${rows.join('\n')}\n`;
}

/** TypeScript's types as a reader of JSON would say them. */
function typeWords(type: string): string {
  const shown = type
    .replace(/^Extract<\s*\w+,\s*([^>]*?),?\s*>$/, '$1')
    .replace(/^Exclude<RunStatus,\s*([^>]*)>$/, (_, left: string) => statusesBut(left))
    .replaceAll(/readonly (\w+)\[\]/g, 'list of $1')
    .replaceAll('readonly ', '')
    .replaceAll(/\bJsonObject\b/g, 'object')
    .replaceAll(/\bJsonValue\b/g, 'any value');
  const linked = shown.replaceAll(
    /\b(Decision|Evidence|Failure|Selection|Usage)\b/g,
    (name) => `[${name}](#${name.toLowerCase()})`,
  );
  const literals = linked.replaceAll(/'([^']*)'/g, '`$1`');
  return cell(literals).replace('PipelineDefinition', 'object: the pipeline with every default filled in');
}

function statusesBut(left: string): string {
  return RUN_STATUSES.filter((status) => !left.includes(`'${status}'`))
    .map((status) => `'${status}'`)
    .join(' | ');
}

const EXIT_CODES: readonly (readonly [string, string])[] = [
  ['0', 'The run ended as `success` or `warning`; for other commands: done.'],
  [
    '1',
    'Failed; with `--strict` also a `warning`. `validate`, `audit verify` and `doctor` say with it that something is not right.',
  ],
  [
    '2',
    'The command line, a pipeline, `pipewright.yaml` or a value is invalid; nothing was started, or nothing could have healed it.',
  ],
  ['3', 'The run waits for an answer that nobody here can give: `approve` or `reject`, then `continue`.'],
  ['4', 'Locked after too many failures in a row (`unlock`), or another living process has the run.'],
  ['5', 'Failed and rolled back.'],
  ['129', 'Stopped by SIGHUP, as a closed terminal sends it; `continue` goes on.'],
  ['130', 'Cancelled by Ctrl-C (SIGINT), or by `pipewright cancel`.'],
  ['141', 'stdout was closed, as `| head` does; `continue` goes on.'],
  ['143', 'Cancelled by SIGTERM.'],
];

function exitCodesPage(): string {
  const codes = EXIT_CODES.map(([code, meaning]) => `| ${code} | ${cell(meaning)} |`).join('\n');
  const traits: Readonly<Record<string, (typeof FAILURE_TRAITS)[keyof typeof FAILURE_TRAITS]>> =
    FAILURE_TRAITS;
  const rows = unionOf(sourceOf('src/core/failure.ts'), 'Failure').map(({ doc, fields }) => {
    const reason = (fields[0]?.type ?? '').replaceAll("'", '');
    const trait = traits[reason];
    if (!trait) throw new Error(`no traits for the failure "${reason}"`);
    const own = fields
      .filter(({ name }) => name !== 'reason')
      .map(({ name, optional }) => `\`${name}\`${optional ? '?' : ''}`);
    const retried = trait.retryable && trait.retryClass ? `\`${trait.retryClass}\`` : 'no';
    return `| \`${reason}\` | ${trait.exitCode} | ${retried} | ${cell(doc)} | ${own.join(', ')} |`;
  });
  const reasons = `## Reasons

Every failure in events and documents has a \`reason\`. *Tried again* is the word that \`retry.on\` uses for it; what says *no* is
never tried again, because another attempt cannot heal it.

| reason | exit code | tried again | meaning | other fields |
|---|---|---|---|---|
${rows.join('\n')}
`;
  return page('Exit codes', `| code | meaning |\n|---|---|\n${codes}`, reasons);
}

const MODES: Readonly<Record<Mode, string>> = {
  home: 'Home',
  commits: 'Commits',
  diff: 'The diff of a commit',
  form: 'The form',
  run: 'A run: its tree',
  pane: 'A run: a log',
  question: 'A question of a run',
  history: 'History',
  releases: 'Releases',
  page: 'Plan, why, help and other pages',
  leaving: 'Leaving while a run is active',
};

function keysPage(): string {
  const about = `Every key of [the screen](../screen.md). \`?\` shows those of the screen that you are on.`;
  const tables = Object.entries(KEYMAP).map(([mode, bindings]) => {
    const rows = bindings.map(({ keys, label, description }) => {
      const shown = keys.map((key) => `\`${cell(key)}\``).join(' ');
      return `| ${shown} | ${cell(label)} | ${cell(description)} |`;
    });
    const title = Object.entries(MODES).find(([name]) => name === mode)?.[1] ?? mode;
    return `## ${title}\n\n| keys | name | does |\n|---|---|---|\n${rows.join('\n')}\n`;
  });
  return page('Keys', about, tables.join('\n'));
}
