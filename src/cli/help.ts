import type { ParameterDefinition } from '../core/definition.ts';
import type { JsonValue } from '../core/json.ts';
import { sanitizeText } from '../core/terminal-text.ts';
import type { CommandSpec } from './command-spec.ts';
import { COMMANDS, findCommand } from './command-table.ts';
import { GLOBAL_OPTIONS, type OptionSpec } from './options.ts';

const EXIT_CODES = `Exit codes:
  0 success or warning (--strict: a warning is 1)    1 failed
  2 usage, pipeline or config invalid                3 waits for a confirmation
  4 locked, or the run is owned by a live process    5 rolled back
  129, 130, 143 stopped by SIGHUP, SIGINT, SIGTERM   141 stdout was closed`;

/** The text of `pipewright help [topic]`; `more` stands above the options of every command. */
export function helpText(topic?: string, more: readonly string[] = []): string {
  const spec = topic === undefined ? undefined : findCommand(topic);
  return spec ? commandHelp(spec, more) : overview();
}

/** What a pipeline is given, as options of the command that runs it. */
export function parameterHelp(
  pipeline: string,
  params: Readonly<Record<string, ParameterDefinition>>,
): readonly string[] {
  const options = Object.entries(params).map(([name, parameter]) => {
    const { type, description, choices } = parameter;
    const value = type === 'bool' ? undefined : (choices?.join('|') ?? type.toUpperCase());
    const help = [description, `(${parameterNotes(parameter)})`].filter(Boolean).join(' ');
    return optionLine({
      name,
      type: 'value',
      help: sanitizeText(help),
      ...(value !== undefined && { value }),
    });
  });
  const title = `Parameters of ${sanitizeText(pipeline)}:`;
  return options.length === 0 ? [`${sanitizeText(pipeline)} takes no parameters.`] : [title, ...options];
}

function parameterNotes({ type, required, default: value, min, max, pattern }: ParameterDefinition): string {
  const notes = [
    ...(type === 'list' ? ['given several times, or with commas'] : []),
    ...(min === undefined ? [] : [`at least ${min}`]),
    ...(max === undefined ? [] : [`at most ${max}`]),
    ...(pattern === undefined ? [] : [`matches ${pattern}`]),
    required ? 'required' : `default: ${value === undefined ? 'none' : defaultText(value)}`,
  ];
  return notes.join('; ');
}

function defaultText(value: JsonValue): string {
  return typeof value === 'string' && value !== '' ? value : JSON.stringify(value);
}

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  return [
    'Usage: pipewright [command] [options]',
    '',
    'Without a command: this project, its pipelines and its runs.',
    '',
    'Commands:',
    ...COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'Options of every command:',
    ...GLOBAL_OPTIONS.map(optionLine),
    '',
    EXIT_CODES,
    '',
    'pipewright <command> --help explains one of them.',
  ].join('\n');
}

function commandHelp(spec: CommandSpec, more: readonly string[]): string {
  const usage = ['pipewright', spec.name, spec.usage].filter((part) => part !== '').join(' ');
  return [
    `Usage: ${usage} [options]`,
    '',
    spec.summary,
    ...(more.length > 0 ? ['', ...more] : []),
    ...(spec.options.length > 0 ? ['', 'Options:', ...spec.options.map(optionLine)] : []),
    '',
    'Options of every command:',
    ...GLOBAL_OPTIONS.map(optionLine),
    '',
    'Examples:',
    ...spec.examples.map((example) => `  ${example}`),
  ].join('\n');
}

function optionLine(option: OptionSpec): string {
  const names = option.short ? `-${option.short}, --${option.name}` : `    --${option.name}`;
  const value = option.choices ? option.choices.join('|') : option.value;
  const left = value === undefined ? names : `${names} ${value}`;
  const gap = left.length > 30 ? `\n${' '.repeat(34)}` : ' '.repeat(32 - left.length);
  return `  ${left}${gap}${option.help}`;
}
