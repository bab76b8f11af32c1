import { constants, existsSync, readFileSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import type { Command } from '../command.ts';
import { printFailure, printJson } from '../print.ts';
import type { Services } from '../services.ts';
import { firstPipeline, PROJECT_FILE } from './init-templates.ts';

interface Outcome {
  readonly file: string;
  readonly action: 'written' | 'would be written' | 'kept';
}

/** `init`: a first pipeline and a commented `pipewright.yaml`. What is there already is never changed. */
export async function init(
  command: Extract<Command, { readonly name: 'init' }>,
  services: Services,
): Promise<number> {
  const { root } = services.project;
  const pipeline = firstPipeline(factsOf(root));
  const files = [
    { file: path.join('pipelines', pipeline.file), text: pipeline.text },
    { file: 'pipewright.yaml', text: PROJECT_FILE },
  ];
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
    outcomes.push({ file, action: outcome.action });
  }
  const hint = gitignoreHint(services);
  if (command.json) {
    await printJson(services, { project: root, files: outcomes, hint: hint ?? null });
    return 0;
  }
  const lines = outcomes.map(({ file, action }) => `${action.padEnd(16)} ${file}`);
  if (hint !== undefined) lines.push(hint);
  if (!command.dryRun) lines.push(`Next: pipewright run ${pipeline.name}`);
  await services.terminal.write(`${lines.join('\n')}\n`);
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
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'failed';
    return code === 'EEXIST' ? { ok: true, action: 'kept' } : { ok: false, detail: code };
  }
}

/** What in the folder tells which commands test the project. */
function factsOf(root: string): Parameters<typeof firstPipeline>[0] {
  const has = (name: string): boolean => existsSync(path.join(root, name));
  const read = (name: string): string => (has(name) ? readFileSync(path.join(root, name), 'utf8') : '');
  const manifest = read('package.json');
  return {
    npmScripts: scriptsOf(manifest),
    hasManifest: manifest !== '',
    hasLockFile: has('package-lock.json'),
    makeTargets: [...read('Makefile').matchAll(/^([a-zA-Z][\w-]*)\s*:(?!=)/gm)].map(([, name = '']) => name),
    hasGo: has('go.mod'),
    hasPython: has('pyproject.toml') || has('setup.py') || has('requirements.txt'),
  };
}

function scriptsOf(manifest: string): readonly string[] {
  try {
    const parsed: unknown = JSON.parse(manifest);
    const scripts =
      typeof parsed === 'object' && parsed !== null && 'scripts' in parsed ? parsed.scripts : {};
    return typeof scripts === 'object' && scripts !== null ? Object.keys(scripts) : [];
  } catch {
    // Not JSON: then there is nothing to learn from it.
    return [];
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
