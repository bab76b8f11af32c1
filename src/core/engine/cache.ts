import type { StageDefinition } from '../definition.ts';
import type { JsonObject } from '../json.ts';
import type { CachedResult } from '../ports.ts';
import type { RunState } from '../run-state.ts';
import type { EngineDeps } from './api.ts';
import type { StageRun } from './run-context.ts';
import { type RunFacts, type Scope, variablesOf } from './scope.ts';

/** What a stored result is looked up by. */
export interface CacheInputs {
  readonly deps: Pick<EngineDeps, 'cache' | 'files' | 'ids' | 'clock'>;
  readonly facts: RunFacts;
  readonly state: RunState;
  readonly scope: Scope;
  readonly stage: StageDefinition;
}

/**
 * The stage's key, taken before it can change its own inputs, and the stored result that still holds for it.
 * Recorded as a decision either way; undefined for a stage without `cache:`.
 */
export async function reusable({ run, scope, stage, id }: StageRun): Promise<LookUp | undefined> {
  if (!stage.cache) return undefined;
  const isChosen = run.log.state.stages[id]?.reset_by === 'rerun';
  const found = await lookUp({ deps: run.deps, facts: run.facts, state: run.log.state, scope, stage });
  // Who asks for a stage by name wants it run.
  if (isChosen) return { key: found.key, files: found.files, reason: 'chosen by rerun' };
  run.log.record({
    type: 'stage.decided',
    stage: id,
    decision: {
      action: found.hit ? 'reuse' : 'run',
      rule: found.hit ? 'cache-hit' : 'cache-miss',
      reason: found.reason,
      evidence: [
        { name: 'cache.key', value: found.key.slice(0, 12) },
        { name: 'cache.files', value: found.files },
        ...(found.hit ? [{ name: 'cache.run', value: found.hit.run_id }] : []),
      ],
      would_flip: found.hit
        ? `a change in ${stage.cache.key.join(', ')}, or its expiry`
        : 'an unexpired result for the same key',
    },
  });
  return found;
}

export interface LookUp {
  readonly key: string;
  readonly files: number;
  readonly reason: string;
  readonly hit?: CachedResult;
}

/** Touches nothing: also used by `plan`. */
export async function lookUp(inputs: CacheInputs): Promise<LookUp> {
  const { deps, stage } = inputs;
  const { key, files } = await cacheKey(inputs);
  // Nothing would ever change it: more likely a mistyped name than what was meant.
  if (files === 0) return { key, files, reason: 'no file matches cache.key, so nothing can be told from it' };
  const stored = await deps.cache.get(key);
  if (!stored) return { key, files, reason: 'no result is stored for these inputs' };
  const ageMs = deps.clock.nowMs() - Date.parse(stored.stored_at);
  const ttl = stage.cache?.ttl_ms;
  if (ttl !== undefined && ageMs > ttl)
    return { key, files, reason: 'the stored result is older than its ttl' };
  return { key, files, hit: stored, reason: `same inputs as in run ${stored.run_id}` };
}

/** Only a clean pass is worth keeping: a failure or a warning is never reused. */
export async function storeResult({ run }: StageRun, key: string, outputs: JsonObject): Promise<void> {
  await run.deps.cache.put(key, { run_id: run.created.run_id, stored_at: run.deps.clock.now(), outputs });
}

/** Definition, the values it can see and the contents of its key files. Facts of this one run are left out. */
async function cacheKey(inputs: CacheInputs): Promise<{ readonly key: string; readonly files: number }> {
  const { deps, facts, state, scope, stage } = inputs;
  const { hash, count } = await deps.files.fingerprint(facts.project, stage.cache?.key ?? []);
  const { run: _, run_id: _id, artifacts: _a, stages: _s, ...seen } = variablesOf(scope, facts, state);
  // Its own outputs are not among its inputs: they are there only once it has run.
  const own = new Set(Object.keys(state.stages[scope.prefix + stage.name]?.outputs ?? {}));
  const variables = Object.fromEntries(Object.entries(seen).filter(([name]) => !own.has(name)));
  const { line: _line, ...definition } = stage;
  const key = { format: 1, definition, env: scope.definition.env, variables, files: hash };
  return { key: deps.ids.sha256(JSON.stringify(key)), files: count };
}
