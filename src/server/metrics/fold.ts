import type { RunRecord, RunSummary } from '../../core/run-index.ts';
import type { Metric, Sample } from './text.ts';
import { labelOf } from './text.ts';

/** Upper ends of the classes of the histogram, seconds. */
const BUCKETS = [1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400] as const;
/** Different pipelines with environments, and stages, that have lines of their own; all others share one. */
const MOST_SERIES = 200;
const OTHERS = '(others)';

/** Ends of a run after which nothing more happens by itself. */
const FINAL: ReadonlySet<string> = new Set(['success', 'warning', 'failed', 'rolled_back', 'cancelled']);

interface Durations {
  readonly counts: number[];
  sumS: number;
  count: number;
}

/**
 * Counts runs out of the records of the index, each once: the cost grows with what is new, the memory with the
 * number of different names and not with history.
 */
export class RunCounters {
  readonly #ends = new Map<string, number>();
  readonly #starts = new Map<string, number>();
  readonly #durations = new Map<string, Durations>();
  readonly #stageFailures = new Map<string, number>();
  readonly #series = { pairs: new Set<string>(), stages: new Set<string>() };
  readonly #waiting = new Set<string>();

  add(records: readonly RunRecord[]): void {
    for (const record of records) {
      if (record.type === 'unlocked') continue;
      if (record.type === 'run.started') {
        this.#waiting.delete(record.run_id);
        count(this.#starts, this.#pairOf(record.pipeline, record.environment));
      } else this.#addEnd(record.run_id, record.summary);
    }
  }

  /** Runs whose process ended at a confirmation. */
  get waiting(): ReadonlySet<string> {
    return this.#waiting;
  }

  #addEnd(runId: string, summary: RunSummary): void {
    if (summary.status === 'waiting') this.#waiting.add(runId);
    else this.#waiting.delete(runId);
    if (!FINAL.has(summary.status)) return;
    const pair = this.#pairOf(summary.pipeline, summary.environment);
    count(this.#ends, keyOf(...partsOf(pair), summary.status));
    const [pipeline = ''] = partsOf(pair);
    if (summary.duration_ms !== undefined) this.#addDuration(pipeline, summary.duration_ms / 1000);
    for (const { name, status, failed } of summary.stages) {
      if (status !== 'failed' && failed !== true) continue;
      const stage = bounded(this.#series.stages, keyOf(pipeline, labelOf(name)), keyOf(pipeline, OTHERS));
      count(this.#stageFailures, stage);
    }
  }

  #addDuration(pipeline: string, seconds: number): void {
    const durations = this.#durations.get(pipeline) ?? { counts: BUCKETS.map(() => 0), sumS: 0, count: 0 };
    this.#durations.set(pipeline, durations);
    durations.sumS += seconds;
    durations.count += 1;
    for (const [index, end] of BUCKETS.entries()) {
      if (seconds <= end) durations.counts[index] = (durations.counts[index] ?? 0) + 1;
    }
  }

  #pairOf(pipeline: string, environment: string): string {
    return bounded(this.#series.pairs, keyOf(labelOf(pipeline), labelOf(environment)), keyOf(OTHERS, OTHERS));
  }

  metrics(): readonly Metric[] {
    return [
      {
        name: 'pipewright_runs_started_total',
        type: 'counter',
        help: 'Runs that were begun or taken up again.',
        samples: samples(this.#starts, ['pipeline', 'environment']),
      },
      {
        name: 'pipewright_runs_total',
        type: 'counter',
        help: 'Ends of runs; one that is taken up again and ends again counts again.',
        samples: samples(this.#ends, ['pipeline', 'environment', 'status']),
      },
      {
        name: 'pipewright_run_duration_seconds',
        type: 'histogram',
        help: 'How long runs took, the time in which nobody ran them left out.',
        samples: [...this.#durations].flatMap(([pipeline, durations]) => histogram(pipeline, durations)),
      },
      {
        name: 'pipewright_stage_failures_total',
        type: 'counter',
        help: 'Stages that had failed when their run ended.',
        samples: samples(this.#stageFailures, ['pipeline', 'stage']),
      },
    ];
  }
}

function histogram(pipeline: string, { counts, sumS, count: total }: Durations): readonly Sample[] {
  const bucket = (le: string, value: number): Sample => ({
    suffix: '_bucket',
    labels: { pipeline, le },
    value,
  });
  return [
    ...BUCKETS.map((end, index) => bucket(String(end), counts[index] ?? 0)),
    bucket('+Inf', total),
    { suffix: '_sum', labels: { pipeline }, value: sumS },
    { suffix: '_count', labels: { pipeline }, value: total },
  ];
}

function keyOf(...parts: readonly string[]): string {
  return parts.join('\u0000');
}

function partsOf(key: string): readonly string[] {
  return key.split('\u0000');
}

function samples(counts: ReadonlyMap<string, number>, names: readonly string[]): readonly Sample[] {
  return [...counts].map(([key, value]) => ({
    labels: Object.fromEntries(partsOf(key).map((part, index) => [names[index] ?? '', part])),
    value,
  }));
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** The key itself, or the shared one when there are too many. */
function bounded(known: Set<string>, key: string, shared: string): string {
  if (known.has(key)) return key;
  if (known.size >= MOST_SERIES) return shared;
  known.add(key);
  return key;
}
