import type {
  ConfirmationAnswered,
  ConfirmationRequested,
  RollbackStarted,
  RunCreated,
  RunEvent,
  StageFinished,
  StepStarted,
} from '../core/events.ts';
import type { RunState } from '../core/run-state.ts';
import { sanitizeText } from '../core/terminal-text.ts';
import { unreachable } from '../core/unreachable.ts';
import { describeFailure } from './describe-failure.ts';
import { markOf, paintStatus } from '../core/status-look.ts';
import { attemptText, formatDuration, formatTime } from './format.ts';
import type { Style } from './style.ts';

/** What is said about one event as it happens; nothing about those that only matter later. */
export function eventLines(event: RunEvent, state: RunState, style: Style): string[] {
  switch (event.type) {
    case 'run.created':
      return [createdLine(event, style)];
    case 'run.resumed':
      return [`${style.strong(`run ${event.run_id}`)}  ${state.created?.pipeline ?? ''} goes on`];
    case 'run.waiting':
    case 'run.interrupted':
    case 'run.finished':
      return [''];
    case 'cancel.requested':
      return [style.warn(`cancelled by ${event.by}; ending what runs`)];
    case 'stage.decided':
      return [];
    case 'stage.started':
      return [
        `${place(state, event.stage, style)}  ${style.info('running')}${inBrackets(attemptText(state.stages[event.stage]))}`,
      ];
    case 'stage.placed':
      return [`${place(state, event.stage, style)}  on ${event.context}`];
    case 'stage.retried':
      return [
        `${place(state, event.stage, style)}  ${style.warn(`${attemptText(state.stages[event.stage])} failed`)}: ` +
          `${describeFailure(event.failure)}; again in ${formatDuration(event.delay_ms)}`,
      ];
    case 'stage.finished':
      return finishedLines(event, state, style);
    case 'stage.reset':
      return [`${place(state, event.stage, style)}  open again: ${sanitizeText(event.reason)}`];
    case 'step.started':
      return [commandLine(event, style)];
    case 'step.finished':
      return event.adopted ? [`${event.stage}: step "${event.step}" had ended while nobody watched`] : [];
    case 'confirmation.requested':
      return requestedLines(event, state, style);
    case 'confirmation.answered':
      return [answeredLine(event, state, style)];
    case 'rollback.started':
      return [style.warn(`undoing ${event.stages.join(', ')} ${sanitizeText(whyUndone(event))}`)];
    case 'rollback.finished':
      return [
        event.failure
          ? style.bad(`${event.stage}: undoing failed: ${describeFailure(event.failure)}`)
          : `${event.stage}: undone in ${formatDuration(event.duration_ms)}`,
      ];
    case 'interruption.answered':
      return [`${event.stage}: ${event.by} decided: ${event.answer}`];
    case 'leftovers.stopped':
      return [style.dim(`ended ${event.count} left-over process(es): ${leftovers(event.commands)}`)];
    default:
      return unreachable(event);
  }
}

function whyUndone({ cause, by }: RollbackStarted): string {
  return by === undefined ? `because ${cause} failed` : `as ${by} asked`;
}

function createdLine(event: RunCreated, style: Style): string {
  const facts = [`environment ${event.environment}`, `plan ${event.plan_hash.slice(0, 12)}`];
  if (event.commits.length > 0) facts.push(`${event.commits.length} commit(s)`);
  return `${style.strong(`run ${event.run_id}`)}  ${event.pipeline}  ${style.dim(`(${facts.join(', ')})`)}`;
}

/** `[2/3] unit`. */
function place(state: RunState, stage: string, style: Style): string {
  const names = Object.keys(state.stages);
  const index = names.indexOf(stage) + 1;
  return `${style.dim(`[${String(index).padStart(String(names.length).length)}/${names.length}]`)} ${style.strong(stage)}`;
}

function inBrackets(text: string): string {
  return text === '' ? '' : ` (${text})`;
}

function commandLine(event: StepStarted, style: Style): string {
  const prefix = event.total > 1 ? `${event.stage}.${event.step}` : event.stage;
  const [first = '', ...more] = sanitizeText(event.command).trim().split('\n');
  const where = event.context === 'local' ? '' : ` on ${event.context}`;
  return `${style.info(prefix)} ${style.dim(`│ $ ${first}${more.length > 0 ? ' …' : ''}${where}`)}`;
}

function finishedLines(event: StageFinished, state: RunState, style: Style): string[] {
  const status = paintStatus(event.status, `${markOf(event.status)} ${event.status}`, style);
  const facts: string[] = [];
  if (event.cached) facts.push('from the cache');
  if (event.attempt > 0) facts.push(formatDuration(event.duration_ms));
  if (event.status === 'skipped') facts.push(sanitizeText(state.stages[event.stage]?.decision?.reason ?? ''));
  if (event.failure) facts.push(describeFailure(event.failure));
  const detail = facts.filter((fact) => fact !== '').join('  ');
  const line = `${place(state, event.stage, style)}  ${status}  ${detail}`.trimEnd();
  return [line, ...event.warnings.map((text) => `    ${style.warn('warning:')} ${sanitizeText(text)}`)];
}

function requestedLines(event: ConfirmationRequested, state: RunState, style: Style): string[] {
  return [
    `${place(state, event.stage, style)}  ${style.warn('waits for confirmation')}: ${sanitizeText(event.message)}`,
    style.dim(`    plan ${event.plan_hash.slice(0, 12)}, expires ${formatTime(event.expires_at)}`),
  ];
}

function answeredLine(event: ConfirmationAnswered, state: RunState, style: Style): string {
  if (event.via === 'expiry')
    return `${place(state, event.stage, style)}  expired unanswered, which counts as rejected`;
  const comment = event.comment === undefined ? '' : `: ${sanitizeText(event.comment)}`;
  return `${place(state, event.stage, style)}  ${event.answer} by ${event.by} (${event.via})${comment}`;
}

function leftovers(commands: readonly string[]): string {
  return sanitizeText(commands.slice(0, 3).join(', ')).replaceAll('\n', ' ').slice(0, 200);
}
