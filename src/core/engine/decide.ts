import type { PipelineDefinition, StageDefinition, StageStatus } from '../definition.ts';
import type { Decision, Evidence, Selection } from '../events.ts';
import type { Failure, Result } from '../failure.ts';
import { downstreamOf } from './scope.ts';

/** What a decision may look at. `undefined` means: not known yet. */
export interface StageFacts {
  readonly statusOf: (name: string) => StageStatus | undefined;
  /** Skipped by a person at a confirmation: a named waiver, so its dependents go on. */
  readonly waived: (name: string) => boolean;
  readonly excluded: Readonly<Record<string, Exclusion>>;
  /** Undefined when the expression reads something not known yet. */
  readonly evaluate: (
    expression: string,
  ) => Result<{ readonly value: boolean; readonly read: readonly Evidence[] }> | undefined;
}

/** Left out on purpose, so that stages that need it wait for what it needs instead. */
export interface Exclusion {
  readonly rule: 'disabled' | 'skip-option' | 'not-selected';
  readonly reason: string;
  readonly would_flip: string;
}

type Decided =
  | { readonly state: 'decided'; readonly decision: Decision }
  /** A need has not ended, or the condition reads what is not known yet. */
  | { readonly state: 'open'; readonly evidence: readonly Evidence[] }
  | { readonly state: 'invalid'; readonly failure: Failure };

/**
 * Whether a stage runs. The one rule book behind first runs, plans, continue, rerun and resume.
 * Order: left out on purpose, needs, condition.
 */
export function decide(stage: StageDefinition, definition: PipelineDefinition, facts: StageFacts): Decided {
  const exclusion = facts.excluded[stage.name];
  if (exclusion) return decided({ action: 'skip', evidence: [], ...exclusion });

  const needs = effectiveNeeds(stage, definition, facts);
  const open = needs.filter(({ name }) => facts.statusOf(name) === undefined);
  if (open.length > 0) return { state: 'open', evidence: open.map(({ name }) => ({ name, value: null })) };

  const evidence = needs.map(({ name }) => ({
    name: `stages.${name}.status`,
    value: facts.statusOf(name) ?? null,
  }));
  const unmet = needs.filter((need) => !isMet(need, facts));
  if (unmet.length > 0) return decided(needUnmet(unmet, facts, evidence));
  return stage.if === undefined
    ? decided({ action: 'run', rule: 'needs-met', reason: reasonToRun(needs), evidence, ...flipNeeds(needs) })
    : decideCondition(stage.if, facts, evidence);
}

function decideCondition(expression: string, facts: StageFacts, needs: readonly Evidence[]): Decided {
  const result = facts.evaluate(expression);
  if (result === undefined) return { state: 'open', evidence: [{ name: 'if', value: expression }] };
  if (!result.ok) return { state: 'invalid', failure: result.failure };
  const { value, read } = result.value;
  return decided({
    action: value ? 'run' : 'skip',
    rule: value ? 'condition-true' : 'condition-false',
    reason: `if: ${expression} is ${value}`,
    evidence: [...needs, ...read],
    would_flip: `${expression} being ${!value}`,
  });
}

interface Need {
  readonly name: string;
  readonly accepted: readonly StageStatus[];
}

/** Needs with excluded stages replaced by what those need themselves. */
function effectiveNeeds(
  stage: StageDefinition,
  definition: PipelineDefinition,
  facts: StageFacts,
  seen: ReadonlySet<string> = new Set(),
): readonly Need[] {
  return Object.entries(stage.needs).flatMap(([name, accepted]) => {
    if (!facts.excluded[name]) return [{ name, accepted }];
    const through = definition.stages.find((other) => other.name === name);
    return through && !seen.has(name)
      ? effectiveNeeds(through, definition, facts, new Set([...seen, name]))
      : [];
  });
}

function isMet({ name, accepted }: Need, facts: StageFacts): boolean {
  const status = facts.statusOf(name);
  return status !== undefined && (accepted.includes(status) || facts.waived(name));
}

function needUnmet(unmet: readonly Need[], facts: StageFacts, evidence: readonly Evidence[]): Decision {
  const [first] = unmet;
  const parts = unmet.map(
    ({ name, accepted }) => `${name} is ${facts.statusOf(name)}, accepted: ${accepted.join(', ')}`,
  );
  return {
    action: 'skip',
    rule: 'need-unmet',
    reason: `needs ${parts.join('; ')}`,
    evidence,
    ...(first && { would_flip: `${first.name} ending as ${first.accepted.join(' or ')}` }),
  };
}

function reasonToRun(needs: readonly Need[]): string {
  return needs.length === 0
    ? 'it needs no other stage'
    : `its needs are met: ${needs.map(({ name }) => name).join(', ')}`;
}

function flipNeeds(needs: readonly Need[]): { would_flip?: string } {
  const [first] = needs;
  return first ? { would_flip: `${first.name} ending as anything but ${first.accepted.join(' or ')}` } : {};
}

function decided(decision: Decision): Decided {
  return { state: 'decided', decision };
}

/** Stages that `enabled: false`, `--skip`, `--only` or `--from` leave out, by name. */
export function exclusionsOf(
  definition: PipelineDefinition,
  selection: Selection,
): Readonly<Record<string, Exclusion>> {
  const only = new Set(selection.only);
  const from = selection.from;
  const fromSet =
    from === undefined ? undefined : new Set([from, ...downstreamOf(definition, new Set([from]))]);
  const entries = definition.stages.flatMap((stage): [string, Exclusion][] => {
    const exclusion = exclusionOf(stage, selection, only, fromSet);
    return exclusion ? [[stage.name, exclusion]] : [];
  });
  return Object.fromEntries(entries);
}

function exclusionOf(
  stage: StageDefinition,
  selection: Selection,
  only: ReadonlySet<string>,
  from: ReadonlySet<string> | undefined,
): Exclusion | undefined {
  if (!stage.enabled) {
    return { rule: 'disabled', reason: 'enabled: false in the pipeline', would_flip: 'enabled: true' };
  }
  if (selection.skip.includes(stage.name)) {
    return {
      rule: 'skip-option',
      reason: `--skip ${stage.name} was given`,
      would_flip: `no --skip ${stage.name}`,
    };
  }
  if (only.size > 0 && !only.has(stage.name)) {
    return {
      rule: 'not-selected',
      reason: `--only ${[...only].join(' --only ')} leaves it out`,
      would_flip: `--only ${stage.name}`,
    };
  }
  if (from && !from.has(stage.name)) {
    return {
      rule: 'not-selected',
      reason: `--from ${selection.from} begins after it`,
      would_flip: `--from ${stage.name}`,
    };
  }
  return undefined;
}
