import { isObject } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';

/** What the stage kind `change-analysis` found out and decided; its outputs, under these two names. */
export interface Analysis {
  readonly changes: Changes;
  readonly decisions: readonly AnalysisDecision[];
}

/** Outputs travel through the journal, so lists are bounded: `counts` has the true numbers. */
export type Changes = {
  /** False: nothing differs from what is deployed, and the pipeline has nothing to do. */
  readonly any: boolean;
  /** The commit whose tree is built. */
  readonly head: string;
  /** What the changes are counted from, the oldest where services differ; null: unknown, everything runs. */
  readonly base: string | null;
  /** Files in the folder are not committed; they are part of what is built. */
  readonly is_dirty: boolean;
  readonly files_count: number;
  /** Paths by category, only categories that have some, at most 50 of each; `other` is known to no category. */
  readonly categories: { readonly [category: string]: readonly string[] };
  readonly counts: { readonly [category: string]: number };
  /** Lists were cut: the artifact has them whole. */
  readonly is_truncated: boolean;
  /** By name, in the order of deploying. */
  readonly services: { readonly [service: string]: ServiceChanges };
};

export type ServiceChanges = {
  /** Commit of its last healthy release in this environment; null: none. */
  readonly base: string | null;
  readonly files_count: number;
  /** Whether it has to be built and deployed. */
  readonly build: boolean;
  readonly rule: string;
  readonly reason: string;
};

/** In the words of spec 2: `skip_backend_test`, `build_frontend`, `run_all`, `skip_pipeline`, … */
export type AnalysisDecision = {
  readonly action: string;
  readonly reason: string;
  readonly rule: string;
  readonly evidence: readonly { readonly name: string; readonly value: JsonValue }[];
  /** Of `skip_backend_test`: globs of the tests that are left out. */
  readonly leave_out?: readonly string[];
};

/** Whether something is done, and why. */
export interface Choice {
  readonly run: boolean;
  readonly rule: string;
  readonly reason: string;
  /** It runs without the tests that match these globs, relative to the project. */
  readonly leave_out: readonly string[];
}

/** What an analysis stage before this one has left in `context.variables`; undefined where there was none. */
export function readAnalysis(variables: JsonObject): Analysis | undefined {
  const { changes, decisions } = variables;
  if (!isChanges(changes) || !Array.isArray(decisions)) return undefined;
  return { changes, decisions: decisions.filter(isDecision) };
}

/** Whether the suite `unit`, `e2e`, `performance` or `security` is run. Without an analysis everything is. */
export function shouldTest(analysis: Analysis | undefined, suite: string): Choice {
  if (!analysis) return everything('no analysis of changes ran before');
  const skip = decided(analysis, 'skip_pipeline') ?? decided(analysis, `skip_${suite}_test`);
  if (skip) return { run: false, rule: skip.rule, reason: skip.reason, leave_out: [] };
  const area = suite === 'unit' ? decided(analysis, 'skip_backend_test') : undefined;
  if (area) return { run: true, rule: area.rule, reason: area.reason, leave_out: area.leave_out ?? [] };
  const all = decided(analysis, 'run_all');
  return all
    ? { run: true, rule: all.rule, reason: all.reason, leave_out: [] }
    : { run: true, rule: 'changed', reason: 'no rule leaves it out', leave_out: [] };
}

/** Whether a service is built and deployed. One that the analysis does not know is. */
export function shouldBuild(analysis: Analysis | undefined, service: string): Choice {
  if (!analysis) return everything('no analysis of changes ran before');
  const known = Object.hasOwn(analysis.changes.services, service) && analysis.changes.services[service];
  if (!known) return everything(`the analysis knows no service ${service}`);
  return { run: known.build, rule: known.rule, reason: known.reason, leave_out: [] };
}

function everything(reason: string): Choice {
  return { run: true, rule: 'no-analysis', reason, leave_out: [] };
}

function decided({ decisions }: Analysis, action: string): AnalysisDecision | undefined {
  return decisions.find((decision) => decision.action === action);
}

function isChanges(value: unknown): value is Changes {
  return (
    isObject(value) &&
    typeof value['any'] === 'boolean' &&
    typeof value['head'] === 'string' &&
    isObject(value['categories']) &&
    isObject(value['counts']) &&
    isObject(value['services']) &&
    Object.values(value['services']).every(
      (service) => isObject(service) && typeof service['build'] === 'boolean',
    )
  );
}

function isDecision(value: unknown): value is AnalysisDecision {
  return (
    isObject(value) &&
    typeof value['action'] === 'string' &&
    typeof value['rule'] === 'string' &&
    typeof value['reason'] === 'string'
  );
}
