import type { RunSummary } from '../run-index.ts';
import type { RunState } from '../run-state.ts';

/**
 * The report that the second failure in a row writes: what fails, since when, whether it is always the same.
 * `earlier` are runs of the same pipeline and environment, newest first, this one not among them.
 */
export function analysisReport(state: RunState, earlier: readonly RunSummary[], consecutive: number): string {
  const failing = Object.values(state.stages).filter(({ status }) => status === 'failed');
  const lastGood = earlier.find(({ status }) => status === 'success' || status === 'warning');
  const lines = [
    `# Analysis: ${state.created?.pipeline} failed ${consecutive} times in a row`,
    '',
    `Run ${state.run_id}, environment ${state.created?.environment}, ${state.finished_at ?? ''}.`,
    lastGood
      ? `Last success: ${lastGood.pipeline_id} at ${lastGood.finished_at ?? lastGood.started_at}.`
      : 'It has not succeeded in the runs that are kept.',
    '',
    '## What failed this time',
    '',
    ...failing.flatMap((stage) => [
      `- **${stage.name}** (${stage.kind}, attempt ${stage.attempt} of ${stage.max_attempts}): \`${JSON.stringify(stage.failure ?? {})}\``,
    ]),
    '',
    '## The failures before',
    '',
    ...earlier.slice(0, Math.max(0, consecutive - 1)).map(describeRun),
    '',
    '## Reading',
    '',
    reading(
      failing.map(({ name }) => name),
      earlier.slice(0, consecutive - 1),
    ),
    '',
    `Next: \`pipewright why ${state.run_id}\`, \`pipewright logs ${state.run_id}\`; after a fix \`pipewright continue ${state.run_id}\`.`,
    '',
  ];
  return lines.join('\n');
}

function describeRun(run: RunSummary): string {
  return `- ${run.pipeline_id}, ${run.status}: ${failedStages(run).join(', ') || 'no stage failed'}`;
}

function failedStages(run: RunSummary): readonly string[] {
  return run.stages.filter(({ status }) => status === 'failed').map(({ name }) => name);
}

function reading(now: readonly string[], before: readonly RunSummary[]): string {
  const always = now.filter(
    (name) => before.length > 0 && before.every((run) => failedStages(run).includes(name)),
  );
  if (always.length > 0) {
    return `The same stage fails every time: ${always.join(', ')}. That points at the change or its surroundings, not at chance.`;
  }
  return 'Different stages fail each time. That points at something shared: the machine, the network, a dependency, or flaky tests.';
}
