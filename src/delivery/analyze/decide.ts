import type { AnalysisDecision, ServiceChanges } from '../../core/analysis.ts';
import { portableGlob } from './glob.ts';
import { CATEGORIES, type Classifier } from './patterns.ts';
import type { Judgement } from './judge.ts';

/** Why everything runs although the files are known: there is nothing to compare with. */
export interface Unknown {
  readonly rule: string;
  readonly reason: string;
}

/** A service, and what changed since its last healthy release. */
export interface ServiceView {
  readonly name: string;
  readonly base: string | null;
  readonly unknown?: Unknown;
  readonly judgement: Judgement;
  readonly filesCount: number;
  /** `build.services.NAME.categories`; empty where nothing is said. */
  readonly categories: readonly string[];
}

/** Words of spec 2 for what a rule leaves out. */
const LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
  'frontend-only': ['skip_backend_test'],
  'backend-only': ['skip_performance_test'],
  'config-only': ['skip_unit_test', 'skip_e2e_test', 'skip_performance_test', 'skip_security_test'],
};

/** Decisions about the pipeline and its tests. */
export function testDecisions(
  judgement: Judgement,
  unknown: Unknown | undefined,
  classifier: Classifier,
): readonly AnalysisDecision[] {
  const evidence = evidenceOf(judgement);
  const { rule, reason } = judgement;
  if (unknown) return [{ action: 'run_all', ...unknown, evidence }];
  if (isNothing(judgement)) return [{ action: 'skip_pipeline', rule, reason, evidence }];
  if (judgement.isEverything) return [{ action: 'run_all', rule, reason, evidence }];
  const actions = LEFT_OUT[rule] ?? [];
  if (actions.length === 0) return [{ action: 'run_all_tests', rule, reason, evidence }];
  return actions.map((action) => ({
    action,
    rule,
    reason,
    evidence,
    ...(action === 'skip_backend_test' && { leave_out: classifier.globsOf('backend').map(portableGlob) }),
  }));
}

/** Whether a service is built, and the decision in the words of spec 2. */
export function serviceDecision(service: ServiceView): {
  readonly changes: ServiceChanges;
  readonly decision: AnalysisDecision;
} {
  const { build, rule, reason } = buildOf(service);
  return {
    changes: { base: service.base, files_count: service.filesCount, build, rule, reason },
    decision: {
      action: `${build ? 'build' : 'skip_build'}_${service.name}`,
      rule,
      reason,
      evidence: [{ name: 'base', value: service.base }, ...evidenceOf(service.judgement)],
    },
  };
}

function buildOf(service: ServiceView): Unknown & { readonly build: boolean } {
  const { judgement, unknown } = service;
  const { rule, reason, areas } = judgement;
  if (unknown) return { build: true, ...unknown };
  if (isNothing(judgement)) return { build: false, rule, reason };
  if (judgement.isEverything || rule === 'config-only') return { build: true, rule, reason };
  const wanted = wantedBy(service);
  if (!wanted) return { build: rule !== 'test-only', rule, reason };
  const hit = areas.filter((area) => wanted.includes(area));
  return hit.length > 0
    ? { build: true, rule: 'touched', reason: `files changed in: ${hit.join(', ')}` }
    : { build: false, rule: 'untouched', reason: `no file changed in: ${wanted.join(', ')}` };
}

/** A service called like a category is built for that one; a schema travels with the backend. */
function wantedBy({ name, categories }: ServiceView): readonly string[] | undefined {
  if (categories.length > 0) return categories;
  if (!Object.hasOwn(CATEGORIES, name)) return undefined;
  return name === 'backend' ? ['backend', 'database'] : [name];
}

function isNothing({ rule }: Judgement): boolean {
  return rule === 'no-change' || rule === 'only-ignored';
}

function evidenceOf({ areas, files }: Judgement): AnalysisDecision['evidence'] {
  return [{ name: 'areas', value: areas }, ...(files.length > 0 ? [{ name: 'files', value: files }] : [])];
}
