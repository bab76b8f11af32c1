import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkerFacts } from '../../core/queue/worker.ts';
import { harmlessJson } from '../../core/terminal-text.ts';
import type { WorkerCommand } from '../command.ts';
import { isProblems, printFailure, printProblems } from '../print.ts';
import type { Services } from '../services.ts';

/** `worker`: until SIGTERM, SIGINT or SIGHUP; exit code 0 when it was stopped so. */
export async function worker(command: WorkerCommand, services: Services): Promise<number> {
  const print = printer(command, services);
  const stop = stopSignals();
  const desk = await services.queue();
  const { queues, isHere, concurrency, maxConcurrency } = command;
  const started = await desk.work({
    queues,
    isHere,
    ...(concurrency !== undefined && { concurrency }),
    ...(maxConcurrency !== undefined && { maxConcurrency }),
    say: (text) => void print({ type: 'worker.said', text }, text),
  });
  if (!started.ok) {
    stop.dispose();
    return isProblems(started.failure)
      ? printProblems(services, command, started.failure)
      : printFailure(services, command, started.failure);
  }
  const { facts, stop: end } = started.value;
  const first = facts();
  await print(
    { type: 'worker.started', ...first },
    `takes ${queues.join(' and ')}, ${first.concurrency} at a time, as ${first.worker}`,
  );
  while (!stop.first.aborted) {
    await delay(command.everySeconds * 1000, undefined, { signal: stop.first }).catch(() => undefined);
    const now = facts();
    await print({ type: stop.first.aborted ? 'worker.stopping' : 'worker.metrics', ...now }, healthLine(now));
  }
  await Promise.race([end(command.graceSeconds * 1000), whenAborted(stop.second)]);
  if (stop.second.aborted) await Promise.race([end(0), delay(2000)]);
  await print({ type: 'worker.stopped', ...facts() }, 'stopped');
  stop.dispose();
  return 0;
}

/** One line on stdout for each thing; with --json one object. */
function printer(
  { json }: WorkerCommand,
  { terminal, now }: Services,
): (document: Readonly<Record<string, unknown>>, text: string) => Promise<void> {
  return async (document, text) => {
    const line = json ? harmlessJson({ at: now(), ...document }) : `${now().slice(11, 19)} ${text}`;
    await (json ? terminal.write(`${line}\n`) : terminal.print([line]));
  };
}

function healthLine(facts: WorkerFacts): string {
  const { active, concurrency, passed, failed, lost, refused, reachable } = facts;
  const memory = Math.round(process.memoryUsage.rss() / (1024 * 1024));
  const counts = `${passed} passed, ${failed} failed, ${lost} lost, ${refused} refused`;
  return `${reachable ? 'healthy' : 'without its queue'}: ${active} of ${concurrency} busy; ${counts}; ${memory} MiB`;
}

interface WorkerSignals {
  readonly first: AbortSignal;
  /** Somebody does not want to wait. */
  readonly second: AbortSignal;
  readonly dispose: () => void;
}

function stopSignals(): WorkerSignals {
  const first = new AbortController();
  const second = new AbortController();
  const hear = (): void => (first.signal.aborted ? second : first).abort();
  const names = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
  for (const name of names) process.on(name, hear);
  const dispose = (): void => {
    for (const name of names) process.off(name, hear);
  };
  return { first: first.signal, second: second.signal, dispose };
}

async function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => {
    signal.addEventListener('abort', resolve, { once: true });
  });
}
