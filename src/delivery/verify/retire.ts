import { type Failure, messageOf, ok, type Result } from '../../core/failure.ts';
import type { Artifact } from '../../core/runtime.ts';
import type { RollbackUnit } from '../../core/releases.ts';
import type { StageContext, TaskIo } from '../../core/stage-kind.ts';
import { type OpenPlace, runtimeIo } from '../deploy/session.ts';
import { placeName } from '../deploy/targets.ts';

/** One service on one host that serves a new release, and what served there before. */
export interface Replaced {
  readonly open: OpenPlace;
  /** The instance that serves now. */
  readonly instanceId: string;
  readonly previous: Artifact | undefined;
}

/** What became of the former instances. */
export interface Retired {
  /** Places whose former instance was ended. */
  readonly retired: readonly string[];
  /** What could not be done, for people: what is left, and how to end it. */
  readonly left: readonly string[];
}

type Scope = Pick<StageContext, 'environment' | 'settings' | 'runId' | 'id'> & {
  readonly ports: Pick<StageContext['ports'], 'releases'>;
};

/**
 * Ends what the new release replaced, and removes old releases. It serves and is on record as healthy by then, so what
 * cannot be ended is told and fails nothing. Fails only when it is stopped.
 */
export async function retireFormer(
  scope: Scope,
  places: readonly Replaced[],
  io: TaskIo,
): Promise<Result<Retired>> {
  const retired: string[] = [];
  const left: string[] = [];
  for (const place of places) {
    const name = placeName(place.open.service, place.open.host.name);
    const done = await retireAt(place, io);
    if (!done.ok) {
      if (io.signal.aborted) return done;
      left.push(
        `${name}: what served before may still run: ${messageOf(done.failure)}; "pipewright rerun ${scope.runId} ${scope.id}" watches again and ends it`,
      );
      continue;
    }
    if (done.value) {
      retired.push(name);
      await io.log(`${name}: the former instance was ended`);
    }
    const pruned = await prune(scope, place.open, io);
    if (!pruned.ok) left.push(`${name}: old releases could not be removed: ${messageOf(pruned.failure)}`);
  }
  return ok({ retired, left });
}

/** True when there was another instance, and it is ended now. */
async function retireAt({ open, instanceId, previous }: Replaced, io: TaskIo): Promise<Result<boolean>> {
  const { runtime, target } = open;
  const old = previous ? await runtime.find(target, previous, runtimeIo(io)) : ok(undefined);
  if (!old.ok) return old;
  if (!old.value || old.value.id === instanceId) return ok(false);
  const ended = await runtime.retire(target, old.value, runtimeIo(io));
  return ended.ok ? ok(true) : withInstance(ended.failure, old.value.name ?? old.value.id);
}

function withInstance(failure: Failure, instance: string): Result<boolean> {
  const message = `${instance} could not be ended: ${messageOf(failure)}`;
  return { ok: false, failure: { reason: 'reported', message, retryable: false } };
}

async function prune(
  scope: Scope,
  { runtime, target, service }: OpenPlace,
  io: TaskIo,
): Promise<Result<void>> {
  const keep = await keptUnits(scope, service);
  return keep.ok ? runtime.prune(target, keep.value, runtimeIo(io)) : keep;
}

/** The newest healthy releases, and whatever is newer. */
async function keptUnits(
  { ports, environment, settings }: Scope,
  service: string,
): Promise<Result<readonly RollbackUnit[]>> {
  const history = await ports.releases.read(environment, service);
  if (!history.ok) return history;
  const { releases } = history.value;
  const digests = new Set<string>();
  const kept = releases.filter(({ digest, verdict }) => {
    if (verdict === 'failed' || verdict === 'rolled_back') return false;
    digests.add(digest);
    return digests.size <= settings.deploy.keep_releases;
  });
  return ok(kept);
}
