import { markupAttribute, markupText } from '../core/markup-text.ts';
import type { RunState } from '../core/run-state.ts';
import type { StageState, StepState } from '../core/stage-state.ts';
import { markOf } from '../core/status-look.ts';
import { sanitizeText } from '../core/terminal-text.ts';
import { describeFailure } from './describe-failure.ts';
import { formatBytes, formatDuration, formatTime, formatValue } from './format.ts';
import { failureText } from './junit.ts';

/** A run as one page that needs nothing else and runs nothing: for a mail, an archive, a colleague. */
export function runHtml(state: RunState): string {
  const title = `${state.created?.pipeline ?? 'pipeline'} ${state.run_id}`;
  const stages = Object.values(state.stages);
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    // Whatever a log or a commit message holds: nothing is loaded and nothing is run.
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${text(title)}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    `<h1>${text(title)} ${badge(state.status)}</h1>`,
    factsHtml(state),
    '<h2>Stages</h2>',
    ...stages.map(stageHtml),
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

function factsHtml(state: RunState): string {
  const { created } = state;
  const params = Object.entries(created?.params ?? {}).map(
    ([name, value]) => `${name}=${formatValue(value, 80)}`,
  );
  return factList([
    ['environment', created?.environment],
    ['started', created && `${formatTime(created.at)} by ${created.by} (${created.trigger})`],
    ['finished', state.finished_at === undefined ? undefined : formatTime(state.finished_at)],
    ['duration', state.duration_ms === undefined ? undefined : formatDuration(state.duration_ms)],
    ['commits', created?.commits.map((id) => id.slice(0, 10)).join(' ')],
    ['parameters', params.join('  ')],
    ['plan', created?.plan_hash.slice(0, 12)],
    ['failure', state.failure && describeFailure(state.failure)],
  ]);
}

type Facts = readonly (readonly [string, string | undefined])[];

function factList(facts: Facts): string {
  const rows = facts.flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [`<dt>${text(name)}</dt><dd>${text(value)}</dd>`],
  );
  return rows.length === 0 ? '' : `<dl>${rows.join('')}</dl>`;
}

function stageHtml(stage: StageState): string {
  const { name, status, duration_ms: durationMs, attempt } = stage;
  const isOpen = status === 'failed' || status === 'interrupted' || status === 'warning';
  const took = durationMs !== undefined && attempt > 0 ? formatDuration(durationMs) : '';
  const tries = attempt > 1 ? ` attempt ${attempt}` : '';
  return [
    `<details class="stage" id="${markupAttribute(name)}"${isOpen ? ' open' : ''}>`,
    `<summary>${badge(status)} <b>${text(name)}</b> <span>${text(stage.kind)}${tries}</span> <time>${took}</time></summary>`,
    factList(stageFacts(stage)),
    ...Object.values(stage.steps).map(stepHtml),
    '</details>',
  ].join('\n');
}

function stageFacts({ decision, failure, warnings, usage }: StageState): Facts {
  const memory = usage?.peak_memory_bytes;
  const evidence = decision?.evidence ?? [];
  return [
    ['decision', decision && `${decision.action}: ${decision.reason} [${decision.rule}]`],
    ...evidence.map(({ name, value }) => [name, formatValue(value, 200)] as const),
    ['would flip', decision?.would_flip],
    ['failure', failure && describeFailure(failure)],
    ...warnings.map((warning) => ['warning', warning] as const),
    ['memory', memory === undefined ? undefined : formatBytes(memory)],
  ];
}

function stepHtml({ started, finished }: StepState): string {
  const status = finished ? (finished.failure ? 'failed' : 'passed') : 'interrupted';
  const took = finished ? formatDuration(finished.duration_ms) : '';
  const failure = finished?.failure ? `<pre class="tail">${text(failureText(finished.failure))}</pre>` : '';
  return [
    `<div class="step">${badge(status)} ${text(started.step)} <span>${text(started.context)}</span> <time>${took}</time>`,
    `<pre>$ ${text(started.command)}</pre>${failure}<span>${text(started.log)}</span></div>`,
  ].join('\n');
}

function badge(status: StageState['status'] | RunState['status']): string {
  return `<i class="${status}">${markOf(status)} ${status.replace('_', ' ')}</i>`;
}

function text(value: string): string {
  return markupText(sanitizeText(value));
}

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; }
dt, span, time { opacity: .7; } dd { margin: 0; overflow-wrap: anywhere; }
time { float: right; font-variant-numeric: tabular-nums; }
.stage { border: 1px solid #8884; border-radius: 6px; margin: .4rem 0; padding: .4rem .8rem; }
.step { border-top: 1px solid #8883; margin-top: .5rem; padding-top: .4rem; }
pre { background: #8881; border-radius: 4px; margin: .3rem 0; overflow-x: auto; padding: .4rem .6rem; }
i { font-style: normal; font-weight: 600; }
.passed, .success { color: #1a7f37; } .failed, .cancelled { color: #c62828; }
.warning, .waiting, .interrupted, .rolled_back { color: #9a6700; } .skipped, .pending { opacity: .6; }
@media (prefers-color-scheme: dark) {
  .passed, .success { color: #57c26d; } .failed, .cancelled { color: #ff7b72; }
  .warning, .waiting, .interrupted, .rolled_back { color: #e3b341; }
}
`;
