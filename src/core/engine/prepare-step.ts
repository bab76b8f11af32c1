import { QUEUE_CONTEXT, type StepDefinition } from '../definition.ts';
import { failed, ok, type Result } from '../failure.ts';
import type { Command, CommandOutput, Executor } from '../ports.ts';
import type { StepState } from '../stage-state.ts';
import { bindCommand, bindValue } from '../template/bind.ts';
import { hostFor, placedVariables } from './place-stage.ts';
import { slug } from './slug.ts';
import type { StageTry } from './step-runner.ts';

/** A step that only needs to be started. */
export interface Prepared {
  readonly executor: Executor;
  readonly command: Command;
  readonly output: CommandOutput;
  /** Relative to the run's folder. */
  readonly log: string;
}

const CAPTURE_LIMIT_BYTES = 64 * 1024;
/** How long a command may go on after our death before the watchdog ends it; `continue` adopts it meanwhile. */
const ORPHAN_FINISH_MS = 5000;

/** Binds values and resolves secrets at the last moment, so that neither is ever recorded. */
export async function prepareStep(
  attempt: StageTry,
  step: StepDefinition,
  recorded: StepState | undefined,
): Promise<Result<Prepared>> {
  const { run, stage } = attempt;
  const context = hostFor(attempt, contextFor(attempt, step));
  if (!context.ok) return context;
  const executor = await run.executors.open(context.value);
  if (!executor.ok) return executor;
  const bound = bindStep(attempt, step, executor.value);
  if (!bound.ok) return bound;
  const secrets = await resolveSecrets(attempt);
  if (!secrets.ok) return secrets;

  const log = logNameOf(attempt, step);
  const command: Command = {
    script: bound.value.script,
    env: { ...bound.value.env, ...secrets.value },
    workdir: joinPath(executor.value.workdir ?? run.created.project, step.workdir ?? stage.workdir ?? ''),
    token: tokenOf(attempt, step, recorded),
    orphan:
      stage.on_interrupt === 'keep' ? { policy: 'keep' } : { policy: 'kill', finish_ms: ORPHAN_FINISH_MS },
    ...limitsOf(attempt, context.value),
  };
  const output: CommandOutput = {
    logFile: `${run.handle.folder}/${log}`,
    secrets: Object.values(secrets.value),
    ...(step.variable && { capture: { limitBytes: CAPTURE_LIMIT_BYTES } }),
  };
  return ok({ executor: executor.value, command, output, log });
}

/** What a host shares out is held there by a lease; the rest limits each command. */
function limitsOf({ run, stage, id }: StageTry, context: string): Pick<Command, 'limits'> {
  const { placed } = run.log.state.stages[id] ?? {};
  const held = placed?.context === context ? placed.resources : {};
  const { memory_bytes: memory, cpus } = stage.resources ?? {};
  const limits = {
    ...(memory !== undefined && held['memory'] === undefined && { memory_bytes: memory }),
    ...(cpus !== undefined && held['cpus'] === undefined && { cpus }),
  };
  return Object.keys(limits).length > 0 ? { limits } : {};
}

/**
 * Whose step says nothing runs where the run does. Workers have the files of the commit and nothing else: what a kind
 * makes of files of this machine stays here, unless they share the folder.
 */
function contextFor({ run, stage }: StageTry, step: StepDefinition): string {
  const wanted = step.context ?? (stage.context === 'local' ? run.created.context : stage.context);
  const isShared = run.settings.queue.tree === 'here';
  const stays = run.deps.kinds[stage.uses]?.travels !== true && !isShared;
  return wanted === QUEUE_CONTEXT && stays ? 'local' : wanted;
}

function bindStep(
  attempt: StageTry,
  step: StepDefinition,
  executor: Executor,
): Result<{ readonly script: string; readonly env: Readonly<Record<string, string>> }> {
  const templates = { ...attempt.scope.definition.env, ...attempt.stage.env, ...step.env };
  // They are gathered from every stage so far: not for a step that reads none.
  const readsAny = [step.command, ...Object.values(templates)].some(({ values }) => values.length > 0);
  const variables = readsAny ? attempt.variables() : {};
  const bound = bindCommand(step.command, variables);
  if (!bound.ok) return bound;
  const env: Record<string, string> = {};
  for (const [name, template] of Object.entries(templates)) {
    const value = bindValue(template, variables);
    if (!value.ok) return value;
    env[name] = value.value;
  }
  // Folders of this machine mean nothing on another.
  const state = attempt.run.log.state.stages[attempt.id];
  const placed = placedVariables(state, executor.name);
  const facts = {
    ...factsFor(attempt),
    ...placed,
    ...(executor.workdir === undefined && foldersFor(attempt)),
  };
  return ok({ script: bound.value.script, env: { ...env, ...facts, ...bound.value.env } });
}

/** What every command may read about its run. */
function factsFor({ run: { facts }, id, attempt }: StageTry): Readonly<Record<string, string>> {
  return {
    PIPEWRIGHT_STAGE: id,
    PIPEWRIGHT_ATTEMPT: String(attempt),
    PIPEWRIGHT_ENVIRONMENT: facts.environment,
  };
}

function foldersFor({ run: { facts } }: StageTry): Readonly<Record<string, string>> {
  return { PIPEWRIGHT_ARTIFACTS: facts.artifacts, PIPEWRIGHT_PROJECT: facts.project };
}

async function resolveSecrets(attempt: StageTry): Promise<Result<Record<string, string>>> {
  const values: Record<string, string> = {};
  for (const name of attempt.stage.secrets) {
    const reference = attempt.scope.definition.secrets[name];
    if (reference === undefined) {
      return failed({ reason: 'secret-unavailable', name, detail: 'the pipeline declares no such secret' });
    }
    const value = await attempt.run.deps.secrets.resolve(name, reference, attempt.signal);
    if (!value.ok) return value;
    values[name] = value.value;
  }
  return ok(values);
}

function logNameOf(attempt: StageTry, step: StepDefinition): string {
  const again = attempt.attempt > 1 ? `@${attempt.attempt}` : '';
  return `logs/${slug(attempt.id)}.${slug(step.name)}${again}.log`;
}

/** Each try of a step has its own token, because a claim is never given back. */
function tokenOf(attempt: StageTry, step: StepDefinition, recorded: StepState | undefined): string {
  const tries = recorded ? Number(/-(\d+)$/.exec(recorded.started.token)?.[1] ?? 0) + 1 : 1;
  return `${slug(attempt.id)}.${slug(step.name)}@${attempt.attempt}-${tries}`;
}

function joinPath(base: string, relative: string): string {
  if (relative === '') return base;
  return relative.startsWith('/') ? relative : `${base}/${relative}`;
}
