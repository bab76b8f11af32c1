import { failed, ok, type Result } from '../../core/failure.ts';
import type { BuildServiceSettings } from '../../core/settings/build.ts';

/** `project-service`, or what the service says, in the letters that a registry allows; `invalid` where it cannot be. */
export function imageName(
  project: string,
  service: string,
  { image }: Pick<BuildServiceSettings, 'image'>,
): Result<string> {
  if (image === undefined) return ok(`${plain(project)}-${plain(service)}`);
  if (NAME.test(image)) return ok(image);
  return failed({
    reason: 'invalid',
    message: `build.services.${service}.image: \`${image}\` is not the name of an image`,
    hint: 'Lower case, parts divided by /, without a tag: registry.example.com/team/web.',
  });
}

const PART = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const NAME = new RegExp(`^(?:[a-zA-Z0-9.-]+(?::\\d+)?/)?${PART}(?:/${PART})*$`);

function plain(text: string): string {
  const letters = text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  return letters.replaceAll(/^-+|-+$/g, '') || 'app';
}

/** At most 128 letters, digits, `_`, `.` and `-`; what else is in it becomes `_`. */
export function tagText(text: string): string {
  return text
    .replaceAll(/[^A-Za-z0-9_.-]/g, '_')
    .replace(/^[.-]/, '_')
    .slice(0, 128);
}

/** Keeps an image of an environment from `docker image prune`. */
export function keepTag(environment: string): string {
  return tagText(`keep-${environment}`);
}
