import { existsSync } from 'node:fs';
import path from 'node:path';
import { shellQuote } from '../../core/shell-quote.ts';
import type { SuitePlace } from './suite.ts';

/** What every suite's script begins with: its folder of reports is here, programs of the project are found, CI is set. */
export function prelude(place: SuitePlace, variables: Readonly<Record<string, string>> = {}): string {
  const folders = binFolders(place.folder).map(shellQuote);
  const lines = [
    `[ -d ${shellQuote(place.reports)} ] || { echo 'pipewright: test-suite runs on this machine only; for another one use a shell stage' >&2; exit 126; }`,
    'export CI="${CI:-true}"',
    'unset NODE_TEST_CONTEXT',
    ...Object.entries(variables).map(([name, value]) =>
      // The user's own options stay in force.
      name === 'NODE_OPTIONS'
        ? `export NODE_OPTIONS="\${NODE_OPTIONS:+$NODE_OPTIONS }"${shellQuote(value)}`
        : `export ${name}=${shellQuote(value)}`,
    ),
  ];
  if (folders.length > 0) lines.push(`export PATH=${folders.join(':')}:"$PATH"`);
  return `${lines.join('\n')}\n`;
}

/** `node_modules/.bin` of the folder and of those above it, nearest first. */
function binFolders(folder: string): readonly string[] {
  return foldersUp(folder)
    .map((one) => path.join(one, 'node_modules/.bin'))
    .filter((one) => existsSync(one));
}

function foldersUp(folder: string): readonly string[] {
  const parent = path.dirname(folder);
  return parent === folder ? [folder] : [folder, ...foldersUp(parent)];
}

/** Whether the project has a program installed. */
export function hasProgram(folder: string, name: string): boolean {
  return binFolders(folder).some((one) => existsSync(path.join(one, name)));
}

/** Whether a package can be loaded from the project. */
export function hasPackage(folder: string, name: string): boolean {
  return foldersUp(folder).some((one) => existsSync(path.join(one, 'node_modules', name, 'package.json')));
}

/** Whether a program is on the PATH of this process. */
export function isOnPath(name: string): boolean {
  const folders = (process.env['PATH'] ?? '').split(':');
  return folders.some((one) => one !== '' && existsSync(path.join(one, name)));
}
