import { shellQuote } from '../../core/shell-quote.ts';
import { ok, type Result } from '../../core/failure.ts';
import type { Secrets } from '../../core/ports.ts';
import type { Artifact } from '../../core/runtime.ts';
import { serviceVariables } from '../service-variables.ts';

/** The text of an instance's `env` file, read by its supervisor. */
export async function environmentText(
  unit: Artifact,
  given: { readonly port: number; readonly secrets: Secrets },
): Promise<Result<string>> {
  const values = await serviceVariables(unit, given);
  if (!values.ok) return values;
  const lines = Object.entries(values.value).map(([name, value]) => `${name}=${shellQuote(value)}`);
  return ok(shellFile(lines.join('\n')));
}

/** One line break at the end, whatever was there. */
export function shellFile(text: string): string {
  return `${text.replace(/\n+$/, '')}\n`;
}
