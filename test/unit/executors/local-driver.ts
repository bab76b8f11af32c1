/**
 * Program for tests: runs commands with the local executor until it is killed, or until they end.
 * Argument: JSON of `DriverOrder`. Prints `ready` once all are under way, and the outcomes at the end.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createExecutors } from '../../../src/executors/index.ts';
import { Keeper } from '../../../src/executors/local/keeper.ts';
import type { Command } from '../../../src/core/ports.ts';

export interface DriverOrder {
  readonly runId: string;
  readonly folder: string;
  readonly steps: readonly Pick<Command, 'script' | 'token' | 'orphan' | 'env'>[];
  readonly secrets?: readonly string[];
  /** Announced to the keeper, never started. */
  readonly announced?: readonly string[];
  /** Do not wait for the steps to be under way. */
  readonly atOnce?: boolean;
  /** Default true. */
  readonly lanes?: boolean;
}

const order: DriverOrder = JSON.parse(process.argv[2] ?? '{}');
const { runId, folder, lanes = true } = order;
const opened = await createExecutors({ runId, folder, lanes }).open('local');
if (!opened.ok) throw new Error(opened.failure.reason);
const executor = opened.value;
const running = order.steps.map((step) =>
  executor.run(
    { ...step, workdir: folder },
    { logFile: path.join(folder, `${step.token}.log`), secrets: order.secrets ?? [] },
    new AbortController().signal,
  ),
);
if (order.announced) {
  const successor = (): string => path.join(folder, 'owner.1');
  const keeper = new Keeper({ runId, steps: path.join(folder, 'steps'), successor });
  for (const token of order.announced) keeper.add({ token, orphan: { policy: 'kill', finish_ms: 0 } });
  setInterval(() => undefined, 1000);
}
// Each script says `up` when its processes are there.
const isUp = (token: string): boolean => existsSync(path.join(folder, `${token}.up`));
let early: string | undefined;
const noteEarlyEnd = async (): Promise<void> => {
  early = JSON.stringify(await Promise.race(running));
};
if (running.length > 0) void noteEarlyEnd();
const areUp = (): boolean => order.atOnce === true || order.steps.every(({ token }) => isUp(token));
while (!areUp()) {
  if (early !== undefined) throw new Error(`a step ended before it was under way: ${early}`);
  await delay(5);
}
process.stdout.write('ready\n');
const outcomes = await Promise.all(running);
if (!order.announced) {
  await executor.close();
  process.stdout.write(`${JSON.stringify(outcomes)}\n`);
}
