import type { PipelineDefinition, StageDefinition, StageStatus } from '../../core/definition.ts';
import { stepsOf } from '../../core/engine/confirm.ts';
import { slug } from '../../core/engine/slug.ts';
import type { RunState, StageState, StepState } from '../../core/run-state.ts';

/** A line of the tree of a run. */
export interface TreeNode {
  /** `stage` or `stage\u0000step`; stages of nested pipelines are `outer/inner`. */
  readonly id: string;
  readonly stage: string;
  readonly step?: string;
  readonly depth: number;
  readonly label: string;
  readonly status: StageStatus;
  readonly attempt: number;
  readonly maxAttempts: number;
  /** Of what has ended. */
  readonly durationMs?: number;
  /** ISO time of the start of what still runs. */
  readonly runningSince?: string;
  /** Reason of a skip, or of a failure in short. */
  readonly note?: string;
  /** It has nodes below it. */
  readonly isParent: boolean;
  readonly isOpen: boolean;
}

/** The tree in order, closed parts left out. `folds` is what a person opened or closed, by node id. */
export function treeOf(
  state: RunState | undefined,
  folds: Readonly<Record<string, boolean>>,
): readonly TreeNode[] {
  const definition = state?.created?.definition;
  if (!state || !definition) return [];
  return stagesOf(definition, { state, folds, prefix: '', depth: 0 });
}

interface Place {
  readonly state: RunState;
  readonly folds: Readonly<Record<string, boolean>>;
  readonly prefix: string;
  readonly depth: number;
}

function stagesOf(definition: PipelineDefinition, place: Place): TreeNode[] {
  return [...definition.stages, ...definition.finally].flatMap((stage) => stageNodes(stage, place));
}

function stageNodes(definition: StageDefinition, place: Place): TreeNode[] {
  const { state, folds, prefix, depth } = place;
  const id = prefix + definition.name;
  const stage = state.stages[id];
  if (!stage) return [];
  const planned = stepsOf(definition).map(({ name }) => name);
  const started = Object.keys(stage.steps);
  const steps = [...planned, ...started.filter((name) => !planned.includes(name))];
  const isParent = definition.pipeline !== undefined || steps.length > 0;
  const isOpen =
    folds[id] ?? opensItself(stage, { steps: steps.length, isNested: definition.pipeline !== undefined });
  const node: TreeNode = {
    id,
    stage: id,
    depth,
    label: definition.name,
    status: stage.status,
    attempt: stage.attempt,
    maxAttempts: Math.max(stage.max_attempts, definition.retry.max_attempts),
    isParent,
    isOpen: isParent && isOpen,
    ...timesOf(stage),
    ...noteOf(stage),
  };
  if (!node.isOpen) return [node];
  if (definition.pipeline) {
    return [node, ...stagesOf(definition.pipeline, { state, folds, prefix: `${id}/`, depth: depth + 1 })];
  }
  return [node, ...steps.map((step) => stepNode(stage, step, depth + 1))];
}

/** What runs or failed is open; the rest is one line, so that a long pipeline fits. */
function opensItself(
  stage: StageState,
  { steps, isNested }: { readonly steps: number; readonly isNested: boolean },
): boolean {
  const isAlive = stage.status === 'running' || stage.status === 'failed' || stage.status === 'interrupted';
  return isAlive && (isNested || steps > 1);
}

function timesOf(stage: StageState): Pick<TreeNode, 'durationMs' | 'runningSince'> {
  if (stage.status === 'running' && stage.started_at !== undefined) return { runningSince: stage.started_at };
  return stage.duration_ms !== undefined && stage.attempt > 0 ? { durationMs: stage.duration_ms } : {};
}

function noteOf(stage: StageState): Pick<TreeNode, 'note'> {
  if (stage.status === 'skipped' && stage.decision) return { note: stage.decision.reason };
  if (stage.cached) return { note: 'from the cache' };
  if (stage.status === 'waiting' && stage.confirmation && !stage.confirmation.answered) {
    return { note: 'waits for an answer' };
  }
  if (stage.status === 'waiting' && stage.failure) return { note: 'tries again soon' };
  const [warning] = stage.warnings;
  return warning === undefined ? {} : { note: warning };
}

function stepNode(stage: StageState, name: string, depth: number): TreeNode {
  const step = stage.steps[name];
  return {
    id: nodeId(stage.name, name),
    stage: stage.name,
    step: name,
    depth,
    label: name,
    status: stepStatus(stage, step),
    attempt: 0,
    maxAttempts: 1,
    isParent: false,
    isOpen: false,
    ...(step?.finished && { durationMs: step.finished.duration_ms }),
    ...(step && !step.finished && stage.status === 'running' && { runningSince: step.started.at }),
  };
}

function stepStatus(stage: StageState, step: StepState | undefined): StageStatus {
  if (!step)
    return stage.status === 'running' || stage.status === 'waiting' ? 'pending' : notReached(stage.status);
  if (step.finished) return step.finished.failure ? 'failed' : 'passed';
  return stage.status;
}

/** A step that never began, in a stage that is over. */
function notReached(status: StageStatus): StageStatus {
  return status === 'pending' ? 'pending' : 'skipped';
}

export function nodeId(stage: string, step?: string): string {
  return step === undefined ? stage : `${stage}\u0000${step}`;
}

export function placeOf(id: string): { readonly stage: string; readonly step?: string } {
  const [stage = '', step] = id.split('\u0000');
  return step === undefined ? { stage } : { stage, step };
}

/** Ids of the stages and steps above a node. */
export function parentOf(id: string): string | undefined {
  const { stage, step } = placeOf(id);
  if (step !== undefined) return stage;
  const end = stage.lastIndexOf('/');
  return end > 0 ? stage.slice(0, end) : undefined;
}

/**
 * The node that deserves the eye: what asks, the failing step, what runs, or the last that ended.
 */
export function activeNode(state: RunState | undefined): string | undefined {
  const stages = Object.values(state?.stages ?? {});
  const asking = stages.find(
    ({ confirmation, status }) => status === 'waiting' && confirmation && !confirmation.answered,
  );
  const running = stages.findLast(({ status }) => status === 'running');
  const failing = stages.findLast(({ status }) => status === 'failed' || status === 'interrupted');
  const ended = stages
    .filter(({ finished_seq, attempt }) => finished_seq !== undefined && attempt > 0)
    .toSorted((a, b) => (a.finished_seq ?? 0) - (b.finished_seq ?? 0))
    .at(-1);
  const stage = asking ?? running ?? failing ?? ended ?? stages[0];
  return stage && nodeId(stage.name, Object.keys(stage.steps).length > 1 ? eyeStep(stage) : undefined);
}

function eyeStep(stage: StageState): string | undefined {
  const steps = Object.values(stage.steps);
  const failing = steps.findLast(({ finished }) => finished?.failure);
  const running = steps.findLast(({ finished }) => !finished);
  return (failing ?? running ?? steps.at(-1))?.started.step;
}

/** The log of a node, relative to the run's folder: a step's own, or that of the step of a stage that deserves the eye. */
export function logOf(
  state: RunState,
  id: string,
): { readonly file: string; readonly isLive: boolean } | undefined {
  const place = placeOf(id);
  const stage = state.stages[place.stage];
  if (!stage) return undefined;
  const step = stage.steps[place.step ?? eyeStep(stage) ?? ''];
  if (step) return { file: step.started.log, isLive: !step.finished };
  if (place.step !== undefined || stage.attempt === 0) return undefined;
  return { file: `logs/${slug(stage.name)}.log`, isLive: stage.status === 'running' };
}

/** What a retry would run again and a skip would waive. */
export function failedStages(state: RunState | undefined): readonly string[] {
  return Object.values(state?.stages ?? {})
    .filter(({ status, name }) => status === 'failed' && !hasFailedChild(state, name))
    .map(({ name }) => name);
}

function hasFailedChild(state: RunState | undefined, name: string): boolean {
  return Object.values(state?.stages ?? {}).some(
    (stage) => stage.name.startsWith(`${name}/`) && stage.status === 'failed',
  );
}
