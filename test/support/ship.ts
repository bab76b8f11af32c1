import type { PipelineDefinition } from '../../src/core/definition.ts';
import { pipelineOf, stage } from './fakes.ts';

/** Builds every service, deploys and verifies it; what fails from `deploy` on does as `onFailure` says. */
export function shipPipeline({
  onFailure = 'rollback',
  withAnalysis = false,
}: {
  readonly onFailure?: 'rollback' | 'stop';
  /** An analysis of the changes stands before it. */
  readonly withAnalysis?: boolean;
} = {}): PipelineDefinition {
  const kinds = [
    ...(withAnalysis ? (['change-analysis'] as const) : []),
    ...(['service-build', 'deploy', 'verify'] as const),
  ];
  return pipelineOf(
    kinds.map((uses, index) =>
      stage(uses, index === 0 ? [] : [kinds[index - 1] ?? ''], {
        uses,
        config: {},
        on_failure: uses === 'deploy' || uses === 'verify' ? onFailure : 'stop',
      }),
    ),
  );
}
