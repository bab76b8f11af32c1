import { ok, type Result } from '../../core/failure.ts';
import type { Secrets } from '../../core/ports.ts';
import type { Artifact } from '../../core/runtime.ts';

/**
 * The text of an instance's `env` file, read by its supervisor. Secrets are resolved now, and stand nowhere else.
 * PORT, PIPEWRIGHT_RELEASE and PIPEWRIGHT_COMMIT are always set.
 */
export async function environmentText(
  unit: Artifact,
  { port, secrets }: { readonly port: number; readonly secrets: Secrets },
): Promise<Result<string>> {
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
  const lines = Object.entries(values).map(([name, value]) => `${name}=${quoted(value)}`);
  return ok(shellFile(lines.join('\n')));
}

/** One line break at the end, whatever was there. */
export function shellFile(text: string): string {
  return `${text.replace(/\n+$/, '')}\n`;
}

/** A word for /bin/sh, whatever is in it. */
function quoted(value: string): string {
  return `'${value.replaceAll("'", String.raw`'\''`)}'`;
}
