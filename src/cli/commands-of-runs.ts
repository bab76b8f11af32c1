import { type CommandSpec, NO_ARGUMENT, ONE_RUN, RUN } from './command-spec.ts';
import { REPORT_FORMS } from './command.ts';
import { JSON_OPTION, PIPELINE_OPTIONS, YES } from './options.ts';
import { WATCH } from './watch-spec.ts';

const PIPELINE = { min: 1, max: 1, what: 'one pipeline: its name or its file' };

/** Commands that start, show, continue and undo runs. */
export const COMMANDS_OF_RUNS: readonly CommandSpec[] = [
  {
    name: 'run',
    usage: '<name|file> [--set k=v …] [--k=v …]',
    summary: 'Run a pipeline.',
    positionals: PIPELINE,
    takesParameters: true,
    options: [...PIPELINE_OPTIONS, YES, { ...JSON_OPTION, help: 'The same as --output json.' }],
    examples: ['pipewright run release --env staging -y', 'pipewright run backup --source=/srv/data'],
  },
  {
    name: 'plan',
    usage: '<name|file> [--set k=v …] [--k=v …]',
    summary: 'Show what would run, what would be skipped and why; touch nothing.',
    positionals: PIPELINE,
    takesParameters: true,
    options: [...PIPELINE_OPTIONS, JSON_OPTION],
    examples: ['pipewright plan release --skip deploy'],
  },
  WATCH,
  {
    name: 'why',
    usage: '<run> [stage]',
    summary: 'Explain each decision of a run: rule, evidence and what would flip it.',
    positionals: { min: 1, max: 2, what: `${RUN}, and a stage` },
    options: [JSON_OPTION],
    examples: ['pipewright why last', 'pipewright why last deploy'],
  },
  {
    name: 'runs',
    usage: '',
    summary: 'List runs, newest first.',
    positionals: NO_ARGUMENT,
    options: [
      { name: 'stats', type: 'flag', help: 'Totals, success rate, averages and failures per stage.' },
      { name: 'limit', type: 'int', value: 'N', help: 'At most so many runs (default 20; 0: all).' },
      {
        name: 'status',
        type: 'list',
        value: 'STATUS',
        help: 'Only runs with one of these statuses.',
      },
      { name: 'pipeline', type: 'value', value: 'NAME', help: 'Only runs of this pipeline.' },
      JSON_OPTION,
    ],
    examples: ['pipewright runs --status failed', 'pipewright runs --stats --json'],
  },
  {
    name: 'show',
    usage: '<run>',
    summary: 'Show one run: stages, durations, attempts, CPU and memory.',
    positionals: ONE_RUN,
    options: [
      { name: 'as', type: 'choice', choices: REPORT_FORMS, help: 'The run as a report, on stdout.' },
      JSON_OPTION,
    ],
    examples: ['pipewright show last', 'pipewright show last --as html >run.html'],
  },
  {
    name: 'logs',
    usage: '<run> [stage]',
    summary: 'Print what the commands of a run printed.',
    positionals: { min: 1, max: 2, what: `${RUN}, and a stage` },
    options: [
      { name: 'follow', short: 'f', type: 'flag', help: 'Go on until the run ends.' },
      { name: 'lines', short: 'n', type: 'int', value: 'N', help: 'Only the last N lines of each log.' },
      JSON_OPTION,
    ],
    examples: ['pipewright logs last test', 'pipewright logs last -f'],
  },
  {
    name: 'continue',
    usage: '[run]',
    summary: 'Take a waiting, interrupted or failed run up where it stands.',
    positionals: { min: 0, max: 1, what: RUN },
    options: [YES, { ...JSON_OPTION, help: 'The same as --output json.' }],
    examples: ['pipewright continue', 'pipewright continue 20260206-1600 -y'],
  },
  {
    name: 'rerun',
    usage: '<run> [stage…] [--downstream|--failed|--skip STAGE …|--rollback]',
    summary: 'Run chosen stages of a run again: same run, new attempt; or undo what it did.',
    positionals: { min: 1, max: Number.POSITIVE_INFINITY, what: `${RUN}, and stages` },
    options: [
      { name: 'downstream', type: 'flag', help: 'Also every stage that needs them.' },
      {
        name: 'failed',
        type: 'flag',
        help: 'All that failed, was cancelled or interrupted, and what was skipped for it.',
      },
      {
        name: 'skip',
        type: 'list',
        value: 'STAGE …',
        help: 'Waive these: they end as skipped, and what needs them goes on.',
      },
      {
        name: 'rollback',
        type: 'flag',
        help: 'Undo what the failed run did, by the rollback: steps of its stages; exit 5.',
      },
      { name: 'plan', type: 'flag', help: 'Only show what would run.' },
      YES,
      { ...JSON_OPTION, help: 'The same as --output json.' },
    ],
    examples: [
      'pipewright rerun last test --downstream',
      'pipewright rerun last --failed --skip lint',
      'pipewright rerun last --rollback',
    ],
  },
  {
    name: 'approve',
    usage: '<run> <stage>',
    summary: 'Confirm a stage that waits for it.',
    positionals: { min: 2, max: 2, what: `${RUN}, and a stage` },
    options: [{ name: 'comment', type: 'value', value: 'TEXT', help: 'Kept with the answer.' }, JSON_OPTION],
    examples: ['pipewright approve last deploy --comment "checked on staging"'],
  },
  {
    name: 'reject',
    usage: '<run> <stage>',
    summary: 'Refuse a stage that waits for confirmation.',
    positionals: { min: 2, max: 2, what: `${RUN}, and a stage` },
    options: [{ name: 'comment', type: 'value', value: 'TEXT', help: 'Kept with the answer.' }, JSON_OPTION],
    examples: ['pipewright reject last deploy --comment "wrong branch"'],
  },
  {
    name: 'cancel',
    usage: '<run>',
    summary: 'Stop a run for good, with every process of it.',
    positionals: ONE_RUN,
    options: [JSON_OPTION],
    examples: ['pipewright cancel last'],
  },
  {
    name: 'unlock',
    usage: '[pipeline] [--env NAME]',
    summary: 'Open pipelines that too many failures in a row have locked.',
    positionals: { min: 0, max: 1, what: 'one pipeline' },
    options: [{ name: 'env', type: 'value', value: 'NAME', help: 'Only for this environment.' }, JSON_OPTION],
    examples: ['pipewright unlock', 'pipewright unlock release --env production'],
  },
  {
    name: 'rollback',
    usage: '[service…] [--to RUN] [--env NAME] [--list]',
    summary: 'Bring services back to the last release that served healthy, and watch them.',
    positionals: { min: 0, max: Number.POSITIVE_INFINITY, what: 'services' },
    options: [
      {
        name: 'env',
        type: 'value',
        value: 'NAME',
        help: 'Environment out of pipewright.yaml (default: default).',
      },
      { name: 'to', type: 'value', value: 'RUN', help: 'To what this run had deployed.' },
      { name: 'list', type: 'flag', help: 'Only show the releases: age, commit, verdict.' },
      YES,
      { ...JSON_OPTION, help: 'The same as --output json; one document with --list.' },
    ],
    examples: [
      'pipewright rollback --env production',
      'pipewright rollback api --to 20260206-1600 -y',
      'pipewright rollback --list',
    ],
  },
];
