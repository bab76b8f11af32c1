import type { CommandSpec } from './command-spec.ts';
import { JSON_OPTION, PIPELINE_OPTIONS, YES } from './options.ts';

/** `pipewright watch`. */
export const WATCH: CommandSpec = {
  name: 'watch',
  usage: '<name|file> [--once] [--list] [--k=v …]',
  summary: 'Run a pipeline once for each case that arrives in a folder.',
  positionals: { min: 1, max: 1, what: 'one pipeline: its name or its file' },
  takesParameters: true,
  options: [
    {
      name: 'folder',
      type: 'value',
      value: 'DIR',
      help: 'Where cases arrive (default: cases.<pipeline>.folder of pipewright.yaml).',
    },
    { name: 'once', type: 'flag', help: 'End when every case that is there has been run.' },
    { name: 'list', type: 'flag', help: 'Only show the cases: state, run, time, reason.' },
    {
      name: 'max-parallel',
      type: 'int',
      value: 'N',
      help: 'Cases at the same time (default: as pipewright.yaml says, or 4).',
    },
    ...PIPELINE_OPTIONS.filter(({ name }) => name !== 'commits'),
    YES,
    { ...JSON_OPTION, help: 'One event per line; one document with --list.' },
  ],
  examples: [
    'pipewright watch remote-case',
    'pipewright watch remote-case --once --folder inbox',
    'pipewright watch remote-case --list',
  ],
};
