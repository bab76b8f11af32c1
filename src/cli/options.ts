import { LOG_LEVELS, OUTPUTS } from './command.ts';

/** One option of one command: parser, help, completion and the pages in docs/ follow from it. */
export interface OptionSpec {
  /** Without the dashes. */
  readonly name: string;
  readonly short?: string;
  /** `flag` takes no value; `list` may be repeated and takes commas; `pairs` takes `k=v`. */
  readonly type: 'flag' | 'value' | 'list' | 'pairs' | 'int' | 'choice';
  /** Placeholder in help. */
  readonly value?: string;
  readonly choices?: readonly string[];
  readonly help: string;
}

/** Of every command that prints facts, and of `pipewright` alone. */
export const JSON_OPTION: OptionSpec = { name: 'json', type: 'flag', help: 'One JSON document on stdout.' };
/** Of the commands that ask. */
export const YES: OptionSpec = {
  name: 'yes',
  short: 'y',
  type: 'flag',
  help: 'Answer every confirmation with yes.',
};

/** Of every command. */
export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'project',
    type: 'value',
    value: 'DIR',
    help: 'Project folder (default: nearest one with pipewright.yaml or .git).',
  },
  {
    name: 'state',
    type: 'value',
    value: 'DIR',
    help: 'State folder (default: <project>/state; also PIPEWRIGHT_STATE).',
  },
  {
    name: 'output',
    type: 'choice',
    choices: OUTPUTS,
    help: 'How a run is shown (default: tui on a terminal, otherwise plain).',
  },
  {
    name: 'log-level',
    type: 'choice',
    choices: LOG_LEVELS,
    help: 'What is said on stderr (default: warn).',
  },
  { name: 'strict', type: 'flag', help: 'A run that ends with a warning exits with 1.' },
  { name: 'no-color', type: 'flag', help: 'No colours (also NO_COLOR).' },
  { name: 'help', short: 'h', type: 'flag', help: 'Explain the command.' },
  { name: 'version', short: 'V', type: 'flag', help: 'Print the version.' },
];

/** Of the commands that take a pipeline. */
export const PIPELINE_OPTIONS: readonly OptionSpec[] = [
  { name: 'set', type: 'pairs', value: 'K=V …', help: 'Parameters of the pipeline; or --k=v for each.' },
  {
    name: 'commits',
    short: 'c',
    type: 'value',
    value: 'A..B|SHA,SHA|last:N',
    help: 'Commits that the pipeline is about.',
  },
  {
    name: 'env',
    type: 'value',
    value: 'NAME',
    help: 'Environment out of pipewright.yaml (default: default).',
  },
  {
    name: 'context',
    type: 'value',
    value: 'NAME',
    help: 'Where commands run unless a stage says otherwise.',
  },
  {
    name: 'executor',
    type: 'choice',
    choices: ['local', 'queue'],
    help: 'queue: workers carry out the commands; as --context queue (default: local).',
  },
  { name: 'skip', type: 'list', value: 'STAGE …', help: 'Leave these stages out.' },
  { name: 'only', type: 'list', value: 'STAGE …', help: 'Run only these stages.' },
  { name: 'from', type: 'value', value: 'STAGE', help: 'Start at this stage.' },
];

/** Of commands that use contexts outside of a run. */
export const ENVIRONMENT: OptionSpec = {
  name: 'env',
  type: 'value',
  value: 'NAME',
  help: 'Contexts as this environment of pipewright.yaml has them.',
};
