import { failed, ok, type Result } from '../core/failure.ts';
import type { Host } from '../core/hosts.ts';
import { runScript } from './process/answer.ts';
import { environmentFolder } from './process/place.ts';

/** Who holds an environment on a host. */
export interface LockHolder {
  readonly run_id: string;
  readonly by: string;
  readonly since: string;
  readonly expires: string;
}

export interface LockPlace {
  readonly host: Host;
  /** `deploy.folder`. */
  readonly folder: string;
  readonly project: string;
  readonly environment: string;
}

export interface LockClaim extends LockPlace {
  readonly runId: string;
  /** user@host */
  readonly by: string;
  readonly ttlMs: number;
  readonly signal: AbortSignal;
}

/*
 * The lock is a file on the host, made by link(2), so that it appears whole and once: run, who, since, expires (seconds
 * by the host's clock). An expired one is taken over under a folder that only one process can make.
 */
const ACQUIRE = `
mkdir -p "$(dirname "$FILE")" && umask 077 || exit 1
[ -e "$ROOT/.gitignore" ] || echo '*' > "$ROOT/.gitignore" # on this machine it lies in the project
now=$(date +%s)
mine="$FILE.$RUN.$$"
printf '%s %s %s %s\\n' "$RUN" "$BY" "$now" "$((now + TTL_S))" | cat > "$mine" || { rm -f "$mine"; exit 1; } # cat says why: a full disk is no lock
finish() { rm -f "$mine"; [ "$1" = got ] && echo got; exit 0; }
ln "$mine" "$FILE" 2>/dev/null && finish got
read -r run by since expires < "$FILE" || { ln "$mine" "$FILE" 2>/dev/null && finish got; }
if [ "$run" = "$RUN" ]; then mv -f "$mine" "$FILE"; echo got; exit 0; fi
if [ "\${expires:-0}" -lt "$now" ]; then
  if [ -d "$FILE.taking" ] && [ -n "$(find "$FILE.taking" -maxdepth 0 -mmin +1 2>/dev/null)" ]; then rmdir "$FILE.taking" 2>/dev/null; fi
  if mkdir "$FILE.taking" 2>/dev/null; then
    read -r run by since expires < "$FILE"
    if [ "\${expires:-0}" -lt "$now" ]; then rm -f "$FILE"; fi
    ln "$mine" "$FILE" 2>/dev/null && taken=yes
    rmdir "$FILE.taking"
    if [ "$taken" = yes ]; then echo "took $run $by"; finish got; fi
  fi
  read -r run by since expires < "$FILE"
fi
echo "held $run $by $since $expires"
finish no
`;

const CHECK = `
now=$(date +%s)
read -r run by since expires < "$FILE" 2>/dev/null || { echo gone; exit 0; }
[ "$run" = "$RUN" ] && [ "$expires" -gt "$now" ] && { echo ours; exit 0; }
echo "held $run $by $since $expires"
`;

const RELEASE = `
read -r run rest < "$FILE" 2>/dev/null || exit 0
if [ "$run" = "$RUN" ] || [ "$RUN" = "*" ]; then rm -f "$FILE"; echo "released $run"; fi
exit 0
`;

function fileOf(place: LockPlace): string {
  return `${environmentFolder(place.folder, place)}/lock`;
}

/** Takes the environment, again where it is ours already (then it expires later). `reported` says who holds it. */
export async function acquireLock(claim: LockClaim): Promise<Result<{ readonly took_over?: string }>> {
  const env = {
    FILE: fileOf(claim),
    ROOT: claim.folder,
    RUN: claim.runId,
    BY: claim.by.replaceAll(/\s/g, '_') || 'unknown',
    TTL_S: String(Math.ceil(claim.ttlMs / 1000)),
  };
  const answer = await runScript(claim.host, { script: ACQUIRE, env, signal: claim.signal });
  if (!answer.ok) return answer;
  if (answer.value.lines.includes('got')) {
    const took = answer.value.first('took');
    return ok(took ? { took_over: took.join(' ') } : {});
  }
  return failed(heldBy(claim, holderOf(answer.value.first('held') ?? [])));
}

/** Whether it is still ours: the last look before something irreversible. */
export async function checkLock(claim: LockClaim): Promise<Result<void>> {
  const answer = await runScript(claim.host, {
    script: CHECK,
    env: { FILE: fileOf(claim), RUN: claim.runId },
    signal: claim.signal,
  });
  if (!answer.ok) return answer;
  if (answer.value.lines[0] === 'ours') return ok(undefined);
  const held = answer.value.first('held');
  return failed(
    held
      ? heldBy(claim, holderOf(held))
      : {
          reason: 'reported',
          message: `the lock of ${claim.environment} on ${claim.host.name} is gone: somebody has opened it`,
          retryable: false,
        },
  );
}

/** Lets go of it if it is that of the run; `*` frees whoever holds it. Returns the run it was held by. */
export async function releaseLock(
  place: LockPlace & { readonly runId: string; readonly signal: AbortSignal },
): Promise<Result<string | undefined>> {
  const answer = await runScript(place.host, {
    script: RELEASE,
    env: { FILE: fileOf(place), RUN: place.runId },
    signal: place.signal,
  });
  return answer.ok ? ok(answer.value.first('released')?.[0]) : answer;
}

function holderOf([runId = '?', by = '?', since = '0', expires = '0']: readonly string[]): LockHolder {
  return { run_id: runId, by, since: timeOf(since), expires: timeOf(expires) };
}

function timeOf(seconds: string): string {
  return new Date(Number(seconds) * 1000).toISOString();
}

function heldBy({ environment, host }: LockPlace, { run_id: run, by, since, expires }: LockHolder) {
  return {
    reason: 'reported' as const,
    message: `${environment} on ${host.name} is held by run ${run} of ${by} since ${since}; it expires ${expires} (pipewright unlock --env ${environment} frees it)`,
    retryable: true,
  };
}
