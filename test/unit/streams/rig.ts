import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ok, type Failure, type Result } from '../../../src/core/failure.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { defaultSettings } from '../../../src/core/settings/index.ts';
import type { StageContext } from '../../../src/core/stage-kind.ts';
import type { StreamRecord } from '../../../src/core/stream-report.ts';
import { stream } from '../../../src/stages/stream.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { stage } from '../../support/fakes.ts';

/** How a stream stage ended, and what it left. */
export interface StreamRun {
  readonly result: Result<JsonObject>;
  readonly failure: Failure | undefined;
  readonly outputs: JsonObject;
  readonly streams: readonly StreamRecord[];
  readonly warnings: readonly string[];
  /** Standard output and error of the pump and of its commands. */
  readonly log: string;
  readonly tookMs: number;
}

/** A project folder whose stream stages are run as the engine would, removed at the end of the block. */
export interface StreamRig extends Disposable {
  readonly folder: string;
  readonly file: (name: string) => string;
  readonly read: (name: string) => string;
  /** Names in the folder, without those of the run. */
  readonly names: () => readonly string[];
  readonly run: (steps: readonly object[], options?: RunOptions) => Promise<StreamRun>;
  readonly progress: () => unknown;
}

export interface RunOptions {
  readonly variables?: JsonObject;
  readonly env?: Readonly<Record<string, string>>;
  /** Called with the group's leader once it runs; may signal it. */
  readonly started?: (pid: number) => void;
}

export function streamRig(): StreamRig {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-streams-'));
  const artifacts = path.join(folder, '.run', 'artifacts');
  return {
    folder,
    file: (name) => path.join(folder, name),
    read: (name) => readFileSync(path.join(folder, name), 'utf8'),
    names: () =>
      readdirSync(folder)
        .filter((name) => name !== '.run')
        .toSorted(),
    progress: () => JSON.parse(readFileSync(path.join(artifacts, 'flow', 'progress.json'), 'utf8')),
    run: (steps, options = {}) => runStage(folder, steps, options),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function runStage(folder: string, steps: readonly object[], options: RunOptions): Promise<StreamRun> {
  const config = stream.schema.parse({ steps });
  const warnings: string[] = [];
  let log = '';
  const context: StageContext = {
    clock: systemClock,
    signal: new AbortController().signal,
    id: 'flow',
    stage: stage('flow', [], { uses: 'stream' }),
    attempt: 1,
    project: folder,
    by: 'tester@here',
    hostOf: (name) => ok(name),
    begun: [],
    confirm: () => Promise.resolve(ok(undefined)),
    variables: {
      run_id: '20260101-000000-abcdef0',
      pipeline: 'demo',
      artifacts: path.join(folder, '.run', 'artifacts'),
      ...options.variables,
    },
    step: async (step) => {
      const ended = await runScript(step.command.script, folder, options);
      log += ended.log;
      const failure = ended.code === 0 ? undefined : exitFailure(ended.code);
      const finished = {
        stage: 'flow',
        step: step.name,
        attempt: 1,
        duration_ms: 0,
        log_bytes: 0,
        adopted: false,
      };
      return { finished, ...(failure && { failure }) };
    },
    steps: () => Promise.reject(new Error('not used')),
    runPipeline: () => Promise.reject(new Error('not used')),
    log: () => Promise.resolve(),
    warn: (message) => void warnings.push(message),
    explain: () => undefined,
    task: () => Promise.reject(new Error('not used')),
    recorded: {},
    get ports(): never {
      throw new Error('not used');
    },
    settings: defaultSettings('demo'),
    runId: '20260101-000000-abcdef0',
    environment: 'default',
    commits: [],
    progress: () => undefined,
    writeArtifact: () => Promise.reject(new Error('not used')),
  };
  const began = performance.now();
  const result = await stream.run(config, context);
  const outputs = result.ok ? result.value : {};
  return {
    result,
    failure: result.ok ? undefined : result.failure,
    outputs,
    streams: recordsOf(outputs),
    warnings,
    log,
    tookMs: performance.now() - began,
  };
}

function recordsOf(outputs: JsonObject): readonly StreamRecord[] {
  return JSON.parse(JSON.stringify(outputs['streams'] ?? []));
}

function exitFailure(code: number): Failure {
  return code === 127 ? { reason: 'command-not-found' } : { reason: 'exit-non-zero', exit_code: code };
}

function runScript(
  script: string,
  folder: string,
  { env, started }: RunOptions,
): Promise<{ readonly code: number; readonly log: string }> {
  const child = spawn('/bin/sh', ['-c', script], {
    cwd: folder,
    detached: true,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
  }
  if (child.pid !== undefined) started?.(child.pid);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve({ code: code ?? 128 + (signal ? os.constants.signals[signal] : 0), log });
    });
  });
}

/** Whether processes of a group are left. */
export function isGroupAlive(leader: number): boolean {
  try {
    process.kill(-leader, 0);
    return true;
  } catch {
    return false;
  }
}

/** Until it holds, at most `limitMs`. */
export async function until(holds: () => boolean, limitMs = 30_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms: ${holds.toString()}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
}
