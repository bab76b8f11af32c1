import type { StageDefinition, StageStatus } from '../../core/definition.ts';
import type { StageState } from '../../core/stage-state.ts';
import type { StepProgress } from '../../core/stream-report.ts';

/** A step of a stream stage, or a branch of a tee, as the pipeline has it. */
export interface StreamPart {
  readonly name: string;
  readonly branches: readonly StreamPart[];
}

/** A part with what is known of it. */
export interface LivePart {
  /** Its name, in a branch with those of the tees around it: the path that ids are made of. */
  readonly path: string;
  readonly name: string;
  readonly status: StageStatus;
  readonly progress?: StepProgress;
  readonly branches: readonly LivePart[];
}

/** Between a tee and its branch in an id; no name has it. */
export const BRANCH = '\u0001';

export function isStream({ uses }: Pick<StageDefinition, 'uses'>): boolean {
  return uses === 'stream';
}

/** The steps of a stream stage with the branches of its tees. */
export function streamParts(stage: Pick<StageDefinition, 'config'>): readonly StreamPart[] {
  return partsOf(stage.config['steps']);
}

function partsOf(steps: unknown): readonly StreamPart[] {
  if (!Array.isArray(steps)) return [];
  return steps.flatMap((step: unknown) => {
    if (typeof step !== 'object' || step === null || !('name' in step)) return [];
    const isTee = 'uses' in step && step.uses === 'tee' && 'branches' in step;
    return [{ name: String(step.name), branches: isTee ? partsOf(step.branches) : [] }];
  });
}

/** How each part stands: by the last look at the stage's progress, or else by where the stage is. */
export function liveParts(
  definition: StageDefinition,
  stage: StageState,
  seen: readonly StepProgress[],
): readonly LivePart[] {
  const parts = streamParts(definition);
  // Groups of steps run one after another; each is a command of the engine with the name of its first step.
  const group = parts.findLastIndex(({ name }) => stage.steps[name] !== undefined);
  return parts.map((part, at) => {
    const progress = seen.find(({ name }) => name === part.name);
    return livePart(part, { stage: stage.status, isBefore: at < group, path: part.name }, progress);
  });
}

interface Place {
  readonly stage: StageStatus;
  /** It belongs to a group that has ended well: a later one runs, or ran. */
  readonly isBefore: boolean;
  readonly path: string;
}

function livePart(
  { name, branches }: StreamPart,
  place: Place,
  progress: StepProgress | undefined,
): LivePart {
  return {
    path: place.path,
    name,
    status: progress ? statusOf(progress, place) : unseen(place),
    ...(progress && { progress }),
    branches: branches.map((branch) =>
      livePart(
        branch,
        { ...place, path: `${place.path}${BRANCH}${branch.name}` },
        progress?.branches?.find((other) => other.name === branch.name),
      ),
    ),
  };
}

function statusOf({ status }: StepProgress, { stage }: Place): StageStatus {
  // What ran when its process died ended as the stage did.
  if (status === 'running') return stage === 'passed' || stage === 'warning' ? 'passed' : stage;
  return status === 'stopped' ? 'cancelled' : status;
}

function unseen({ stage, isBefore }: Place): StageStatus {
  if (stage === 'passed' || stage === 'warning' || isBefore) return 'passed';
  return stage === 'pending' || stage === 'waiting' || stage === 'running' ? 'pending' : 'skipped';
}

/** The newer look over the older one: a look holds only the steps that run together. */
export function mergeProgress(
  before: readonly StepProgress[],
  seen: readonly StepProgress[],
): readonly StepProgress[] {
  const kept = before.filter(({ name }) => !seen.some((step) => step.name === name));
  return [...kept, ...seen];
}
