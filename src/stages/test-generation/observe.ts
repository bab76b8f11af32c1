import path from 'node:path';
import { existsSync } from 'node:fs';
import { ok, type Result } from '../../core/failure.ts';
import type { JsonObject } from '../../core/json.ts';
import { characterize } from '../../testgen/characterize/characterize.ts';
import type { ProbedModule } from '../../testgen/characterize/probe.ts';
import { writeJsTest } from '../../testgen/write/js-test.ts';
import { writePythonTest } from '../../testgen/write/python-test.ts';
import type { TestPlace } from '../../testgen/write/test-place.ts';
import { programRunner } from './run-program.ts';
import {
  artifactName,
  callersOf,
  type Drafted,
  type Job,
  keepDraft,
  keptDraft,
  neighbourOf,
  textIn,
  type Workshop,
} from './work.ts';

/** Of one process that calls the functions of a file, milliseconds. */
const PROBE_MS = 15_000;

export type Observed =
  | { readonly state: 'drafted'; readonly drafted: Drafted }
  | { readonly state: 'none'; readonly reason: string };

/** Calls what the file exports before and after the commits, and writes the tests that hold what it does now. */
export async function observe(job: Job, shop: Workshop): Promise<Result<Observed>> {
  const { strategy, language, changed } = job;
  if (language === 'go')
    return ok({ state: 'none', reason: 'only JavaScript, TypeScript and Python are called' });
  if (job.isCharacterized) {
    return ok({ state: 'none', reason: 'an earlier strategy has the calls of this file' });
  }
  const done = await shop.context.task({
    name: `observe ${strategy.id}`,
    text: `call what ${changed.path} exports, before and after the commits`,
    work: async ({ signal, log }) => observed(job, shop, { signal, log }),
  });
  if (!done.ok) return done;
  const { problem } = done.value;
  if (typeof problem === 'string') return ok({ state: 'none', reason: problem });
  const drafted = keptDraft(shop.context, done.value);
  return drafted.ok ? ok({ state: 'drafted', drafted: drafted.value }) : drafted;
}

async function observed(
  job: Job,
  shop: Workshop,
  io: { readonly signal: AbortSignal; readonly log: (line: string) => Promise<void> },
): Promise<Result<JsonObject>> {
  const { context, scratch } = shop;
  const run = programRunner(context, scratch.folder, io.signal);
  const { path: file, from_path: older = file } = job.changed;
  const module = (root: string, at: string): ProbedModule => ({
    language: job.language,
    root,
    file: at,
    scratch: path.join(scratch.folder, 'probe', job.strategy.id),
    run,
    timeoutMs: PROBE_MS,
  });
  const { before, after } = scratch;
  const wasThere = before !== undefined && existsSync(path.join(before.root, older));
  const found = await characterize({
    after: module(after.root, file),
    ...(wasThere && { before: module(before.root, older) }),
    text: textIn(after.root, file, 400_000),
    callers: callersOf(job, shop),
  });
  if (!found.ok) {
    if (found.failure.reason !== 'reported') return found;
    await io.log(found.failure.message);
    return ok({ problem: `it cannot be called: ${found.failure.message}` });
  }
  const { calls, differences, leftOut } = found.value;
  for (const { call, before: was, after: now } of differences)
    await io.log(`${call} was ${was}, is now ${now}`);
  for (const { function: name, reason } of leftOut) await io.log(`${name}: left out, ${reason}`);
  const neighbour = neighbourOf(job, shop);
  const place: TestPlace = {
    root: after.root,
    source: file,
    test: job.files.rules,
    framework: job.framework,
    ...(neighbour !== undefined && { neighbour }),
  };
  const draft = job.language === 'python' ? writePythonTest(calls, place) : writeJsTest(calls, place);
  return ok(
    await keepDraft(context, artifactName('calls', job, '.json'), {
      draft,
      differences: [...differences],
      leftOut: [...leftOut],
    }),
  );
}
