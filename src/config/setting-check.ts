import type { StageSettings } from '../core/settings/index.ts';
import { suggestion } from './issues.ts';
import type { Path } from './located.ts';
import type { YamlFile } from './yaml-file.ts';

/** Settings of one environment (or of none), and where in the file they are said. */
export interface SettingCheck {
  readonly file: YamlFile;
  readonly settings: StageSettings;
  /** The same as written, overlay merged: tells what stands there from what is a default. */
  readonly raw: Readonly<Record<string, unknown>>;
  /** From a path in the settings to the place in the file. */
  readonly place: (path: Path) => Path;
  /** Undefined for what holds without one. */
  readonly environment?: string;
}

/** A problem with the value at a path of the settings. */
export function problem({ file, place }: SettingCheck, path: Path, message: string, hint?: string): void {
  file.report(place(path), { code: 'bad-setting', message, ...(hint !== undefined && { hint }) });
}

/** A key that acts on nothing where it stands. */
export function idleKey({ file, place }: SettingCheck, path: Path, message: string): void {
  file.report(place(path), { code: 'idle-key', message }, { atKey: true });
}

/** A name that is not among the known ones, with the one that was probably meant. `what` comes before it. */
export function unknownName(
  check: SettingCheck,
  path: Path,
  { what, name, known }: { readonly what: string; readonly name: string; readonly known: readonly string[] },
): void {
  problem(check, path, `${what} "${name.slice(0, 64)}"`, suggestion(name, known));
}

/** Whether the file says something at a path of the settings. */
export function isSaid({ raw }: SettingCheck, path: Path): boolean {
  let here: unknown = raw;
  for (const key of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, key)) return false;
    here = Object.entries(here).find(([name]) => name === String(key))?.[1];
  }
  return true;
}
