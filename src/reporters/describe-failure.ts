import { oneLine } from '../core/terminal-text.ts';
import type { Failure } from '../core/failure.ts';
import { unreachable } from '../core/unreachable.ts';
import { formatBytes, formatDuration, formatTime } from './format.ts';

/** One sentence for people, without a full stop; the step is named where there is one. Safe for a terminal. */
export function describeFailure(failure: Failure): string {
  const step = 'step' in failure && failure.step !== undefined ? `step "${failure.step}" ` : '';
  return oneLine(`${step}${sentence(failure)}`);
}

/** What a command can do; the rest further down. */
function sentence(failure: Failure): string {
  switch (failure.reason) {
    case 'exit-non-zero':
      return `exited with code ${failure.exit_code}`;
    case 'command-not-found':
      return 'found no such command (exit code 127)';
    case 'command-not-executable':
      return 'may not execute its command (exit code 126)';
    case 'signal':
      return `was ended by ${failure.signal}`;
    case 'timed-out':
      return `took longer than ${formatDuration(failure.limit_ms)} (${TIMEOUT_OF[failure.scope]})`;
    case 'memory-limit':
      return `used more than its ${formatBytes(failure.limit_bytes)} of memory`;
    case 'interrupted':
      return `was interrupted: ${failure.detail}`;
    case 'executor-unreachable':
      return `${failure.executor} cannot be reached: ${failure.detail}`;
    case 'authentication':
      return `${failure.executor} refused us: ${failure.detail}`;
    case 'limit-unavailable':
      return `a limit cannot be kept here: ${failure.detail}`;
    case 'secret-unavailable':
      return `secret ${failure.name} is not available: ${failure.detail}`;
    default:
      return decisionSentence(failure);
  }
}

const TIMEOUT_OF = {
  step: 'timeout of the step',
  attempt: 'timeout of one attempt',
  total: 'total_timeout of all attempts',
} as const;

type CommandReason =
  | 'exit-non-zero'
  | 'command-not-found'
  | 'command-not-executable'
  | 'signal'
  | 'timed-out'
  | 'memory-limit'
  | 'interrupted'
  | 'executor-unreachable'
  | 'authentication'
  | 'limit-unavailable'
  | 'secret-unavailable';

function decisionSentence(rest: Exclude<Failure, { readonly reason: CommandReason }>): string {
  switch (rest.reason) {
    case 'cancelled':
      return `cancelled by ${rest.by}`;
    case 'rejected':
      return `rejected by ${rest.by}${rest.comment === undefined ? '' : `: ${rest.comment}`}`;
    case 'confirmation-expired':
      return `nobody confirmed it before ${formatTime(rest.expired_at)}, which counts as rejected`;
    case 'template-refused':
      return `a value was refused: ${rest.detail}`;
    case 'condition-invalid':
      return `the condition ${rest.expression} cannot be decided: ${rest.detail}`;
    case 'stage-failed':
      return `stage "${rest.stage}" failed${rest.cause ? `: ${describeFailure(rest.cause)}` : ''}`;
    case 'reported':
    case 'unexpected':
    case 'invalid':
      return rest.message;
    case 'rollback-failed':
      return `undoing "${rest.stage}" failed: ${describeFailure(rest.cause)}`;
    case 'state-unwritable':
      return `the state cannot be used: ${rest.path}: ${rest.detail}`;
    default:
      return stateSentence(rest);
  }
}

function stateSentence(
  failure: Extract<
    Failure,
    { readonly reason: 'journal-corrupt' | 'run-owned' | 'run-not-found' | 'locked' }
  >,
): string {
  switch (failure.reason) {
    case 'journal-corrupt':
      return `the journal is damaged: ${failure.file}, byte ${failure.byte}`;
    case 'run-owned':
      return `run ${failure.run_id} belongs to process ${failure.pid} on ${failure.host}, which is alive`;
    case 'run-not-found':
      return notOneRun(failure);
    case 'locked':
      return `${failure.pipeline} is locked for ${failure.environment}: ${failure.cause ?? `${failure.consecutive_failures} failures in a row`}, since ${formatTime(failure.since)}`;
    default:
      return unreachable(failure);
  }
}

function notOneRun({ query, candidates }: Extract<Failure, { readonly reason: 'run-not-found' }>): string {
  const named = candidates.slice(0, 5).join(', ');
  if (candidates.some((runId) => runId.startsWith(query))) {
    return `"${query}" is the beginning of more than one run: ${named}`;
  }
  return `there is no run "${query}"${named === '' ? '' : `; the newest are ${named}`}`;
}

/** What the person can do about it, or nothing. */
export function hintFor(failure: Failure): string | undefined {
  switch (failure.reason) {
    case 'invalid':
      return failure.hint;
    case 'locked':
      return `When the cause is gone: pipewright unlock ${failure.pipeline} --env ${failure.environment}`;
    case 'run-owned':
      return `pipewright logs ${failure.run_id} -f  watches it, pipewright cancel ${failure.run_id}  stops it`;
    case 'run-not-found':
      return 'pipewright runs  lists them';
    case 'journal-corrupt':
      return 'pipewright audit verify <run>  says how far it can be trusted';
    case 'state-unwritable':
      return 'Free space, or let this user read and write there, or choose another folder with --state; then pipewright continue';
    default:
      return undefined;
  }
}
