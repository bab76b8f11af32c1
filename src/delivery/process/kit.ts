import process from 'node:process';
import { ok, type Result } from '../../core/failure.ts';
import type { Ids, Secrets } from '../../core/ports.ts';
import type { RollbackUnit } from '../../core/releases.ts';
import type { Artifact, Instance, InstanceFacts, RuntimeIo, Target } from '../../core/runtime.ts';
import type { DeploySettings } from '../../core/settings/deploy.ts';
import { type Answer, runScript } from './answer.ts';
import { releaseName, serviceFolder } from './place.ts';

/** What the runtime `process` is made of. */
export interface Parts {
  readonly deploy: DeploySettings;
  readonly secrets: Secrets;
  readonly ids: Ids;
}

export interface Work {
  readonly target: Target;
  readonly artifact: Artifact;
  readonly io: RuntimeIo;
}

/** Runs a script in the service's folder on its host. */
export type Run = (
  target: Target,
  script: string,
  env: Readonly<Record<string, string>>,
  io: RuntimeIo,
) => Promise<Result<Answer>>;

/** Runs scripts on a target's host; each finds folder, port and settings of the service in its environment. */
export function runWith(parts: Parts): Run {
  return (target, script, env, io) =>
    runScript(target.host, { script, env: { ...baseEnv(parts, target), ...env }, signal: io.signal });
}

function baseEnv({ deploy }: Parts, target: Target): Record<string, string> {
  const { settings } = target;
  return {
    DIR: serviceFolder(deploy.folder, target),
    STOP_S: String(Math.ceil(settings.stop_timeout / 1000)),
    DRAIN_MS: String(settings.drain),
    DRAIN_S: String(Math.ceil(settings.drain / 1000)),
    PUBLIC_PORT: String(settings.port),
    KEEP_PROXY: 'no',
    FORCE: 'no',
    NODE: target.host.isLocal ? process.execPath : 'node',
  };
}

/** Its port is that of a proxy, and versions stand behind it. */
export function isProxied({ settings }: Target): boolean {
  return settings.strategy === 'start-first';
}

/** What tells a version from another: files and variables. */
export function unitFacts(parts: Parts, unit: RollbackUnit): Record<string, string> {
  return { DIGEST: unit.digest, ENV_SHA: envSha(parts, unit) };
}

function sortedEntries(record: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** Tells variables and references to secrets apart: 16 hex digits of their SHA-256. */
export function envSha({ ids }: Parts, { env, secrets }: RollbackUnit): string {
  return ids.sha256(JSON.stringify([sortedEntries(env), sortedEntries(secrets ?? {})])).slice(0, 16);
}

/** `instance <name> <pid>:<since> <digest> <env> <run> <commit> <port> <release> <setup>` */
export function instanceOf(answer: Result<Answer>): Result<Instance | undefined> {
  if (!answer.ok) return answer;
  const words = answer.value.first('instance');
  if (!words) return ok(undefined);
  const [name = '', id = '', digest = '', , runId = '', commit = '', port = '', release = '', setup] = words;
  return ok({
    id,
    digest,
    reference: `releases/${release}`,
    name,
    address: { host: '127.0.0.1', port: Number(port) },
    run_id: runId,
    ...(commit !== '-' && { commit }),
    ...(setup !== undefined && { setup }),
  });
}

/** What a script needs to find an instance. */
export function nameFacts({ name, address, digest }: Instance): Record<string, string> {
  return { NAME: name ?? '', PORT: String(address?.port ?? 0), RELEASE: releaseName(digest) };
}

/** What a script has said of an instance; one that it says nothing of does not run. */
export function factsOf(id: string, answer: Answer): InstanceFacts {
  const facts = answer.first('facts');
  if (!facts) return { id, is_running: false, started_at: '', restart_count: 0 };
  const [running, started = '', restarts = '0', code = '-'] = facts;
  return {
    id,
    is_running: running === 'yes',
    started_at: started,
    restart_count: Number(restarts),
    ...(code !== '-' && { exit_code: Number(code) }),
  };
}

/** The script's end is all that counts. */
export function done(answer: Result<Answer>): Result<void> {
  return answer.ok ? ok(undefined) : answer;
}
