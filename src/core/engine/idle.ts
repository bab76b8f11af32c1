import type { StageDefinition } from '../definition.ts';
import type { Decision } from '../events.ts';
import type { IdleView, StageKind } from '../stage-kind.ts';

/**
 * The stage was to run (`decided`), but its kind says that there is nothing to do: skipped, with the reason. The view
 * gathers what every stage so far has found out: only for a kind that looks at it.
 */
export function idleDecision(
  kind: StageKind | undefined,
  { config }: StageDefinition,
  view: () => IdleView,
  decided: Decision,
): Decision | undefined {
  const idle = kind?.idle?.(config, view());
  return (
    idle && {
      action: 'skip',
      rule: 'nothing-to-do',
      reason: idle.reason,
      evidence: [...decided.evidence, ...(idle.evidence ?? [])],
      ...(idle.would_flip !== undefined && { would_flip: idle.would_flip }),
    }
  );
}
