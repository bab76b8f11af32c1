import { ok, type Result, reported } from '../../core/failure.ts';
import type { Target } from '../../core/runtime.ts';
import { sanitizeText } from '../../core/terminal-text.ts';
import { environmentName } from './names.ts';
import { type Place } from './parts.ts';

/** Folder of the environment's Docker things on a host, as `deploy.folder` is: below the login folder. */
export function dockerFolder({ parts, target }: Place): string {
  return `${parts.deploy.folder}/docker/${environmentName(target)}`;
}

/** Folder of a service's proxy on its host. */
export function proxyFolder(place: Place): string {
  return `${dockerFolder(place)}/${part(place.target)}/proxy`;
}

function part({ service }: Target): string {
  return service.replaceAll(/[^A-Za-z0-9_-]/g, '_');
}

/** Runs a script on the host, values in `env`; an exit code other than 0 is a failure with its last words. */
export async function runThere(
  { target, io }: Place,
  script: string,
  env: Readonly<Record<string, string>>,
): Promise<Result<string>> {
  const outcome = await target.host.exec({ script, env }, io.signal);
  if (!outcome.ok) return outcome;
  const { exit_code: code, stdout, stderr } = outcome.value;
  if (code === 0) return ok(stdout);
  const said = sanitizeText(stderr).trim().split('\n').slice(-5).join(' ; ');
  return reported(`${target.host.name}: ${said === '' ? `a script ended with ${code}` : said}`);
}
