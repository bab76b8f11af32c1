import { closest } from '../core/closest.ts';
import { suggestion } from './issues.ts';
import type { Needs } from './check-needs.ts';
import type { LoadedStage } from './load-stage.ts';
import { BUILT_IN_NAMES, type Names } from './template-names.ts';
import type { YamlFile } from './yaml-file.ts';

/** Reports stages that share a name (upper and lower case alike). */
export function checkStageNames(file: YamlFile, stages: readonly LoadedStage[]): void {
  const seen = new Map<string, LoadedStage>();
  for (const stage of stages) {
    if (stage.name === undefined) continue;
    const first = seen.get(stage.name.toLowerCase());
    if (!first) {
      seen.set(stage.name.toLowerCase(), stage);
      continue;
    }
    const line = file.lineOf(first.path);
    const message = `another stage is already named "${first.name}", on line ${line}`;
    file.report([...stage.path, 'name'], { code: 'duplicate-name', message });
  }
}

/** What one stage's common keys mean together, and with the pipeline's names. */
export async function checkStage(file: YamlFile, stage: LoadedStage, names: Names): Promise<void> {
  await checkCondition(file, stage, names);
  checkTimes(file, stage);
  checkSecrets(file, stage, names);
  checkRetry(file, stage);
  const { common, kind, path } = stage;
  if (common.cache && kind?.effects === 'remote') {
    const message = `a "${kind.kind}" stage changes something elsewhere; its result cannot be reused`;
    file.report([...path, 'cache'], { code: 'bad-cache', message }, { atKey: true });
  }
  if (common.max_workers !== undefined && common.max_workers > 1 && common.parallel !== true) {
    const message = '"max_workers" does nothing without parallel: true';
    file.report(
      [...path, 'max_workers'],
      { code: 'no-effect', message, severity: 'warning' },
      { atKey: true },
    );
  }
}

function checkTimes(file: YamlFile, { common, path }: LoadedStage): void {
  if (common.timeout === undefined || common.total_timeout === undefined) return;
  if (common.total_timeout >= common.timeout) return;
  const message = 'total_timeout is shorter than timeout, the limit of a single attempt';
  file.report([...path, 'total_timeout'], { code: 'bad-value', message });
}

function checkRetry(file: YamlFile, { common, path }: LoadedStage): void {
  if (common.retry_count === undefined) return;
  if (common.retry !== undefined) {
    const message = 'write retry or retry_count, not both';
    file.report([...path, 'retry_count'], { code: 'conflict', message }, { atKey: true });
  } else if (common.retry_count === 1) {
    const message = 'retry_count: 1 means one try in all, so nothing is tried again';
    const hint = 'It counts tries in all: 2 is one more try after a failure.';
    file.report([...path, 'retry_count'], { code: 'no-effect', message, hint, severity: 'warning' });
  }
}

function checkSecrets(file: YamlFile, { common, path }: LoadedStage, names: Names): void {
  for (const [index, secret] of (common.secrets ?? []).entries()) {
    if (names.secrets.has(secret)) continue;
    const hint =
      suggestion(secret, [...names.secrets]) ?? `Add it at the top: secrets: {${secret}: env:${secret}}.`;
    const message = `the pipeline declares no secret "${secret}"`;
    file.report([...path, 'secrets', index], { code: 'unknown-secret', message, hint });
  }
}

async function checkCondition(file: YamlFile, { common, path }: LoadedStage, names: Names): Promise<void> {
  if (common.if === undefined) return;
  // The library is large: only for pipelines that have conditions.
  const { checkExpression, createConditions } = await import('./conditions.ts');
  const text = String(common.if);
  const at = [...path, 'if'];
  const problem = checkExpression(text);
  if (problem) {
    file.report(at, { code: 'condition', message: `if: ${problem.message}` }, { inside: problem.offset });
    return;
  }
  for (const { owner, name, offset } of membersRead(text)) {
    const known = owner === 'stages' ? names.stages : names.params;
    if (!known || known.has(name)) continue;
    const message = `if: there is no ${owner === 'stages' ? 'stage' : 'parameter'} "${name}"`;
    file.report(
      at,
      { code: 'unknown-name', message, hint: suggestion(name, [...known]) },
      { inside: offset },
    );
  }
  warnMisspelt(file, at, { text, names, reads: createConditions().reads(text) });
}

const CONDITION_NAMES = [...BUILT_IN_NAMES, 'params', 'stages', 'run'];

/** Outputs of stages stand at the top too, so an unknown name may be right; one that is nearly known is not. */
function warnMisspelt(
  file: YamlFile,
  at: readonly PropertyKey[],
  { text, names, reads }: { readonly text: string; readonly names: Names; readonly reads: readonly string[] },
): void {
  const known = [...CONDITION_NAMES, ...names.variables, ...(names.params ?? [])];
  for (const name of reads) {
    const near = known.includes(name) ? undefined : closest(name, known);
    if (near === undefined) continue;
    const inside = Math.max(0, text.search(new RegExp(`\\b${name}\\b`)));
    const message = `if: nothing here declares "${name}"`;
    const hint = `Did you mean "${near}"?`;
    file.report(at, { code: 'unknown-name', message, hint, severity: 'warning' }, { inside });
  }
}

const MEMBER = /(?<![\w.])(stages|params)(?:\.([A-Za-z_]\w*)|\[\s*(?:"([^"\\]*)"|'([^'\\]*)')\s*\])/g;
const TEXT_LITERAL = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g;

interface MemberRead {
  readonly owner: 'stages' | 'params';
  readonly name: string;
  readonly offset: number;
}

/** `stages.x`, `stages["x"]`, `params.x` in an expression, but not inside its texts. */
function membersRead(text: string): readonly MemberRead[] {
  const literals = [...text.matchAll(TEXT_LITERAL)].map(({ 0: literal, index }) => [
    index,
    index + literal.length,
  ]);
  return [...text.matchAll(MEMBER)].flatMap((match): MemberRead[] => {
    const { 0: whole, 1: owner, 2: dotted, 3: double, 4: single, index } = match;
    const name = dotted ?? double ?? single ?? '';
    const isText = literals.some(([start = 0, end = 0]) => index > start && index < end);
    if (isText) return [];
    return [
      {
        owner: owner === 'stages' ? 'stages' : 'params',
        name,
        offset: index + whole.indexOf(name, owner?.length ?? 0),
      },
    ];
  });
}

/** A condition on a stage that need not have ended: what it gives would depend on which is faster. */
export function warnEarlyReads(
  file: YamlFile,
  stages: readonly LoadedStage[],
  needs: readonly Needs[],
): void {
  const needed = new Map(stages.map(({ name }, index) => [name, Object.keys(needs[index] ?? {})]));
  for (const { name: reader, common, path } of stages) {
    if (common.if === undefined) continue;
    const before = new Set(needed.get(reader));
    for (const name of before) for (const further of needed.get(name) ?? []) before.add(further);
    for (const { owner, name, offset } of membersRead(String(common.if))) {
      if (owner !== 'stages' || before.has(name) || !needed.has(name)) continue;
      const message = `if: "${name}" may not have ended by then: this stage does not need it`;
      const hint = name === reader ? undefined : `Add "${name}" to its needs.`;
      file.report(
        [...path, 'if'],
        { code: 'early-read', message, hint, severity: 'warning' },
        { inside: offset },
      );
    }
  }
}

/** `on_failure: rollback` with nothing anywhere that could be undone. */
export function warnEmptyRollback(file: YamlFile, stages: readonly LoadedStage[]): void {
  const undoes = stages.some(
    ({ common, kind }) =>
      common.rollback !== undefined || kind?.undo !== undefined || kind?.effects === 'remote',
  );
  if (undoes) return;
  for (const { common, path } of stages) {
    if (common.on_failure !== 'rollback') continue;
    const message = 'on_failure: rollback, but no stage says how to undo it';
    const hint = 'Give this stage, or one before it, "rollback:" with steps.';
    file.report([...path, 'on_failure'], { code: 'no-effect', message, hint, severity: 'warning' });
  }
}
