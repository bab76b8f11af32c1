import { type Failure, failed, ok, type Result } from '../failure.ts';
import type { Host } from '../hosts.ts';
import { sanitizeText } from '../terminal-text.ts';
import type { Amounts } from './amounts.ts';
import { LEASE } from './lease-script.ts';

/** The leases of one host. */
export interface LeasePlace {
  readonly host: Host;
  /** Relative to the login folder there. */
  readonly folder: string;
  /** Where its free disk is measured. */
  readonly workdir: string;
  readonly owned: Amounts;
}

export interface LeaseClaim {
  /** `<run>.<stage>`: the same after a crash, so that it is taken up again. */
  readonly id: string;
  readonly runId: string;
  /** user@host */
  readonly by: string;
  readonly asked: Amounts;
}

/** Who has some of a host. */
export interface LeaseHolder {
  readonly run_id: string;
  readonly by: string;
  /** Seconds since 1970 by the clock of the host. */
  readonly since_s: number;
}

/** A host as it was found. */
export interface HostLook {
  readonly used: Amounts;
  readonly holders: readonly LeaseHolder[];
  readonly queued: number;
  /** Measured; absent where the system does not tell. */
  readonly load_per_core?: number;
  readonly free_memory_bytes?: number;
  readonly free_disk_bytes?: number;
  /** As nvidia-smi lists them. */
  readonly gpus?: number;
}

export type LeaseAnswer =
  | {
      readonly state: 'held';
      /** Numbers of the graphics processors that are ours. */ readonly gpus: readonly number[];
    }
  | { readonly state: 'full'; readonly lacking: string; readonly holders: readonly LeaseHolder[] }
  /** There would be room, but others have waited for longer. */
  | { readonly state: 'behind'; readonly before: number }
  /** Others were asking for too long. */
  | { readonly state: 'busy' };

/** A lease is held for so long after it was last renewed, milliseconds. */
export const LEASE_TTL_MS = 120_000;
/** A place in the queue, after it was last asked for. */
const WAIT_TTL_MS = 30_000;
const SCRIPT_LIMIT_MS = 30_000;

/** What is taken of it, and what it measures. `executor-unreachable` when it cannot be asked. */
export async function lookAtHost(place: LeasePlace, signal: AbortSignal): Promise<Result<HostLook>> {
  const said = await call(place, { VERB: 'look', ID: '-' }, signal);
  if (!said.ok) return said;
  const measured = (name: string): number | undefined => {
    const value = Number(said.value.first(name)?.[0]);
    return Number.isFinite(value) ? value : undefined;
  };
  const [load, cores, memory, disk, gpus] = ['load', 'cores', 'memory', 'disk', 'gpus'].map(measured);
  return ok({
    used: Object.fromEntries(said.value.all('used').map(([name = '', used]) => [name, Number(used)])),
    holders: holdersIn(said.value),
    queued: measured('queue') ?? 0,
    ...(load !== undefined && { load_per_core: load / Math.max(1, cores ?? 1) }),
    ...(memory !== undefined && { free_memory_bytes: memory }),
    ...(disk !== undefined && { free_disk_bytes: disk }),
    ...(gpus !== undefined && { gpus }),
  });
}

/** Takes the lease, or renews it where it is ours; otherwise we stand in the queue there for a while. */
export async function takeLease(
  place: LeasePlace,
  claim: LeaseClaim,
  signal: AbortSignal,
): Promise<Result<LeaseAnswer>> {
  const { id, runId, by, asked } = claim;
  const env = {
    VERB: 'take',
    ID: id,
    RUN: runId,
    BY: by.replaceAll(/\s/g, '_') || 'unknown',
    ASK: listOf(asked),
    TTL_S: String(LEASE_TTL_MS / 1000),
    WAIT_S: String(WAIT_TTL_MS / 1000),
  };
  const said = await call(place, env, signal);
  if (!said.ok) return said;
  const got = said.value.first('got');
  if (got) return ok({ state: 'held', gpus: gpusIn(got[1] ?? '-') });
  const full = said.value.first('full');
  if (full) return ok({ state: 'full', lacking: full[0] ?? '', holders: holdersIn(said.value) });
  const behind = said.value.first('behind');
  return ok(behind ? { state: 'behind', before: Number(behind[0]) } : { state: 'busy' });
}

/** Gives it back, and the place in the queue. */
export async function dropLease(place: LeasePlace, id: string): Promise<Result<void>> {
  const said = await call(place, { VERB: 'drop', ID: id }, AbortSignal.timeout(SCRIPT_LIMIT_MS));
  return said.ok ? ok(undefined) : said;
}

interface Said {
  readonly first: (name: string) => readonly string[] | undefined;
  readonly all: (name: string) => readonly (readonly string[])[];
}

async function call(
  { host, folder, workdir, owned }: LeasePlace,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Result<Said>> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(SCRIPT_LIMIT_MS)]);
  const always = { DIR: folder, WORKDIR: workdir, TOTAL: listOf(owned) };
  const outcome = await host.exec({ script: LEASE, env: { ...always, ...env } }, limited);
  if (!outcome.ok) return signal.aborted || !limited.aborted ? outcome : failed(silent(host.name));
  const { exit_code: code, stdout, stderr } = outcome.value;
  if (code !== 0) {
    const last = sanitizeText(stderr).trim().split('\n').at(-1) ?? '';
    const message = `${host.name}: leases cannot be kept in ${folder}: ${last || `exit ${code}`}`;
    return failed({ reason: 'reported', message, retryable: true });
  }
  const lines = stdout.split('\n').map((line) => line.split(' '));
  const all = (name: string): string[][] =>
    lines.flatMap(([first, ...rest]) => (first === name ? [rest] : []));
  return ok({ all, first: (name) => all(name)[0] });
}

function silent(executor: string): Failure {
  return { reason: 'executor-unreachable', executor, detail: `${executor} did not answer within 30 s` };
}

function listOf(amounts: Amounts): string {
  return (
    Object.entries(amounts)
      .map(([name, amount]) => `${name}=${amount}`)
      .join(',') || '-'
  );
}

function holdersIn(said: Said): readonly LeaseHolder[] {
  return said.all('held').map(([runId = '', by = '', since]) => ({
    run_id: sanitizeText(runId),
    by: sanitizeText(by),
    since_s: Number(since),
  }));
}

function gpusIn(units: string): readonly number[] {
  const [, list = ''] = units.split('=');
  return list === '' ? [] : list.split('+').map(Number);
}
