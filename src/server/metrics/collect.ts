import type { RunEvent } from '../../core/events.ts';
import type { StateIndex } from '../../core/run-index.ts';
import { foldRun } from '../../core/run-state.ts';
import type { HookQueue } from '../hooks/queue.ts';
import type { ServerParts } from '../parts.ts';
import { RunCounters } from './fold.ts';
import { type Metric, metricsText, type Sample } from './text.ts';

/** Runs whose journals are read for their open questions, at most. */
const MOST_READ = 50;

type CollectorParts = Pick<
  ServerParts,
  'store' | 'newRecords' | 'machine' | 'version' | 'clock' | 'settings'
> & {
  readonly queue: HookQueue;
};

/** Everything `GET /metrics` tells. One per server. */
export class Collector {
  readonly #parts: CollectorParts;
  readonly #startedMs: number;
  readonly #requests = new Map<string, number>();
  readonly #deliveries = new Map<string, number>();
  #counters = new RunCounters();

  constructor(parts: CollectorParts) {
    this.#parts = parts;
    this.#startedMs = parts.clock.nowMs();
  }

  /** Reads what is new in the index, with room for others between the pieces. */
  async catchUp(): Promise<void> {
    for (const { records, isFresh } of this.#parts.newRecords()) {
      if (isFresh) this.#counters = new RunCounters();
      this.#counters.add(records);
      await new Promise(setImmediate);
    }
  }

  countRequest(route: string, status: number): void {
    const key = `${route} ${status}`;
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1);
  }

  countDelivery(hook: string, outcome: string): void {
    const key = `${hook} ${outcome}`;
    this.#deliveries.set(key, (this.#deliveries.get(key) ?? 0) + 1);
  }

  /** Rejects with errors of the operating system where the index cannot be read. */
  async text(): Promise<string> {
    await this.catchUp();
    const index = await this.#parts.store.index();
    const ofIndex = index.ok ? await this.#ofIndex(index.value) : [];
    return metricsText([...this.#counters.metrics(), ...ofIndex, ...(await this.#ofProcess(index.ok))]);
  }

  async #ofIndex(index: StateIndex): Promise<readonly Metric[]> {
    const { stats, locked, consecutive } = index;
    const running = index.runs.filter(({ status }) => status === 'running');
    const interrupted = index.runs.filter(({ status }) => status === 'interrupted');
    const asked = [...running.map((run) => run.pipeline_id), ...this.#counters.waiting];
    const open = await this.#confirmations(asked);
    return [
      gauge('pipewright_total_pipelines', 'Runs that there ever were.', [{ value: stats.total_runs }]),
      gauge(
        'pipewright_success_rate',
        'Share of the runs that ended well, 0 to 1, each with its last outcome.',
        known(stats.success_rate),
      ),
      gauge(
        'pipewright_avg_execution_time_seconds',
        'Average duration of the runs that ended.',
        known(stats.average_duration_ms === undefined ? undefined : stats.average_duration_ms / 1000),
      ),
      gauge('pipewright_runs_running', 'Runs that a process drives.', [{ value: running.length }]),
      gauge('pipewright_runs_waiting', 'Runs that wait for an answer and that no process drives.', [
        { value: this.#counters.waiting.size },
      ]),
      gauge('pipewright_runs_interrupted', 'Of the newest 200 runs those whose process died.', [
        { value: interrupted.length },
      ]),
      gauge('pipewright_confirmations_waiting', 'Questions that nobody has answered yet.', [
        { value: open.length },
      ]),
      gauge(
        'pipewright_confirmation_oldest_seconds',
        'How long the oldest question has waited.',
        open.length === 0 ? [] : [{ value: Math.max(...open) }],
      ),
      gauge(
        'pipewright_locked',
        'Pipelines that failures have locked for their environment.',
        locked.map(({ pipeline, environment }) => ({ labels: { pipeline, environment }, value: 1 })),
      ),
      gauge(
        'pipewright_consecutive_failures',
        'Failures in a row.',
        Object.entries(consecutive)
          .slice(0, 200)
          .map(([key, value]) => {
            const [pipeline = '', environment = ''] = key.split('\u0000');
            return { labels: { pipeline, environment }, value };
          }),
      ),
    ];
  }

  /** Seconds that each open question has waited. */
  async #confirmations(runIds: readonly string[]): Promise<readonly number[]> {
    const nowMs = this.#parts.clock.nowMs();
    const open: number[] = [];
    for (const runId of new Set(runIds.slice(-MOST_READ))) {
      const stored = await this.#parts.store.read(runId);
      if (stored.ok) open.push(...openQuestions(runId, stored.value.events, nowMs));
    }
    return open;
  }

  async #ofProcess(isReadable: boolean): Promise<readonly Metric[]> {
    const { queue, machine, version, settings } = this.#parts;
    const { waitingCount, runningCount } = queue;
    return [
      counter('pipewright_webhook_deliveries_total', 'Requests to webhooks since the server began.', [
        ...samplesOf(this.#deliveries, ['hook', 'outcome']),
      ]),
      gauge('pipewright_webhook_queue', 'Deliveries that wait for their turn.', [{ value: waitingCount }]),
      gauge('pipewright_webhook_queue_limit', 'How many may wait.', [{ value: settings.max_waiting }]),
      gauge('pipewright_webhook_running', 'Runs of webhooks under way.', [{ value: runningCount }]),
      counter('pipewright_http_requests_total', 'Requests since the server began.', [
        ...samplesOf(this.#requests, ['route', 'code']),
      ]),
      gauge('pipewright_state_readable', 'Whether the index of runs could be read.', [
        { value: isReadable ? 1 : 0 },
      ]),
      gauge('pipewright_state_free_bytes', 'Room on the disk of the state folder.', [
        { value: await machine.freeBytes() },
      ]),
      gauge('process_resident_memory_bytes', 'Memory of the server.', [{ value: machine.memoryBytes() }]),
      gauge('process_start_time_seconds', 'When the server began.', [{ value: this.#startedMs / 1000 }]),
      gauge('pipewright_build_info', 'The version that answers.', [{ labels: { version }, value: 1 }]),
    ];
  }
}

function openQuestions(runId: string, events: readonly RunEvent[], nowMs: number): readonly number[] {
  return Object.values(foldRun(runId, events).stages).flatMap(({ status, confirmation }) =>
    status === 'waiting' && confirmation && !confirmation.answered
      ? [Math.max(0, (nowMs - Date.parse(confirmation.requested.at)) / 1000)]
      : [],
  );
}

/** No line for what is not known yet. */
function known(value: number | undefined): readonly Sample[] {
  return value === undefined ? [] : [{ value }];
}

function gauge(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, type: 'gauge', help, samples };
}

function counter(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, type: 'counter', help, samples };
}

function samplesOf(counts: ReadonlyMap<string, number>, [first, second]: readonly [string, string]) {
  return [...counts].map(([key, value]): Sample => {
    const [one = '', two = ''] = key.split(' ');
    return { labels: { [first]: one, [second]: two }, value };
  });
}
