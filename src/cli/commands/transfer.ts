import path from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { formatBytes, formatDuration } from '../../core/quantities.ts';
import { progressText } from '../../core/stream-text.ts';
import { sanitizeText } from '../../core/terminal-text.ts';
import { transferMeter } from '../../core/transfer/meter.ts';
import { parsePlace, type TransferPlace } from '../../core/transfer/place.ts';
import { transfer, type TransferProgress, type TransferReport } from '../../core/transfer/transfer.ts';
import type { TransferCommand } from '../command.ts';
import { printFailure, printJson } from '../print.ts';
import type { Services } from '../services.ts';
import { watchStopSignals } from '../stop-signals.ts';
import { contextsFor, printContextFailure } from './context.ts';

/** `transfer <from> <to>`. */
export async function transferFiles(command: TransferCommand, services: Services): Promise<number> {
  const contexts = await contextsFor(command, services);
  if (!contexts.ok) return printContextFailure(command, services, contexts.failure);
  const known = ['local', ...Object.keys(contexts.value)];
  const from = parsePlace(command.from, known);
  if (!from.ok) return printFailure(services, command, from.failure);
  const to = parsePlace(command.to, known);
  if (!to.ok) return printFailure(services, command, to.failure);
  const hosts = await services.hosts(contexts.value);
  const stop = watchStopSignals(services.terminal.closed, () => process.exit(130));
  const meter = new Meter(services, command.json);
  try {
    const done = await transfer(
      { hosts, clock: { monotonicMs: () => performance.now(), sleep } },
      {
        from: here(from.value, services.cwd),
        to: here(to.value, services.cwd),
        onProgress: (progress) => meter.show(progress),
        onNote: (line) => meter.note(`pipewright: ${sanitizeText(line)}`),
      },
      stop.signal,
    );
    meter.end();
    if (!done.ok) return await stopCode(command, services, { done, cause: stop.cause() });
    if (command.json) await printJson(services, { ...done.value, verified: true });
    else await services.terminal.print(summary(done.value));
    return 0;
  } finally {
    stop.dispose();
    await hosts.close();
  }
}

async function stopCode(
  command: TransferCommand,
  services: Services,
  {
    done,
    cause,
  }: {
    readonly done: { readonly failure: Parameters<typeof printFailure>[2] };
    readonly cause: string | undefined;
  },
): Promise<number> {
  const code = await printFailure(services, command, done.failure);
  if (cause === undefined) return code;
  services.terminal.say('  What has arrived is kept: the same command goes on from there.');
  return cause === 'SIGTERM' ? 143 : 130;
}

/** What is typed here is meant from where we stand, not from the project. */
function here(place: TransferPlace, cwd: string): TransferPlace {
  const isHere = place.context === 'local' && !/^~(\/|$)/.test(place.path);
  return isHere ? { ...place, path: path.resolve(cwd, place.path) } : place;
}

async function sleep(delayMs: number, signal: AbortSignal): Promise<boolean> {
  return delay(delayMs, true, { signal }).catch(() => false);
}

function summary(report: TransferReport): readonly string[] {
  const { bytes, resumed_bytes: resumed, duration_ms: durationMs, files, folders, skipped } = report;
  const sent = bytes - resumed;
  const rate = durationMs > 0 ? `, ${formatBytes((sent / durationMs) * 1000)}/s` : '';
  const kept = resumed > 0 ? `, ${formatBytes(resumed)} were there already` : '';
  const what = report.sha256 === undefined ? `${files} files in ${folders} folders, ` : '';
  return [
    `${sanitizeText(report.from)} → ${sanitizeText(report.to)}`,
    `${what}${formatBytes(bytes)} in ${formatDuration(durationMs)}${rate}${kept}; compared on both sides`,
    ...(report.sha256 === undefined ? [] : [`sha256 ${report.sha256}`]),
    ...(skipped.length === 0
      ? []
      : [
          `not copied, they are no files: ${skipped.slice(0, 10).join(', ')}${skipped.length > 10 ? ' …' : ''}`,
        ]),
  ];
}

const REDRAW_MS = 200;
const LINE_MS = 5000;

/** Progress on stderr: one line drawn over itself on a terminal, a line every few seconds elsewhere. */
class Meter {
  readonly #services: Services;
  readonly #canRedraw: boolean;
  readonly #isSilent: boolean;
  readonly #measure = transferMeter({ monotonicMs: () => performance.now() });
  #nextMs: number;
  #isDrawn = false;

  constructor(services: Services, isSilent: boolean) {
    this.#services = services;
    this.#isSilent = isSilent;
    this.#canRedraw = services.terminal.isInteractive && !isSilent;
    this.#nextMs = performance.now() + (this.#canRedraw ? REDRAW_MS : LINE_MS);
  }

  show(progress: TransferProgress): void {
    const amount = this.#measure(progress.done_bytes, progress.total_bytes);
    const nowMs = performance.now();
    if (this.#isSilent || nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + (this.#canRedraw ? REDRAW_MS : LINE_MS);
    const text = textOf(progress, amount);
    if (!this.#canRedraw) {
      this.#services.terminal.say(text);
      return;
    }
    this.#isDrawn = true;
    void this.#services.terminal.write(`\r\u001B[2K${text}`);
  }

  note(line: string): void {
    this.end();
    this.#services.terminal.say(line);
  }

  end(): void {
    if (this.#isDrawn) void this.#services.terminal.write('\r\u001B[2K');
    this.#isDrawn = false;
  }
}

function textOf(
  { files, files_done: filesDone }: TransferProgress,
  amount: ReturnType<ReturnType<typeof transferMeter>>,
): string {
  const text = progressText({
    name: 'transfer',
    kind: 'progress',
    what: '',
    status: 'running',
    ...amount,
  });
  return files > 1 ? `${filesDone}/${files} files  ${text}` : text;
}
