import { statSync } from 'node:fs';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { slug } from '../core/engine/slug.ts';
import type { RunEvent, StageStarted, StepFinished, StepStarted } from '../core/events.ts';
import { isOfPlace } from '../core/log-place.ts';
import type { RunState } from '../core/run-state.ts';
import { streamsOf, streamSummary } from '../core/stream-text.ts';
import { LogTail } from './log-tail.ts';
import { eventLines } from './plain-lines.ts';
import type { Reporter, TextSink } from './reporter.ts';
import { StreamView } from './stream-view.ts';
import type { Style } from './style.ts';
import { summaryLines } from './summary.ts';

interface PlainOptions {
  readonly sink: TextSink;
  readonly style: Style;
  /** Folder of a run, where its logs lie. */
  readonly runFolder: (runId: string) => string;
  /** Shown paths are relative to this folder where they lie below it. */
  readonly cwd: string;
  /** `logs -f`: nothing but output, from the beginning of each log, of this stage or step or of all. */
  readonly onlyOutput?: { readonly stage?: string };
}

/** Live output: at most this many bytes and lines per tick of so many milliseconds. */
const BUDGET_BYTES = 1024 * 1024;
const BUDGET_LINES = 5_000;
const TICK_MS = 100;

interface OpenTail {
  readonly tail: LogTail;
  readonly prefix: string;
  readonly stage: string;
}

interface Budget {
  readonly bytes: number;
  readonly lines: number;
}

interface Seen {
  readonly event: RunEvent;
  readonly state: RunState;
}

/** Human lines for each event, the steps' output between them, a summary at the end. */
export function createPlainReporter(options: PlainOptions): Reporter {
  return new PlainReporter(options);
}

/**
 * The engine hands over events and goes on; this class writes them in its own time. While the
 * terminal is slow, events wait here, but output of commands does not: it stays in its log file
 * and is read when there is room, or left out and said so.
 */
class PlainReporter implements Reporter {
  readonly #options: PlainOptions;
  readonly #queue: Seen[] = [];
  readonly #tails = new Map<string, OpenTail>();
  readonly #streams = new Map<string, StreamView>();
  /** Lines that are drawn at the bottom and will be drawn over. */
  #drawn = 0;
  #pumping: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Logs are looked into between two events of their step only when a tick has passed: most steps are over before. */
  #isTickDue = false;

  constructor(options: PlainOptions) {
    this.#options = options;
  }

  observe = (event: RunEvent, state: RunState): void => {
    const wanted = this.#options.onlyOutput?.stage;
    const step = 'step' in event ? event.step : undefined;
    if ('stage' in event && !isOfPlace(wanted, event.stage, step)) return;
    this.#follow(event);
    this.#queue.push({ event, state });
    this.#pump();
  };

  flush = async (): Promise<void> => {
    while (this.#pumping) await this.#pumping;
  };

  close = async (): Promise<void> => {
    await this.flush();
    clearInterval(this.#timer);
    for (const key of this.#tails.keys()) await this.#drain(key);
  };

  /** Here and not when the event's turn comes: now is before the command's first byte. */
  #follow(event: RunEvent): void {
    if (event.type === 'step.started') {
      const prefix = event.total > 1 ? `${event.stage}.${event.step}` : event.stage;
      this.#openTail(keyOf(event), event, { log: event.log, prefix });
    }
    // What the stage itself says, beside its steps; its name is the engine's.
    if (event.type === 'stage.started') {
      this.#openTail(keyOf(event), event, { log: `logs/${slug(event.stage)}.log`, prefix: event.stage });
      if (!this.#options.onlyOutput) this.#openStream(event);
    }
  }

  #openStream(event: StageStarted): void {
    const { runFolder, style } = this.#options;
    const file = path.join(runFolder(event.run_id), 'artifacts', slug(event.stage), 'progress.json');
    this.#streams.set(keyOf(event), new StreamView(file, style.hasColor));
  }

  #openTail(
    key: string,
    event: StepStarted | StageStarted,
    { log, prefix }: { readonly log: string; readonly prefix: string },
  ): void {
    if (this.#tails.has(key)) return;
    const file = path.join(this.#options.runFolder(event.run_id), log);
    const offset = this.#options.onlyOutput ? 0 : sizeOf(file);
    const tail = new LogTail(file, { keepColor: this.#options.style.hasColor, offset });
    this.#tails.set(key, { tail, prefix, stage: event.stage });
    this.#timer ??= setInterval(() => {
      this.#isTickDue = true;
      this.#pump();
    }, TICK_MS).unref();
  }

  /** One writer at a time; a tick while it waits for the terminal changes nothing. */
  #pump(): void {
    this.#pumping ??= this.#work().finally(() => {
      this.#pumping = undefined;
      if (this.#queue.length > 0) this.#pump();
    });
  }

  async #work(): Promise<void> {
    // Whoever waits for the event goes first: the next command runs while we write.
    await setImmediate();
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) await this.#show(next);
    if (!this.#isTickDue) return;
    this.#isTickDue = false;
    let left = { bytes: BUDGET_BYTES, lines: BUDGET_LINES };
    for (const [key, open] of this.#tails) {
      left = await this.#copy(key, open, left);
      if (left.bytes <= 0 || left.lines <= 0) return;
    }
    await this.#drawStreams();
  }

  async #drawStreams(): Promise<void> {
    const { style } = this.#options;
    const now = performance.now();
    const blocks = [...this.#streams.values()].map((view) => view.look(now));
    if (blocks.every((block) => block === undefined)) return;
    const lines = blocks.flatMap((block) => block ?? []);
    await this.#write(lines.map((line) => `  ${style.dim(line)}`));
    if (style.hasColor) this.#drawn = lines.length;
  }

  /** Shows what is new in one log, as far as the budget goes; returns what is left of it. */
  async #copy(key: string, open: OpenTail, budget: Budget): Promise<Budget> {
    let { bytes, lines } = budget;
    for (let piece = open.tail.read(); piece.bytes > 0; piece = open.tail.read()) {
      bytes -= piece.bytes;
      lines -= piece.lines.length;
      await this.#write(
        this.#outputLines(open, piece.lines, { skipped: piece.skipped, runId: runIdOf(key) }),
      );
      if (bytes <= 0 || lines <= 0) break;
      // Between pieces everybody else has a turn: many short lines take their time.
      await setImmediate();
    }
    return { bytes, lines };
  }

  async #show({ event, state }: Seen): Promise<void> {
    const { style } = this.#options;
    if (event.type === 'step.finished' || event.type === 'stage.finished') {
      await this.#drain(keyOf(event), event.type === 'step.finished' ? event : undefined);
    }
    if (this.#options.onlyOutput) return;
    const lines = eventLines(event, state, style);
    if (event.type === 'stage.finished' && this.#streams.delete(keyOf(event))) {
      lines.push(...streamSummary(streamsOf(event.outputs)).map((line) => `    ${style.good('✓')} ${line}`));
    }
    const isEnd =
      event.type === 'run.finished' || event.type === 'run.waiting' || event.type === 'run.interrupted';
    if (isEnd) {
      const folder = this.#shortPath(this.#options.runFolder(event.run_id));
      lines.push(...summaryLines(state, { style, folder }));
    }
    await this.#write(lines);
  }

  /** What a finished step printed and was not yet shown: no more than anyone can be behind. */
  async #drain(key: string, finished?: StepFinished): Promise<void> {
    const open = this.#tails.get(key);
    if (!open) return;
    this.#tails.delete(key);
    if (this.#tails.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    if (finished?.log_bytes !== 0) await this.#copy(key, open, { bytes: Infinity, lines: Infinity });
    const last = { skipped: undefined, runId: runIdOf(key) };
    await this.#write(this.#outputLines(open, open.tail.end(), last));
  }

  #outputLines(
    open: OpenTail,
    lines: readonly string[],
    { skipped, runId }: { readonly skipped: string | undefined; readonly runId: string },
  ): string[] {
    const { style } = this.#options;
    const prefix = `${style.info(open.prefix)} ${style.dim('│')} `;
    const notice =
      skipped === undefined
        ? []
        : [prefix + style.dim(`[… ${skipped} not shown; pipewright logs ${runId} ${open.stage}]`)];
    return [...notice, ...lines.map((line) => prefix + line)];
  }

  async #write(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    const erase = this.#drawn > 0 ? `\u001B[${this.#drawn}A\u001B[0J` : '';
    this.#drawn = 0;
    await this.#options.sink.write(`${erase}${lines.join('\n')}\n`);
  }

  #shortPath(file: string): string {
    const relative = path.relative(this.#options.cwd, file);
    return relative.startsWith('..') || relative === '' ? file : relative;
  }
}

function keyOf(event: { readonly run_id: string; readonly stage: string; readonly step?: string }): string {
  return `${event.run_id} ${event.stage}${event.step === undefined ? '' : ` ${event.step}`}`;
}

function runIdOf(key: string): string {
  return key.slice(0, key.indexOf(' '));
}

/** 0 for a file that is not there yet. */
function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
