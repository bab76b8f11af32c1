import { createHash } from 'node:crypto';
import type { RunEvent, StepFinished, StepStarted } from '../../core/events.ts';
import type { Failure } from '../../core/failure.ts';
import type { RunState } from '../../core/run-state.ts';

type Value = string | number | readonly string[] | null;
/** Column by column. */
export type Row = Readonly<Record<string, Value>>;

/** One test of a suite, as the artifact of its stage tells of it. */
export interface CaseResult {
  readonly stage: string;
  readonly suite: string;
  readonly attempt: number;
  readonly id: string;
  readonly name: string;
  readonly file?: string | undefined;
  readonly status: string;
  readonly duration_ms?: number | undefined;
  readonly message?: string | undefined;
}

/** What the tables hold of one run. */
export interface RunRows {
  readonly run: Row;
  readonly steps: readonly Row[];
  readonly cases: readonly Row[];
}

/** A key of an index may not be longer than a third of a page, bytes; ours may take part in one with others. */
const LONGEST_KEY = 500;

interface Told {
  /** Folded from `events`. */
  readonly state: RunState;
  readonly events: readonly RunEvent[];
  readonly cases: readonly CaseResult[];
}

/** What the tables hold of a run as it now is; undefined before it began. */
export function rowsOf({ state, events, cases }: Told): RunRows | undefined {
  const { created, run_id } = state;
  if (!created) return undefined;
  return {
    run: {
      run_id,
      project: text(created.project),
      pipeline: text(created.pipeline),
      environment: text(created.environment),
      status: state.status,
      trigger: text(created.trigger),
      started_by: text(created.by),
      commits: created.commits.map(text),
      started_at: created.at,
      finished_at: state.finished_at ?? null,
      duration_ms: state.duration_ms === undefined ? null : Math.round(state.duration_ms),
      exit_code: state.exit_code ?? null,
      failure: failureOf(state.failure),
      last_seq: state.last_seq,
    },
    steps: stepRows(state, events),
    cases: caseRows(run_id, cases),
  };
}

/** Every attempt, not only the current one, which is all that the state has. */
function stepRows(state: RunState, events: readonly RunEvent[]): readonly Row[] {
  const rows = new Map<string, Row>();
  const started = new Map<string, StepStarted>();
  for (const event of events) {
    if (event.type !== 'step.started' && event.type !== 'step.finished') continue;
    const key = JSON.stringify([event.stage, event.step, event.attempt]);
    if (event.type === 'step.started') {
      started.set(key, event);
      rows.set(key, stepRow(state, event));
      continue;
    }
    const begun = started.get(key);
    if (begun) rows.set(key, stepRow(state, begun, event));
  }
  return [...rows.values()];
}

function stepRow(state: RunState, started: StepStarted, finished?: StepFinished): Row {
  const { stage, step, attempt, context, at } = started;
  return {
    run_id: state.run_id,
    stage: keyOf(stage),
    step: keyOf(step),
    attempt,
    kind: text(state.stages[stage]?.kind ?? 'unknown'),
    context: text(context),
    status: statusOf(state, finished),
    started_at: at,
    finished_at: finished?.at ?? null,
    duration_ms: finished ? Math.round(finished.duration_ms) : null,
    exit_code: finished?.exit_code ?? null,
    log_bytes: finished?.log_bytes ?? null,
    failure: failureOf(finished?.failure),
  };
}

function statusOf({ status }: RunState, finished: StepFinished | undefined): string {
  if (!finished) return status === 'running' ? 'running' : 'interrupted';
  const reason = finished.failure?.reason;
  if (reason === 'cancelled' || reason === 'interrupted') return reason;
  return reason === undefined ? 'passed' : 'failed';
}

function caseRows(run_id: string, cases: readonly CaseResult[]): readonly Row[] {
  const rows = new Map<string, Row>();
  for (const { id, stage, suite, attempt, name, file, status, ...rest } of cases) {
    const case_id = createHash('sha256').update(id).digest('hex').slice(0, 32);
    rows.set(JSON.stringify([stage, suite, attempt, case_id]), {
      run_id,
      stage: keyOf(stage),
      suite: keyOf(suite),
      attempt,
      case_id,
      name: text(name),
      file: file === undefined ? null : text(file),
      status: text(status),
      duration_ms: rest.duration_ms ?? null,
      message: rest.message === undefined ? null : text(rest.message),
    });
  }
  return [...rows.values()];
}

function failureOf(failure: Failure | undefined): string | null {
  if (!failure) return null;
  return JSON.stringify(failure, (_key, value: unknown) => (typeof value === 'string' ? text(value) : value));
}

/** PostgreSQL takes no NUL in a text, and no half of a surrogate pair in JSON. */
function text(value: string): string {
  return value.replaceAll('\0', '').toWellFormed();
}

function keyOf(value: string): string {
  const whole = text(value);
  if (Buffer.byteLength(whole) <= LONGEST_KEY) return whole;
  const hash = createHash('sha256').update(whole).digest('hex').slice(0, 16);
  return `${whole.slice(0, 100).toWellFormed()}…${hash}`;
}
