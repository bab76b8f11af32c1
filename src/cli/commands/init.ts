import { constants, existsSync, readFileSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import { errorCode } from '../../core/error-code.ts';
import type { Command } from '../command.ts';
import { printFailure, printJson } from '../print.ts';
import type { Services } from '../services.ts';

interface Outcome {
  readonly file: string;
  readonly action: 'written' | 'would be written' | 'kept';
  readonly text: string;
}

/** `init`: `pipewright.yaml` and a first pipeline, from what is in the folder. What is there already is never changed. */
export async function init(
  command: Extract<Command, { readonly name: 'init' }>,
  services: Services,
): Promise<number> {
  const { root } = services.project;
  const { files, pipeline } = await services.firstFiles();
  const outcomes: Outcome[] = [];
  for (const { file, text } of files) {
    const outcome = await write(path.join(root, file), text, command.dryRun);
    if (!outcome.ok) {
      return printFailure(services, command, {
        reason: 'state-unwritable',
        path: path.join(root, file),
        detail: outcome.detail,
      });
    }
    outcomes.push({ file, action: outcome.action, text });
  }
  const hint = gitignoreHint(services);
  if (command.json) {
    await printJson(services, { project: root, files: outcomes, hint: hint ?? null });
    return 0;
  }
  const texts = command.dryRun ? outcomes.filter(({ action }) => action !== 'kept') : [];
  const lines = [
    ...texts.flatMap(({ file, text }) => [`# ---- ${file}`, text]),
    ...outcomes.map(({ file, action }) => `${action.padEnd(16)} ${file}`),
  ];
  if (hint !== undefined) lines.push(hint);
  if (!command.dryRun) lines.push(`Next: pipewright validate, then pipewright run ${pipeline}`);
  await services.terminal.print(lines);
  return 0;
}

type Written =
  | { readonly ok: true; readonly action: Outcome['action'] }
  | { readonly ok: false; readonly detail: string };

async function write(file: string, text: string, isDryRun: boolean): Promise<Written> {
  if (isDryRun) return { ok: true, action: existsSync(file) ? 'kept' : 'would be written' };
  try {
    await mkdir(path.dirname(file), { recursive: true });
    // Exclusive: a file that appeared since is not overwritten either.
    const handle = await open(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o644);
    try {
      await handle.writeFile(text);
    } finally {
      await handle.close();
    }
    return { ok: true, action: 'written' };
  } catch (error) {
    const code = errorCode(error) ?? 'failed';
    return code === 'EEXIST' ? { ok: true, action: 'kept' } : { ok: false, detail: code };
  }
}

/** The state folder ignores itself; only an unusual place needs a line of the user. */
function gitignoreHint({ project }: Services): string | undefined {
  const relative = path.relative(project.root, project.stateDir);
  if (relative.startsWith('..')) return undefined;
  const file = path.join(project.root, '.gitignore');
  const ignored = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  const isListed = ignored.some((line) => line.replaceAll('/', '') === relative);
  return isListed
    ? undefined
    : `${relative}/ keeps itself out of git; a line "${relative}/" in .gitignore says so to everyone`;
}
