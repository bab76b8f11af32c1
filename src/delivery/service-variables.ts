import { ok, type Result } from '../core/failure.ts';
import type { Secrets } from '../core/ports.ts';
import type { RollbackUnit } from '../core/releases.ts';
import type { Artifact } from '../core/runtime.ts';

/**
 * Variables of an instance of a service; secrets are resolved now, and stand nowhere else.
 * PORT, PIPEWRIGHT_RELEASE and PIPEWRIGHT_COMMIT are always set. Fails as the secret does.
 */
export async function serviceVariables(
  unit: RollbackUnit & Pick<Artifact, 'run_id' | 'commit'>,
  { port, secrets }: { readonly port: number; readonly secrets: Secrets },
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
