import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import type { Preferences } from './ui/backend.ts';
import { THEME_NAMES } from './ui/theme.ts';

/** What a person chose for the screen: `$XDG_CONFIG_HOME/pipewright/screen.json`. */
function preferencesFile(env: NodeJS.ProcessEnv): string {
  const base = env['XDG_CONFIG_HOME'] || path.join(homedir(), '.config');
  return path.join(base, 'pipewright', 'screen.json');
}

/** `PIPEWRIGHT_THEME` and `PIPEWRIGHT_MOUSE=off` go over the file; without either the defaults. */
export async function readPreferences(env: NodeJS.ProcessEnv): Promise<Preferences> {
  const saved = await readSaved(preferencesFile(env));
  const wanted = env['PIPEWRIGHT_THEME'] ?? saved.theme;
  const theme = THEME_NAMES.find((name) => name === wanted) ?? 'default';
  const mouse = env['PIPEWRIGHT_MOUSE'];
  return { theme, hasMouse: mouse === undefined ? saved.mouse !== 'off' : mouse !== 'off' && mouse !== '0' };
}

/** Errors are ignored: the choice holds until the screen is left. */
export async function savePreferences(
  env: NodeJS.ProcessEnv,
  { theme, hasMouse }: Preferences,
): Promise<void> {
  const file = preferencesFile(env);
  const temporary = `${file}.${process.pid}`;
  try {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(temporary, `${JSON.stringify({ theme, mouse: hasMouse ? 'on' : 'off' }, null, 2)}\n`);
    await rename(temporary, file);
  } catch {
    // A home that cannot be written, or none.
  }
}

async function readSaved(file: string): Promise<{ readonly theme?: unknown; readonly mouse?: unknown }> {
  try {
    const saved: unknown = JSON.parse(await readFile(file, 'utf8'));
    return typeof saved === 'object' && saved !== null ? saved : {};
  } catch {
    return {};
  }
}
