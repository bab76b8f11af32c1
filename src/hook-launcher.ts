import { spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import type { ProjectPlaces } from './cli/services.ts';
import type { HookJob } from './core/deliveries.ts';
import type { RunStore } from './core/ports.ts';
import { oneLine } from './core/terminal-text.ts';
import { inheritedEnvironment } from './executors/local/environment.ts';
import type { Launcher } from './server/parts.ts';
import { createFiles } from './system/files.ts';

interface Parts {
  readonly project: ProjectPlaces;
  readonly store: Pick<RunStore, 'follow'>;
  readonly launcher: string;
  /** Variables that are not for runs. */
  readonly hidden: readonly string[];
}

/** Last lines of stderr that say why a run was refused. */
const LAST_LINES = 3;

/** Runs webhooks as `pipewright run` would be by hand: same engine, same locks, processes that outlive this one. */
export function createLauncher(parts: Parts): Omit<Launcher, 'check'> {
  const { project, store } = parts;
  return {
    run: async (job, update) => {
      const output = path.join(project.stateDir, 'serve', `${job.run_id}.log`);
      try {
        mkdirSync(path.dirname(output), { recursive: true, mode: 0o700 });
        const updated = update === undefined ? 0 : await runUpdate(update, output, parts);
        if (updated !== 0) return { detail: `update: exit ${updated}: ${await lastWords(output)}` };
        const exitCode = await runPipeline(job, output, parts);
        return { exitCode, detail: exitCode === 0 || exitCode === 3 ? '' : await lastWords(output) };
      } catch (error) {
        return { detail: oneLine(error instanceof Error ? error.message : String(error)) };
      } finally {
        await rm(output, { force: true });
      }
    },
    ended: (runId) =>
      existsSync(path.join(project.stateDir, 'runs', runId)) ? whenEnded(store, runId) : undefined,
  };
}

/** Whoever follows a run is let go when no process owns it any more. */
async function whenEnded(store: Pick<RunStore, 'follow'>, runId: string): Promise<void> {
  try {
    for await (const _ of store.follow(runId, Number.MAX_SAFE_INTEGER, new AbortController().signal));
  } catch {
    // A damaged journal: nobody goes on with it.
  }
}

async function runPipeline(job: HookJob, output: string, parts: Parts): Promise<number> {
  const { project } = parts;
  const args = [
    parts.launcher,
    'run',
    job.pipeline,
    ...Object.entries(job.params).map(([name, value]) => `--set=${name}=${value}`),
    ...(job.environment === undefined ? [] : [`--env=${job.environment}`]),
    ...(job.commit === undefined ? [] : [`--commits=${job.commit}`]),
    `--project=${project.root}`,
    `--state=${project.stateDir}`,
    '--output=plain',
  ];
  const env = { PIPEWRIGHT_TRIGGER: 'webhook', PIPEWRIGHT_RUN_ID: job.run_id };
  return exitOf(process.execPath, args, { output, parts, env });
}

async function runUpdate(update: string, output: string, parts: Parts): Promise<number> {
  return exitOf('/bin/sh', ['-c', update], { output, parts, env: {} });
}

/** In a group of its own, so that Ctrl-C at this terminal does not reach it; without our secrets. */
async function exitOf(
  program: string,
  args: readonly string[],
  {
    output,
    parts,
    env,
  }: { readonly output: string; readonly parts: Parts; readonly env: Readonly<Record<string, string>> },
): Promise<number> {
  const log = openSync(output, 'a', 0o600);
  const options: SpawnOptions = {
    cwd: parts.project.root,
    env: { ...inheritedEnvironment(process.env, parts.hidden), ...env },
    detached: true,
    stdio: ['ignore', 'ignore', log],
  };
  try {
    const child = spawn(program, [...args], options);
    // The server may stop before it ends.
    child.unref();
    await once(child, 'exit');
    return child.exitCode ?? 128;
  } finally {
    closeSync(log);
  }
}

async function lastWords(output: string): Promise<string> {
  return oneLine((await createFiles().tail(output, LAST_LINES)).join('\n')).slice(0, 1000);
}
