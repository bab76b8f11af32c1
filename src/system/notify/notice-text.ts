import { oneLine } from '../../core/terminal-text.ts';
import type { Failure } from '../../core/failure.ts';
import type { Notice, NoticeStage } from '../../core/notify.ts';
import { formatDuration } from '../../core/quantities.ts';

type Describe = (failure: Failure) => string;

const HAPPENED: Readonly<Record<Notice['event'], string>> = {
  lock: 'failed and is locked',
  rollback: 'was rolled back',
  failure: 'failed',
  waiting: 'waits for an answer',
  recovery: 'works again',
  success: 'succeeded',
  test: 'would be told of here',
};

/** One line: `release failed (production)`. */
export function noticeTitle({ pipeline, event, environment, failure }: Notice): string {
  const happened = failure?.reason === 'rollback-failed' ? 'failed, and undoing it failed' : HAPPENED[event];
  const where = environment === 'default' ? '' : ` (${environment})`;
  return oneLine(`${pipeline} ${happened}${where}`);
}

/** The notice for people, plain text. */
export function noticeText(notice: Notice, describe: Describe): string {
  const { run_id: runId, event } = notice;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['project', notice.project || undefined],
    ['run', runId],
    ['environment', notice.environment],
    ['started by', `${notice.by} (${notice.trigger})`],
    [
      'commits',
      notice.commits.length > 0 ? notice.commits.map((id) => id.slice(0, 10)).join(', ') : undefined,
    ],
    ['started', notice.started_at],
    ['ended', notice.finished_at],
    ['took', notice.duration_ms === undefined ? undefined : formatDuration(notice.duration_ms)],
    ['failures in a row', notice.consecutive_failures?.toString()],
  ];
  const lines = facts.flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [`${name.padEnd(18)}${oneLine(value)}`],
  );
  const stages = notice.stages.map((stage) => stageLine(stage, describe));
  const own = notice.stages.length === 0 && notice.failure ? [describe(notice.failure)] : [];
  return [
    `${noticeTitle(notice)}.`,
    '',
    ...lines,
    ...(stages.length + own.length > 0 ? ['', ...stages, ...own.map(oneLine)] : []),
    ...(event === 'test' ? [] : ['', ...nextLines(notice)]),
    '',
  ].join('\n');
}

function stageLine({ name, status, failure, question }: NoticeStage, describe: Describe): string {
  const said = question ?? (failure && describe(failure));
  return oneLine(`${name}: ${status.replace('_', ' ')}${said === undefined ? '' : `: ${said}`}`);
}

function nextLines({
  run_id: runId,
  status,
  events,
  pipeline,
  stages,
  environment,
}: Notice): readonly string[] {
  if (status === 'waiting') {
    return stages
      .map(({ name }) => `pipewright approve ${runId} ${name}`)
      .concat(`pipewright continue ${runId}`);
  }
  const next = [`pipewright why ${runId}`, `pipewright logs ${runId}`];
  return events.includes('lock') ? [...next, `pipewright unlock ${pipeline} --env ${environment}`] : next;
}
