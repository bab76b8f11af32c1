import type { Result } from '../core/failure.ts';
import { RUN_STATUSES } from '../core/definition.ts';
import { ok } from '../core/failure.ts';
import { HOOKS } from '../core/staged.ts';
import { buildQueue, buildWorker } from './build-queue-command.ts';
import type { Command, PipelineRequest, Shell } from './command.ts';
import { LOG_FORMATS, REPORT_FORMS, SHELLS } from './command.ts';
import type { CommandInput } from './command-input.ts';
import { COMMANDS, findCommand } from './command-table.ts';
import { didYouMean } from './did-you-mean.ts';
import { given, last, list, type Scanned } from './scanned.ts';
import { usageError } from './scan.ts';

const DEFAULT_PORT = 8420;
const LAST_PORT = 65_535;

/** One for each name in the command table: sorted words to a typed command. Fails with `invalid`. */
export const BUILDERS: Readonly<Record<string, (input: CommandInput) => Result<Command>>> = {
  run: (input) => {
    const request = pipelineRequest(input);
    return request.ok ? ok({ ...request.value, name: 'run', yes: input.scanned.flags.has('yes') }) : request;
  },
  plan: (input) => {
    const request = pipelineRequest(input);
    return request.ok ? ok({ ...request.value, name: 'plan' }) : request;
  },
  watch: buildWatch,
  why: ({ common, args }) =>
    ok({ ...common, name: 'why', run: first(args), ...given(args[1], (stage) => ({ stage })) }),
  runs: buildRuns,
  show: ({ common, args, scanned }) => {
    const form = REPORT_FORMS.find((known) => known === last(scanned, 'as'));
    return ok({ ...common, name: 'show', run: first(args), ...(form && { form }) });
  },
  logs: ({ common, args, scanned }) =>
    ok({
      ...common,
      name: 'logs',
      run: first(args),
      follow: scanned.flags.has('follow'),
      ...given(args[1], (stage) => ({ stage })),
      ...given(last(scanned, 'lines'), (text) => ({ lines: Number(text) })),
    }),
  continue: ({ common, args, scanned }) =>
    ok({ ...common, name: 'continue', yes: scanned.flags.has('yes'), ...given(args[0], (run) => ({ run })) }),
  rerun: buildRerun,
  approve: (input) => buildAnswer('approve', input),
  reject: (input) => buildAnswer('reject', input),
  cancel: ({ common, args }) => ok({ ...common, name: 'cancel', run: first(args) }),
  unlock: ({ common, args, scanned }) =>
    ok({
      ...common,
      name: 'unlock',
      ...given(args[0], (pipeline) => ({ pipeline })),
      ...environmentOf(scanned),
    }),
  validate: ({ common, args }) => ok({ ...common, name: 'validate', files: args }),
  schema: ({ common, args, spec }) => {
    const of = args[0] ?? 'pipeline';
    return of === 'pipeline' || of === 'project'
      ? ok({ ...common, name: 'schema', of })
      : usageError(`There is no schema "${of}".${didYouMean(of, ['pipeline', 'project'])}`, spec);
  },
  init: ({ common, scanned }) => ok({ ...common, name: 'init', dryRun: scanned.flags.has('dry-run') }),
  doctor: ({ common, scanned }) => ok({ ...common, name: 'doctor', notify: scanned.flags.has('notify') }),
  rollback: ({ common, args, scanned }) =>
    ok({
      ...common,
      name: 'rollback',
      services: args,
      list: scanned.flags.has('list'),
      yes: scanned.flags.has('yes'),
      ...environmentOf(scanned),
      ...given(last(scanned, 'to'), (to) => ({ to })),
    }),
  demo: buildDemo,
  audit: ({ common, args }) => ok({ ...common, name: 'audit', verb: 'verify', run: first(args) }),
  hook: buildHook,
  context: buildContext,
  serve: buildServe,
  worker: buildWorker,
  queue: buildQueue,
  transfer: ({ common, args, scanned }) =>
    ok({ ...common, name: 'transfer', from: first(args), to: args[1] ?? '', ...environmentOf(scanned) }),
  completion: ({ common, args, spec }) => {
    const shell = SHELLS.find((known): known is Shell => known === args[0]);
    return shell
      ? ok({ ...common, name: 'completion', shell })
      : usageError(`No completion for "${first(args)}": bash, zsh or fish.`, spec);
  },
  help: ({ common, args }) => {
    const topic = args[0];
    if (topic === undefined) return ok({ ...common, name: 'help' });
    return findCommand(topic) ? ok({ ...common, name: 'help', topic }) : unknownCommand(topic);
  },
};

function buildRuns({ common, scanned, spec }: CommandInput): Result<Command> {
  const statuses = list(scanned, 'status');
  const unknown = statuses.find((status) => !RUN_STATUSES.some((known) => known === status));
  if (unknown !== undefined) {
    const message = `--status is one of ${RUN_STATUSES.join(', ')}, not "${unknown}".`;
    return usageError(`${message}${didYouMean(unknown, RUN_STATUSES)}`, spec);
  }
  return ok({
    ...common,
    name: 'runs',
    stats: scanned.flags.has('stats'),
    limit: Number(last(scanned, 'limit') ?? 20),
    statuses,
    ...given(last(scanned, 'pipeline'), (pipeline) => ({ pipeline })),
  });
}

function buildWatch(input: CommandInput): Result<Command> {
  const { scanned, spec } = input;
  const parallel = last(scanned, 'max-parallel');
  if (parallel !== undefined && (Number(parallel) < 1 || Number(parallel) > 64)) {
    return usageError('--max-parallel is a number from 1 to 64.', spec);
  }
  const request = pipelineRequest(input);
  if (!request.ok) return request;
  return ok({
    ...request.value,
    name: 'watch',
    once: scanned.flags.has('once'),
    list: scanned.flags.has('list'),
    yes: scanned.flags.has('yes'),
    ...given(last(scanned, 'folder'), (folder) => ({ folder })),
    ...given(parallel, (text) => ({ maxParallel: Number(text) })),
  });
}

function buildServe({ common, scanned, spec }: CommandInput): Result<Command> {
  const port = Number(last(scanned, 'port') ?? DEFAULT_PORT);
  if (port > LAST_PORT) return usageError(`--port is at most ${LAST_PORT}.`, spec);
  const logFormat = LOG_FORMATS.find((known) => known === last(scanned, 'log-format')) ?? 'text';
  return ok({ ...common, name: 'serve', port, host: last(scanned, 'host') ?? '127.0.0.1', logFormat });
}

function buildContext({ common, args, scanned, spec }: CommandInput): Result<Command> {
  const verb = scanned.positionals[0] === 'test' ? 'test' : 'list';
  if (verb === 'list' && args.length > 0) return usageError('"context list" takes no argument.', spec);
  const context = given(args[0], (name) => ({ context: name }));
  return ok({ ...common, name: 'context', verb, ...context, ...environmentOf(scanned) });
}

function environmentOf(scanned: Scanned): { readonly env?: string } {
  return given(last(scanned, 'env'), (env) => ({ env })) ?? {};
}

function buildDemo({ common, scanned, spec }: CommandInput): Result<Command> {
  const { flags } = scanned;
  const dir = last(scanned, 'dir');
  if (flags.has('end') && dir === undefined) return usageError('"demo --end" needs --dir.', spec);
  return ok({
    ...common,
    name: 'demo',
    isBroken: flags.has('break'),
    keep: flags.has('keep'),
    end: flags.has('end'),
    ...given(dir, (folder) => ({ dir: folder })),
  });
}

function buildRerun({ common, args, scanned, spec }: CommandInput): Result<Command> {
  const { flags } = scanned;
  const stages = args.slice(1);
  const skip = list(scanned, 'skip');
  const isChosen = stages.length > 0 || skip.length > 0 || flags.has('failed');
  const isRollback = flags.has('rollback');
  if (isRollback && (isChosen || flags.has('downstream'))) {
    return usageError('"rerun --rollback" undoes the whole run: it takes no stages.', spec);
  }
  if (!isChosen && !isRollback) {
    return usageError('"rerun" needs at least one stage, --failed, --skip or --rollback.', spec);
  }
  return ok({
    ...common,
    name: 'rerun',
    run: first(args),
    stages,
    skip,
    downstream: flags.has('downstream'),
    failed: flags.has('failed'),
    rollback: isRollback,
    planOnly: flags.has('plan'),
    yes: flags.has('yes'),
  });
}

function buildHook({ common, args, scanned, spec }: CommandInput): Result<Command> {
  const verb = scanned.positionals[0];
  if (verb === 'run') {
    // What git gives a hook besides (the remote's name and address) is not needed.
    const hook = HOOKS.find((name) => name === args[0]);
    if (hook) return ok({ ...common, name: 'hook', verb, hook });
    return usageError(`"hook run" needs one of: ${HOOKS.join(', ')}.`, spec);
  }
  if (args.length > 0) return usageError(`"hook ${verb}" takes no argument; use --${args[0]}.`, spec);
  if (verb === 'uninstall') return ok({ ...common, name: 'hook', verb });
  const chosen = HOOKS.filter((name) => scanned.flags.has(name));
  return ok({ ...common, name: 'hook', verb: 'install', hooks: chosen.length > 0 ? chosen : HOOKS });
}

function buildAnswer(name: 'approve' | 'reject', { common, args, scanned }: CommandInput): Result<Command> {
  return ok({
    ...common,
    name,
    run: first(args),
    stage: args[1] ?? '',
    ...given(last(scanned, 'comment'), (comment) => ({ comment })),
  });
}

function pipelineRequest({ common, args, scanned, spec }: CommandInput): Result<PipelineRequest> {
  const executor = last(scanned, 'executor');
  const context = last(scanned, 'context') ?? executor;
  if (executor !== undefined && context !== executor) {
    return usageError(`--executor ${executor} and --context ${context} exclude each other.`, spec);
  }
  const set = (scanned.values.get('set') ?? []).map((pair) => {
    const equals = pair.indexOf('=');
    return { name: pair.slice(0, equals), value: pair.slice(equals + 1) };
  });
  return ok({
    ...common,
    target: first(args),
    parameters: [...set, ...scanned.parameters],
    selection: {
      skip: list(scanned, 'skip'),
      only: list(scanned, 'only'),
      ...given(last(scanned, 'from'), (from) => ({ from })),
    },
    ...given(last(scanned, 'commits'), (commits) => ({ commits })),
    ...environmentOf(scanned),
    ...(context !== undefined && { context }),
  });
}

/** Why there is no such command, and which one was meant. */
export function unknownCommand(name: string): Result<never> {
  const names = COMMANDS.map((command) => command.name);
  return usageError(`Unknown command "${name}".${didYouMean(name, names)}`, undefined);
}

function first(args: readonly string[]): string {
  return args[0] ?? '';
}
