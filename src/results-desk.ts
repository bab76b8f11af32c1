import path from 'node:path';
import { stateOf } from './core/engine/engine.ts';
import { slug } from './core/engine/slug.ts';
import type { RunEvent } from './core/events.ts';
import { type Failure, ok, type Result, toFailure } from './core/failure.ts';
import { isObject } from './core/json.ts';
import type { RunStore, Secrets, StoredRun } from './core/ports.ts';
import type { ResultsDelivery, ResultsDesk } from './core/results.ts';
import type { RunState } from './core/run-state.ts';
import type { ResultsSettings } from './core/settings/results.ts';
import { type OwedRun, openLedger, type ResultsLedger } from './persistence/results/ledger.ts';
import type { ResultsDatabase } from './persistence/results/postgres.ts';
import { type CaseResult, rowsOf } from './persistence/results/rows.ts';
import { readTextIfPresent } from './persistence/safe-files.ts';
import { SUITES } from './stages/test-suite/suite.ts';

// Part of the composition root: runs of the state folder, brought to the database of results.

/** A delivery begins no further run after so long: whoever waits for it waits for the end of a run, milliseconds. */
const DELIVERY_MS = 10_000;
/** Of one suite's report, bytes; and of one message, characters. */
const LARGEST_REPORT = 64 * 1024 * 1024;
const LONGEST_MESSAGE = 10_000;

interface DeskParts {
  readonly stateDir: string;
  readonly store: RunStore;
  readonly secrets: Secrets;
  readonly settings: ResultsSettings & { readonly url: string };
}

/** Deliveries of one desk come one after another. */
export function createResultsDesk(parts: DeskParts): ResultsDesk & Pick<ResultsLedger, 'owe'> {
  const ledger = openLedger(parts.stateDir);
  let last: Promise<unknown> = Promise.resolve();
  return {
    owe: ledger.owe,
    deliver: () => {
      const next = last.then(() => deliver(parts, ledger).catch(unexpected));
      last = next;
      return next;
    },
    look: async () => {
      const opened = await open(parts);
      if (!opened.ok) return opened;
      const { place, version, close } = opened.value;
      await close();
      return ok({ place, version });
    },
  };
}

/** Nothing that happens here may end the run whose results are brought. */
function unexpected(error: unknown): ResultsDelivery {
  return { delivered: 0, pending: 0, failure: toFailure(error) };
}

async function open({ settings, secrets }: DeskParts): Promise<Result<ResultsDatabase>> {
  const url = await secrets.resolve('results.url', settings.url);
  if (!url.ok) return url;
  // Its client is loaded only where there is something to tell it.
  const { openResults } = await import('./persistence/results/postgres.ts');
  return openResults(url.value, settings.schema);
}

async function deliver(parts: DeskParts, ledger: ResultsLedger): Promise<ResultsDelivery> {
  const owed: OwedRun[] = [];
  for (const each of ledger.owed()) if (await lookAt(each, parts.store, ledger)) owed.push(each);
  if (owed.length === 0) return { delivered: 0, pending: 0 };
  const opened = await prepared(parts);
  if (!opened.ok) return { delivered: 0, pending: owed.length, failure: opened.failure };
  try {
    return await writeAll(owed, { database: opened.value, store: parts.store, ledger });
  } finally {
    await opened.value.close();
  }
}

async function prepared(parts: DeskParts): Promise<Result<ResultsDatabase>> {
  const opened = await open(parts);
  if (!opened.ok) return opened;
  const ready = await opened.value.prepare();
  if (ready.ok) return opened;
  await opened.value.close();
  return ready;
}

/** A run with more than the database has of it. */
interface Owed {
  readonly stored: StoredRun;
  readonly state: RunState;
}

/** Undefined when the database has all of it so far, or when somebody runs it now. */
async function lookAt(
  { runId, deliveredSeq }: OwedRun,
  store: RunStore,
  ledger: ResultsLedger,
): Promise<Owed | undefined> {
  const read = await store.read(runId);
  if (!read.ok) {
    // A folder that was deleted: the run was to be forgotten.
    if (read.failure.reason === 'run-not-found') ledger.settle(runId);
    return undefined;
  }
  const stored = read.value;
  const state = stateOf(stored, Date.now());
  if (!state.created) {
    if (!stored.owner) ledger.settle(runId);
    return undefined;
  }
  return state.status === 'running' || state.last_seq <= deliveredSeq ? undefined : { stored, state };
}

interface Writing {
  readonly database: ResultsDatabase;
  readonly store: RunStore;
  readonly ledger: ResultsLedger;
}

/** One run after the other, so that no more than one is in memory. */
async function writeAll(
  owed: readonly OwedRun[],
  { database, store, ledger }: Writing,
): Promise<ResultsDelivery> {
  const until = performance.now() + DELIVERY_MS;
  let delivered = 0;
  let pending = owed.length;
  let failure: Failure | undefined;
  for (const each of owed) {
    if (performance.now() > until) break;
    const found = await lookAt(each, store, ledger);
    const rows = found && rowsOf({ ...found, events: found.stored.events, cases: casesOf(found.stored) });
    if (!found || !rows) {
      // Somebody went on with it, or brought it, in the meantime.
      pending -= 1;
      continue;
    }
    const written = await database.write(rows);
    if (!written.ok) {
      failure = written.failure;
      // Rows that it does not take: others may be as they should.
      if (failure.reason === 'reported') continue;
      break;
    }
    // Where that cannot be noted it is delivered again, which changes nothing.
    if (found.state.finished_at === undefined) await ledger.delivered(each.runId, found.state.last_seq);
    else ledger.settle(each.runId);
    delivered += 1;
    pending -= 1;
  }
  return { delivered, pending, ...(failure && { failure }) };
}

/** Tests of the suites whose last try has ended, from the reports that their stages kept. */
function casesOf({ events, folder }: StoredRun): readonly CaseResult[] {
  const ended = new Map<string, Extract<RunEvent, { readonly type: 'step.finished' }>>();
  const kinds = new Map<string, string>();
  for (const event of events) {
    if (event.type === 'stage.started') {
      kinds.set(event.stage, event.kind);
      // What the attempt before left in the same place is not its result.
      for (const [key, { stage, attempt }] of ended)
        if (stage === event.stage && attempt !== event.attempt) ended.delete(key);
    } else if (event.type === 'step.finished') ended.set(`${event.stage} ${event.step}`, event);
  }
  return [...ended.values()]
    .filter(({ stage, step }) => kinds.get(stage) === 'test-suite' && SUITES.some((name) => name === step))
    .flatMap(({ stage, step, attempt }) => {
      const file = path.join(folder, 'artifacts', slug(stage), `${step}.json`);
      return testsIn(file).map((test) => ({ ...test, stage, suite: step, attempt }));
    });
}

type ReportedTest = Omit<CaseResult, 'stage' | 'suite' | 'attempt'>;

/** The command of a suite can write there too: what is not as we wrote it is left out. */
function testsIn(file: string): readonly ReportedTest[] {
  let report: unknown;
  try {
    const text = readTextIfPresent(file, LARGEST_REPORT);
    report = text === undefined ? undefined : JSON.parse(text);
  } catch {
    return [];
  }
  const tests: unknown = isObject(report) ? report['tests'] : undefined;
  return Array.isArray(tests) ? tests.flatMap(testIn) : [];
}

function testIn(test: unknown): readonly ReportedTest[] {
  if (!isObject(test)) return [];
  const { id, name, status, file, duration_ms, message } = test;
  if (typeof id !== 'string' || typeof name !== 'string') return [];
  if (status !== 'passed' && status !== 'failed' && status !== 'skipped') return [];
  return [
    {
      id,
      name,
      status,
      ...(typeof file === 'string' && { file }),
      ...(typeof duration_ms === 'number' && { duration_ms }),
      ...(typeof message === 'string' && { message: message.slice(0, LONGEST_MESSAGE) }),
    },
  ];
}
