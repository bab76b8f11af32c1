import type { PipelineDefinition, StageDefinition, StageStatus } from '../definition.ts';
import type { Decision, Selection } from '../events.ts';
import { failed, ok, type Result } from '../failure.ts';
import type { JsonObject } from '../json.ts';
import type { RunState } from '../run-state.ts';
import type { StageSettings } from '../settings/index.ts';
import type { IdleView } from '../stage-kind.ts';
import type { EngineDeps, PlannedStage } from './api.ts';
import { stepsOf } from './confirm.ts';
import { decide, exclusionsOf, type StageFacts } from './decide.ts';
import { idleDecision } from './idle.ts';
import { placeEvidence } from './place-stage.ts';
import { WAIVED_RULE } from './rules.ts';
import { loadConditions, type RunFacts, type Scope, variablesOf } from './scope.ts';

/** What planning may look at; it touches nothing. */
export interface PlanInputs {
  readonly deps: Pick<EngineDeps, 'conditions' | 'kinds' | 'vcs' | 'releases'>;
  readonly facts: RunFacts;
  readonly settings: StageSettings;
  readonly selection: Selection;
  /** What has already happened; an empty run for a first plan. */
  readonly state: RunState;
  /** A stored result would be reused for this stage. */
  readonly cached: (scope: Scope, stage: StageDefinition) => Promise<Decision | undefined>;
}

/**
 * The stages of a pipeline in order, each with what would become of it. Goes through the same rules as a run,
 * with the stages before assumed to pass; `maybe` where a condition reads what only a run can tell.
 */
export async function planPipeline(
  inputs: PlanInputs,
  scope: Scope,
): Promise<Result<readonly PlannedStage[]>> {
  await loadConditions(inputs.deps, scope);
  const simulated: Simulation['simulated'] = new Map();
  const foreseen: Simulation['foreseen'] = new Map();
  const facts = simulatedFacts(inputs, scope, { simulated, foreseen });
  const planned: PlannedStage[] = [];
  for (const stage of inOrder(scope.definition)) {
    const result = await planStage(inputs, scope, stage, { facts, simulated, foreseen });
    if (!result.ok) return result;
    planned.push(...result.value);
  }
  for (const stage of scope.definition.finally) {
    const decision: Decision = {
      action: 'run',
      rule: 'finally',
      reason: 'it runs at the end, whatever the outcome was',
      evidence: [],
    };
    planned.push(
      describe(inputs, scope, stage, { action: stage.enabled ? 'run' : 'skip', decision, isFinally: true }),
    );
  }
  return ok(planned);
}

interface Simulation {
  readonly facts: StageFacts;
  readonly simulated: Map<string, StageStatus | 'maybe'>;
  /** Outputs of stages that only look, as they would be now. */
  readonly foreseen: Map<string, JsonObject>;
}

async function planStage(
  inputs: PlanInputs,
  scope: Scope,
  stage: StageDefinition,
  { facts, simulated, foreseen }: Simulation,
): Promise<Result<readonly PlannedStage[]>> {
  const done = endedBefore(inputs, scope, stage);
  if (done) {
    simulated.set(stage.name, done.status);
    return ok([describe(inputs, scope, stage, { action: 'skip', decision: done.decision })]);
  }
  const verdict = decide(stage, scope.definition, facts);
  if (verdict.state === 'invalid') return failed(verdict.failure);
  if (verdict.state === 'open') {
    simulated.set(stage.name, 'maybe');
    return ok([
      describe(inputs, scope, stage, { action: 'maybe', decision: maybe(stage, facts, verdict.evidence) }),
    ]);
  }
  if (verdict.decision.action === 'skip') {
    simulated.set(stage.name, 'skipped');
    return ok([describe(inputs, scope, stage, { action: 'skip', decision: verdict.decision })]);
  }
  const idle = idleForetold(inputs, scope, stage, { decision: verdict.decision, foreseen });
  if (idle) {
    simulated.set(stage.name, 'skipped');
    return ok([describe(inputs, scope, stage, { action: 'skip', decision: idle })]);
  }
  const reuse = await reuseOf(inputs, scope, stage);
  simulated.set(stage.name, 'passed');
  const evidence = reuse ? [] : await lookAhead(inputs, scope, stage, { facts, simulated, foreseen });
  const decision = reuse ?? verdict.decision;
  const own = describe(inputs, scope, stage, {
    action: reuse ? 'reuse' : 'run',
    decision: {
      ...decision,
      evidence: [...decision.evidence, ...evidence, ...placeEvidence(stage, inputs.settings)],
    },
  });
  if (!stage.pipeline || reuse) return ok([own]);
  const nested = await planPipeline(inputs, nestedScope(scope, stage, stage.pipeline));
  return nested.ok ? ok([own, ...nested.value]) : nested;
}

function idleForetold(
  { deps, facts, settings, state }: PlanInputs,
  scope: Scope,
  stage: StageDefinition,
  { decision, foreseen }: Pick<Simulation, 'foreseen'> & { readonly decision: Decision },
): Decision | undefined {
  const view = (): IdleView => ({
    settings,
    variables: { ...Object.assign({}, ...foreseen.values()), ...variablesOf(scope, facts, state) },
    isForetold: true,
  });
  return idleDecision(deps.kinds[stage.uses], stage, view, decision);
}

/** What a stage that only looks would find out; not where something runs before it that may change what it would see. */
async function lookAhead(
  { deps, facts, settings, state }: PlanInputs,
  scope: Scope,
  { name, uses, needs, config }: StageDefinition,
  { simulated, foreseen }: Simulation,
): Promise<Decision['evidence']> {
  const isUntouched = Object.keys(needs).every(
    (need) => simulated.get(need) === 'skipped' || foreseen.has(need),
  );
  const { vcs, releases } = deps;
  if (scope.prefix !== '' || !isUntouched) return [];
  const variables = { ...Object.assign({}, ...foreseen.values()), ...variablesOf(scope, facts, state) };
  const view = { ...facts, settings, variables, ports: { vcs, releases } };
  const found = await deps.kinds[uses]?.foresee?.(config, view);
  if (!found) return [];
  foreseen.set(name, found.outputs);
  return found.evidence;
}

/** A stored result that the stage would end with; a stage that a rerun chose is run anyway. */
async function reuseOf(
  inputs: PlanInputs,
  scope: Scope,
  stage: StageDefinition,
): Promise<Decision | undefined> {
  const isChosen = inputs.state.stages[scope.prefix + stage.name]?.reset_by === 'rerun';
  return stage.cache && !isChosen ? inputs.cached(scope, stage) : undefined;
}

/** Values of a nested pipeline's parameters are known when it runs; until then conditions on them are open. */
function nestedScope(scope: Scope, stage: StageDefinition, definition: PipelineDefinition): Scope {
  return { definition, prefix: `${scope.prefix}${stage.name}/`, params: {} };
}

function endedBefore(
  { state }: PlanInputs,
  scope: Scope,
  stage: StageDefinition,
): { readonly status: StageStatus; readonly decision: Decision } | undefined {
  const id = scope.prefix + stage.name;
  const before = state.stages[id];
  if (!before || !['passed', 'warning', 'skipped'].includes(before.status)) return undefined;
  return {
    status: before.status,
    decision: {
      action: 'skip',
      rule: 'already-ended',
      reason: `it already ended as ${before.status} in this run`,
      evidence: [{ name: `stages.${id}.status`, value: before.status }],
      would_flip: `rerun ${id}`,
    },
  };
}

function maybe(stage: StageDefinition, facts: StageFacts, evidence: Decision['evidence']): Decision {
  const open = Object.keys(stage.needs).filter((name) => facts.statusOf(name) === undefined);
  const reason =
    open.length > 0
      ? `it depends on whether ${open.join(', ')} runs`
      : `if: ${stage.if} reads what earlier stages find out`;
  return { action: 'run', rule: 'depends', reason, evidence };
}

function simulatedFacts(
  { deps, facts, selection, state }: PlanInputs,
  scope: Scope,
  { simulated, foreseen }: Omit<Simulation, 'facts'>,
): StageFacts {
  const recorded: JsonObject = variablesOf(scope, facts, state);
  return {
    excluded: exclusionsOf(scope.definition, scope.prefix === '' ? selection : { skip: [], only: [] }),
    waived: (name) => state.stages[scope.prefix + name]?.decision?.rule === WAIVED_RULE,
    statusOf: (name) => {
      const status = simulated.get(name);
      return status === 'maybe' ? undefined : status;
    },
    evaluate: (expression) => {
      const variables = { ...Object.assign({}, ...foreseen.values()), ...recorded };
      const known = new Set(Object.keys(variables).filter((name) => name !== 'stages'));
      const open = deps.conditions.reads(expression).some((name) => !known.has(name));
      const nested = scope.prefix !== '' && Object.keys(scope.definition.params).length > 0;
      return open || nested ? undefined : deps.conditions.evaluate(expression, variables);
    },
  };
}

function describe(
  { deps }: PlanInputs,
  scope: Scope,
  stage: StageDefinition,
  fate: {
    readonly action: PlannedStage['action'];
    readonly decision: Decision;
    readonly isFinally?: boolean;
  },
): PlannedStage {
  return {
    stage: scope.prefix + stage.name,
    kind: stage.uses,
    action: fate.action,
    decision: fate.decision,
    needs: stage.needs,
    confirms: stage.confirmation !== undefined || (deps.kinds[stage.uses]?.alwaysConfirms ?? false),
    max_attempts: stage.retry.max_attempts,
    ...(stage.timeout_ms !== undefined && { timeout_ms: stage.timeout_ms }),
    steps: stepsOf(stage).map(({ name, text, context }) => ({ name, command: text, context })),
    finally: fate.isFinally ?? false,
  };
}

/** Needs before those that need them; otherwise as written. */
export function inOrder(definition: PipelineDefinition): readonly StageDefinition[] {
  const ordered: StageDefinition[] = [];
  const placed = new Set<string>();
  const place = (stage: StageDefinition, path: ReadonlySet<string>): void => {
    if (placed.has(stage.name) || path.has(stage.name)) return;
    for (const need of Object.keys(stage.needs)) {
      const needed = definition.stages.find(({ name }) => name === need);
      if (needed) place(needed, new Set([...path, stage.name]));
    }
    placed.add(stage.name);
    ordered.push(stage);
  };
  for (const stage of definition.stages) place(stage, new Set());
  return ordered;
}
