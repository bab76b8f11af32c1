import { createHash } from 'node:crypto';
import { ok, type Result } from '../core/failure.ts';
import type { Secrets } from '../core/ports.ts';
import type { RollbackUnit } from '../core/releases.ts';
import type { Artifact, Target } from '../core/runtime.ts';

/** Those of a run differ where nothing has changed; PORT is, behind a proxy, any that was free. */
const NOT_COUNTED = new Set(['PORT', 'PIPEWRIGHT_RELEASE', 'PIPEWRIGHT_COMMIT']);

/**
 * Variables of an instance of a service; secrets are resolved now, and stand nowhere else.
 * PORT, PIPEWRIGHT_RELEASE and PIPEWRIGHT_COMMIT are always set. Fails as the secret does.
 */
export async function serviceVariables(
  unit: RollbackUnit & Pick<Artifact, 'run_id' | 'commit'>,
  { port, secrets }: { readonly port: number; readonly secrets: Pick<Secrets, 'resolve'> },
): Promise<Result<Readonly<Record<string, string>>>> {
  const values: Record<string, string> = {
    ...unit.env,
    PORT: String(port),
    PIPEWRIGHT_RELEASE: unit.run_id,
    PIPEWRIGHT_COMMIT: unit.commit,
  };
  for (const [name, reference] of Object.entries(unit.secrets ?? {})) {
    const value = await secrets.resolve(name, reference);
    if (!value.ok) return value;
    values[name] = value.value;
  }
  return ok(values);
}

/**
 * Tells what an instance is started with: files, the values of its variables, and the settings that shape it. Equal where
 * a start would change nothing. It stands beside those values on the host, and is never recorded elsewhere.
 */
export function setupOf(
  { settings }: Target,
  { digest, reference, compose = '' }: RollbackUnit,
  variables: Readonly<Record<string, string>>,
): string {
  const { strategy, port, internal_port, command, compose_service, volumes } = settings;
  const own = Object.entries(variables).filter(([name]) => !NOT_COUNTED.has(name));
  const text = JSON.stringify([
    digest,
    // The same image has another name in each run.
    compose.replaceAll(reference, digest),
    own.toSorted(([a], [b]) => (a < b ? -1 : 1)),
    [strategy, port, internal_port, command, compose_service, volumes],
  ]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** What an instance would be started with now. */
export async function setupNow(
  target: Target,
  unit: Artifact,
  secrets: Pick<Secrets, 'resolve'>,
): Promise<Result<string>> {
  const variables = await serviceVariables(unit, { port: target.settings.port, secrets });
  return variables.ok ? ok(setupOf(target, unit, variables.value)) : variables;
}
