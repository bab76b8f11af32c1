import type { Result } from '../core/failure.ts';
import { ok } from '../core/failure.ts';
import { BUILDERS, unknownCommand } from './build-command.ts';
import type { Command, Common } from './command.ts';
import { LOG_LEVELS, OUTPUTS } from './command.ts';
import type { CommandSpec } from './command-spec.ts';
import { findCommand } from './command-table.ts';
import { GLOBAL_OPTIONS } from './options.ts';
import { scan, usageError } from './scan.ts';
import { given, last, type Scanned } from './scanned.ts';

/**
 * Command line (without node and script) to one typed command; DESIGN section 3.
 * Fails with `invalid`: one sentence and where to read more.
 */
export function parseCommand(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Result<Command> {
  const at = indexOfCommand(argv);
  if (at === -1) return parseWithoutCommand(argv, env);
  const name = argv[at] ?? '';
  const spec = findCommand(name);
  if (!spec) {
    const before = scan(argv.slice(0, at), undefined);
    return before.ok ? unknownCommand(name) : before;
  }
  const words = [...argv.slice(0, at), ...argv.slice(at + 1)];
  const scanned = scan(words, spec);
  if (!scanned.ok) return scanned;
  const common = commonOf(scanned.value, env);
  if (scanned.value.flags.has('help')) return ok(helpFor(spec, scanned.value, common));
  if (scanned.value.flags.has('version')) return ok({ ...common, name: 'version' });
  return build(spec, scanned.value, common);
}

function helpFor(spec: CommandSpec, { positionals }: Scanned, common: Common): Command {
  const target = spec.takesParameters ? positionals[0] : undefined;
  return { ...common, name: 'help', topic: spec.name, ...given(target, (name) => ({ target: name })) };
}

/** The first word that is neither an option nor the value of a global one. */
function indexOfCommand(argv: readonly string[]): number {
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? '';
    if (word === '--') return index + 1 < argv.length ? index + 1 : -1;
    if (!word.startsWith('-')) return index;
    const option = GLOBAL_OPTIONS.find((candidate) => `--${candidate.name}` === word);
    if (option && option.type !== 'flag') index++;
  }
  return -1;
}

function parseWithoutCommand(argv: readonly string[], env: NodeJS.ProcessEnv): Result<Command> {
  const scanned = scan(argv, undefined);
  if (!scanned.ok) return scanned;
  const common = commonOf(scanned.value, env);
  if (scanned.value.flags.has('help')) return ok({ ...common, name: 'help' });
  if (scanned.value.flags.has('version')) return ok({ ...common, name: 'version' });
  return ok({ ...common, name: 'home' });
}

function build(spec: CommandSpec, scanned: Scanned, common: Common): Result<Command> {
  const args = spec.verbs ? scanned.positionals.slice(1) : scanned.positionals;
  const verb = spec.verbs ? scanned.positionals[0] : undefined;
  if (spec.verbs && !spec.verbs.includes(verb ?? '')) {
    return usageError(`"${spec.name}" needs one of: ${spec.verbs.join(', ')}.`, spec);
  }
  const { min, max, what } = spec.positionals;
  if (args.length < min) return usageError(`"${spec.name}" needs ${what}.`, spec);
  if (args.length > max) {
    const hint = spec.takesParameters ? ' Parameters go after its name, or as --name=value.' : '';
    const extra = args.slice(max).join(' ');
    return usageError(`"${spec.name}" takes ${what}; "${extra}" is too much.${hint}`, spec);
  }
  return BUILDERS[spec.name]?.({ spec, scanned, common, args }) ?? unknownCommand(spec.name);
}

function commonOf(scanned: Scanned, env: NodeJS.ProcessEnv): Common {
  const output = OUTPUTS.find((known) => known === last(scanned, 'output')) ?? 'tui';
  return {
    output: scanned.flags.has('json') ? 'json' : output,
    logLevel: LOG_LEVELS.find((known) => known === last(scanned, 'log-level')) ?? 'warn',
    strict: scanned.flags.has('strict'),
    // https://no-color.org: set and not empty, whatever the value.
    noColor: scanned.flags.has('no-color') || (env['NO_COLOR'] ?? '') !== '',
    json: scanned.flags.has('json') || output === 'json',
    ...given(last(scanned, 'project'), (project) => ({ project })),
    ...given(last(scanned, 'state') ?? nonEmpty(env['PIPEWRIGHT_STATE']), (state) => ({ state })),
  };
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
