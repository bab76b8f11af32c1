import type { CaseEvent } from '../../core/cases/case-event.ts';
import type { Failure } from '../../core/failure.ts';
import { formatDuration } from '../../core/quantities.ts';
import { markOf } from '../../core/status-look.ts';
import { harmlessJson, oneLine } from '../../core/terminal-text.ts';
import type { Terminal } from '../terminal.ts';

interface CaseReporter {
  readonly emit: (event: CaseEvent) => void;
  readonly flush: () => Promise<void>;
}

/** Prints what happens to cases, a line each: as text, or as the events are. */
export function caseReporter(
  terminal: Terminal,
  isJson: boolean,
  { now, describe }: { readonly now: () => string; readonly describe: (failure: Failure) => string },
): CaseReporter {
  let written: Promise<void> = Promise.resolve();
  return {
    emit: (event) => {
      const { type, ...facts } = event;
      const at = now();
      written = isJson
        ? terminal.write(`${harmlessJson({ type, at, ...facts })}\n`)
        : terminal.print([`${at.slice(11, 19)} ${lineOf(event, describe)}`]);
    },
    flush: () => written,
  };
}

function lineOf(event: CaseEvent, describe: (failure: Failure) => string): string {
  switch (event.type) {
    case 'watch.started':
      return `watching ${event.folder} for ${event.pipeline}, at most ${event.max_parallel} at a time`;
    case 'case.refused':
      return `${oneLine(event.case)}: not taken, ${oneLine(event.reason)}`;
    case 'case.found':
      return `${oneLine(event.case)}: found`;
    case 'case.waiting':
      return `${oneLine(event.case)} waits: ${oneLine(event.reason)}`;
    case 'case.taken':
      return `${oneLine(event.case)}: taken${event.again ? ' again' : ''}, run ${event.run_id}`;
    case 'case.continued':
      return `${oneLine(event.case)}: goes on, run ${event.run_id}`;
    case 'case.finished':
      return finishedLine(event, describe);
    case 'watch.blocked':
      return `nothing is taken: ${oneLine(describe(event.failure))}`;
    case 'watch.unblocked':
      return 'goes on';
    case 'watch.draining':
      return `${event.cause}: takes nothing new, ${event.running} running; once more interrupts them`;
    case 'watch.stopped':
      return stoppedLine(event);
    default:
      return event satisfies never;
  }
}

function finishedLine(
  event: Extract<CaseEvent, { readonly type: 'case.finished' }>,
  describe: (failure: Failure) => string,
): string {
  const { case: name, run_id: runId, status, duration_ms: ms, failure } = event;
  const why = failure ? `: ${oneLine(describe(failure))}` : '';
  const next = status === 'failed' || status === 'waiting' ? `  (pipewright why ${runId})` : '';
  return `${oneLine(name)}: ${markOf(status)} ${status} in ${formatDuration(ms)}${why}${next}`;
}

function stoppedLine(event: Extract<CaseEvent, { readonly type: 'watch.stopped' }>): string {
  const { cause, finished, failed, open, processing_ms: times } = event;
  const took = times
    ? `; took ${formatDuration(times.median)}, at most ${formatDuration(times.longest)}`
    : '';
  return `stopped (${cause}): ${finished} finished, ${failed} of them failed, ${open} open${took}`;
}
