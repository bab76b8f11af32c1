import type { CommandSpec, OptionSpec } from './command-table.ts';
import { COMMANDS, findCommand, GLOBAL_OPTIONS } from './command-table.ts';

const EXIT_CODES = `Exit codes:
  0 success or warning (--strict: a warning is 1)    1 failed
  2 usage, pipeline or config invalid                3 waits for a confirmation
  4 locked, or the run is owned by a live process    5 rolled back
  129, 130, 143 stopped by SIGHUP, SIGINT, SIGTERM   141 stdout was closed`;

/** The text of `pipewright help [topic]`. */
export function helpText(topic?: string): string {
  const spec = topic === undefined ? undefined : findCommand(topic);
  return spec ? commandHelp(spec) : overview();
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

function commandHelp(spec: CommandSpec): string {
  const usage = ['pipewright', spec.name, spec.usage].filter((part) => part !== '').join(' ');
  return [
    `Usage: ${usage} [options]`,
    '',
    spec.summary,
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
