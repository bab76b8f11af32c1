import type { PipelineDefinition, StageDefinition, StageStatus } from '../../core/definition.ts';
import { stepsOf } from '../../core/engine/confirm.ts';
import { findStage } from '../../core/engine/scope.ts';
import { slug } from '../../core/engine/slug.ts';
import type { RunState } from '../../core/run-state.ts';
import type { StageState, StepState } from '../../core/stage-state.ts';
import type { StepProgress } from '../../core/stream-report.ts';
import type { RunView } from '../state.ts';
import { BRANCH, isStream, type LivePart, liveParts, streamParts } from './stream-tree.ts';

/** A line of the tree of a run. */
export interface TreeNode {
  /** `stage`, `stage\u0000step` or `stage\u0000tee\u0001branch`; stages of nested pipelines are `outer/inner`. */
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
  /** What it moves, or has counted so far. */
  readonly progress?: StepProgress;
  /** It has nodes below it. */
  readonly isParent: boolean;
  readonly isOpen: boolean;
}

/** What the tree is made of. */
export type TreeSource = Pick<RunView, 'state' | 'folds' | 'streams'>;

/** The tree in order, closed parts left out. `folds` is what a person opened or closed, by node id. */
export function treeOf({ state, folds, streams }: TreeSource): readonly TreeNode[] {
  const definition = state?.created?.definition;
  if (!state || !definition) return [];
  return stagesOf(definition, { state, folds, streams, prefix: '', depth: 0 });
}

interface Place extends Pick<TreeSource, 'folds' | 'streams'> {
  readonly state: RunState;
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
  const steps = stepNamesOf(definition, stage);
  const isParent = definition.pipeline !== undefined || steps.length > 0;
  const isNested = definition.pipeline !== undefined;
  const isOpen =
    folds[id] ?? opensItself(stage, { steps: steps.length, isNested: isNested || isStream(definition) });
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
    return [node, ...stagesOf(definition.pipeline, { ...place, prefix: `${id}/`, depth: depth + 1 })];
  }
  if (isStream(definition)) {
    const parts = liveParts(definition, stage, place.streams[id] ?? []);
    return [node, ...parts.flatMap((part) => partNodes(part, { stage, folds, depth: depth + 1 }))];
  }
  const seen = place.streams[id] ?? [];
  return [node, ...steps.map((step) => stepNode(stage, step, { depth: depth + 1, seen }))];
}

function stepNamesOf(definition: StageDefinition, stage: StageState): readonly string[] {
  if (isStream(definition)) return streamParts(definition).map(({ name }) => name);
  const planned = stepsOf(definition).map(({ name }) => name);
  return [...planned, ...Object.keys(stage.steps).filter((name) => !planned.includes(name))];
}

/** A step of a stream, and under a tee its branches. */
function partNodes(
  part: LivePart,
  {
    stage,
    folds,
    depth,
  }: { readonly stage: StageState; readonly folds: TreeSource['folds']; readonly depth: number },
): TreeNode[] {
  const id = nodeId(stage.name, part.path);
  const isParent = part.branches.length > 0;
  const isOpen = isParent && (folds[id] ?? true);
  const node: TreeNode = {
    id,
    stage: stage.name,
    step: part.path,
    depth,
    label: part.name,
    status: part.status,
    attempt: 0,
    maxAttempts: 1,
    isParent,
    isOpen,
    ...(part.progress && { progress: part.progress }),
  };
  if (!isOpen) return [node];
  return [node, ...part.branches.flatMap((branch) => partNodes(branch, { stage, folds, depth: depth + 1 }))];
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

function stepNode(
  stage: StageState,
  name: string,
  { depth, seen }: { readonly depth: number; readonly seen: readonly StepProgress[] },
): TreeNode {
  const step = stage.steps[name];
  const progress = seen.find((look) => look.name === name);
  return {
    id: nodeId(stage.name, name),
    stage: stage.name,
    step: name,
    depth,
    label: name,
    status: stepStatus(stage, step, progress),
    attempt: 0,
    maxAttempts: 1,
    isParent: false,
    isOpen: false,
    ...(progress && { progress }),
    ...(step?.finished && { durationMs: step.finished.duration_ms }),
    ...(step && !step.finished && stage.status === 'running' && { runningSince: step.started.at }),
  };
}

function stepStatus(
  stage: StageState,
  step: StepState | undefined,
  progress: StepProgress | undefined,
): StageStatus {
  if (!step)
    return stage.status === 'running' || stage.status === 'waiting' ? 'pending' : notReached(stage.status);
  // A command that did its work may have found what its stage calls a failure: an audit, a measurement.
  if (step.finished) return step.finished.failure || progress?.status === 'failed' ? 'failed' : 'passed';
  return stage.status;
}

/** A step that never began, in a stage that is over. */
function notReached(status: StageStatus): StageStatus {
  return status === 'pending' ? 'pending' : 'skipped';
}

/** Of a stage, or of a step in it. */
export function nodeId(stage: string, step?: string): string {
  return step === undefined ? stage : `${stage}\u0000${step}`;
}

/** The stage and the step that an id is made of. */
export function placeOf(id: string): { readonly stage: string; readonly step?: string } {
  const [stage = '', step] = id.split('\u0000');
  return step === undefined ? { stage } : { stage, step };
}

/** Ids of the stages and steps above a node. */
export function parentOf(id: string): string | undefined {
  const { stage, step } = placeOf(id);
  const tee = step?.lastIndexOf(BRANCH) ?? -1;
  if (step !== undefined) return tee > 0 ? nodeId(stage, step.slice(0, tee)) : stage;
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
  const step = stage.steps[stepWithLog(state, stage, place.step) ?? ''];
  if (step) return { file: step.started.log, isLive: !step.finished };
  if (place.step !== undefined || stage.attempt === 0) return undefined;
  return { file: `logs/${slug(stage.name)}.log`, isLive: stage.status === 'running' };
}

/** Steps of a stream that run together have one log, that of the first of them. */
function stepWithLog(state: RunState, stage: StageState, step: string | undefined): string | undefined {
  if (step === undefined) return eyeStep(stage);
  const definition = state.created && findStage(state.created.definition, stage.name);
  if (!definition || !isStream(definition)) return step;
  const names = streamParts(definition).map(({ name }) => name);
  const at = names.indexOf(step.split(BRANCH)[0] ?? '');
  return names.slice(0, at + 1).findLast((name) => stage.steps[name] !== undefined);
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
