import type { Review } from '../../core/testgen.ts';
import { type Finding, isHeld, type ReviewInput } from './check-tests.ts';

type Part = Review['score_parts'][number];

/** What an error takes away, and each warning. */
const LOST = { error: 15, warning: 3 } as const;
const MOST_LOST = 40;

/** 0 to 100 from what was measured; what could not be measured counts neither for nor against. */
export function scoreOf(
  { code, strategies }: Pick<ReviewInput, 'code' | 'strategies'>,
  findings: readonly Finding[],
): { readonly score: number; readonly parts: Part[] } {
  const held = code.tests.filter(isHeld);
  const covered = new Set(held.map((test) => test.strategy_id));
  const files = new Set(strategies.filter(({ id }) => covered.has(id)).map(({ file }) => file));
  const withTest = strategies.filter(({ id, file }) => covered.has(id) || files.has(file)).length;
  const reverts = held.flatMap(({ checks }) =>
    checks.detects_revert === null ? [] : [checks.detects_revert],
  );
  const lines = held.flatMap(({ checks }) => (checks.coverage === null ? [] : [checks.coverage]));
  const parts = [
    part('strategies with a test that holds', 40, share(withTest, strategies.length)),
    part('tests that hold', 20, share(held.length, code.tests.length)),
    part(
      'tests that notice when the change is taken back',
      25,
      share(reverts.filter(Boolean).length, reverts.length),
    ),
    part(
      'changed lines that the tests reach',
      15,
      lines.length === 0 ? undefined : lines.reduce((sum, one) => sum + one, 0) / lines.length / 100,
    ),
  ].flatMap((one) => one ?? []);
  const of = parts.reduce((sum, one) => sum + one.of, 0);
  const points = parts.reduce((sum, one) => sum + one.points, 0);
  const lost = Math.min(
    MOST_LOST,
    findings.reduce((sum, { severity }) => sum + (severity === 'info' ? 0 : LOST[severity]), 0),
  );
  if (lost > 0) parts.push({ name: 'findings', points: -lost, of: 0 });
  return { score: of === 0 ? 0 : Math.max(0, Math.round((points / of) * 100 - lost)), parts };
}

function share(some: number, whole: number): number | undefined {
  return whole === 0 ? undefined : some / whole;
}

function part(name: string, of: number, measured: number | undefined): Part | undefined {
  return measured === undefined ? undefined : { name, points: Math.round(measured * of * 10) / 10, of };
}

/** What to do next, most useful first; nothing that has no reason in the results. */
export function recommend(
  { code, strategies }: Pick<ReviewInput, 'code' | 'strategies'>,
  findings: readonly Finding[],
): string[] {
  const { differences, tests } = code;
  const unmeasured = tests.filter(({ verdict }) => verdict === 'unmeasured');
  const blind = tests.filter(({ checks }) => checks.detects_revert === false);
  const held = new Set(tests.filter(isHeld).map((test) => test.strategy_id));
  const open = strategies.filter(({ id, priority }) => priority === 'high' && !held.has(id));
  return [
    ...(findings.some(({ severity }) => severity === 'error')
      ? ['Do not export before the errors are mended.']
      : []),
    ...(differences.length > 0
      ? [
          `Look at ${differences.length === 1 ? 'one call that gives' : `${differences.length} calls that give`} another result than before: the tests hold what the code does now, right or wrong.`,
        ]
      : []),
    ...(open.length > 0
      ? [
          `Write by hand what could not be generated for ${[...new Set(open.map(({ file }) => file))].slice(0, 5).join(', ')}.`,
        ]
      : []),
    ...(blind.length > 0
      ? [
          `Add a case to ${blind
            .map(({ file }) => file)
            .slice(0, 5)
            .join(', ')} that fails without the change.`,
        ]
      : []),
    ...(unmeasured.length > 0
      ? [`Install what runs them and generate again: ${unmeasured[0]?.reason}.`]
      : []),
  ];
}
