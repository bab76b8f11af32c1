import type { Plan } from '../core/engine/api.ts';
import type { RunStats, RunSummary, StateIndex } from '../core/run-index.ts';
import type { RunState } from '../core/run-state.ts';
import type { StageState } from '../core/stage-state.ts';
import { copyLog } from './copy-log.ts';
import { describeFailure, hintFor } from './describe-failure.ts';
import { table } from './format.ts';
import { runHtml } from './html.ts';
import { runJunit } from './junit.ts';
import { createJsonReporter } from './json.ts';
import { planDocument, planLines } from './plan.ts';
import { createPlainReporter } from './plain.ts';
import type { Reporter, TextSink } from './reporter.ts';
import { runDocument } from './run-document.ts';
import { runsDocument, runsLines, statsLines } from './runs.ts';
import { showLines } from './show.ts';
import { createStyle } from './style.ts';
import { nextLines, summaryLines } from './summary.ts';
import { whyDocument, whyLines } from './why.ts';

interface ViewOptions {
  readonly sink: TextSink;
  readonly hasColor: boolean;
  readonly cwd: string;
}

interface Places {
  readonly runFolder: (runId: string) => string;
}

/** Everything that turns runs into text or documents, for one terminal. */
export function createViews({ sink, hasColor, cwd }: ViewOptions) {
  const style = createStyle(hasColor);
  return {
    createReporter: (output: 'plain' | 'json', { runFolder }: Places): Reporter =>
      output === 'json' ? createJsonReporter(sink) : createPlainReporter({ sink, style, runFolder, cwd }),
    createLogFollower: ({ runFolder, stage }: Places & { readonly stage?: string }): Reporter =>
      createPlainReporter({
        sink,
        style,
        runFolder,
        cwd,
        onlyOutput: stage === undefined ? {} : { stage },
      }),
    copyLog: (file: string, lines: number | undefined) =>
      copyLog(file, { keepColor: hasColor, ...(lines !== undefined && { lines }) }),
    runs: (runs: readonly RunSummary[], index: StateIndex) => ({
      lines: () => runsLines(runs, index, style),
      document: () => runsDocument(runs, index),
    }),
    stats: (stats: RunStats) => ({ lines: () => statsLines(stats, style), document: () => ({ ...stats }) }),
    show: (state: RunState, extra: { readonly folder: string; readonly analysis?: string }) => ({
      lines: () => showLines(state, { ...extra, style }),
      document: () => runDocument(state, extra),
    }),
    report: (state: RunState, form: 'junit' | 'html') => (form === 'html' ? runHtml(state) : runJunit(state)),
    why: (state: RunState, stages: readonly StageState[]) => ({
      lines: () => whyLines(state, stages, style),
      document: () => whyDocument(state, stages),
    }),
    plan: (plan: Plan) => ({ lines: () => planLines(plan, style), document: () => planDocument(plan) }),
    summary: (state: RunState, folder: string) => summaryLines(state, { style, folder }),
    table,
    next: nextLines,
    describeFailure,
    hintFor,
  };
}
