import type { RunSummary, StateIndex } from '../../core/run-index.ts';
import type { Common } from '../command.ts';
import { printFailure, printJson } from '../print.ts';
import { wantsScreen } from '../wants-screen.ts';
import type { ListedPipeline, Services, Views } from '../services.ts';

const RECENT_RUNS = 5;
/** With a name before it, it fits a terminal of 80 columns mostly. */
const DESCRIPTION_LENGTH = 60;

/** `pipewright` alone: the project, its pipelines, its runs, and what to type next. */
export async function home(common: Common, services: Services): Promise<number> {
  if (wantsScreen(services, common)) return services.screen(common);
  const settings = await services.settings();
  if (!settings.ok) for (const text of settings.failure.text) services.terminal.say(text);
  const source = await services.pipelines();
  const pipelines = await source.list();
  const index = await (await services.store()).index();
  if (!index.ok) return printFailure(services, common, index.failure);
  if (common.json) {
    await printJson(services, document(services, pipelines, index.value));
    return 0;
  }
  const views = await services.views();
  const lines = [
    `project  ${services.project.root}`,
    `state    ${services.project.stateDir}`,
    '',
    ...pipelineLines(pipelines, views),
    '',
    ...runLines(index.value, views),
    '',
    ...nextLines(pipelines),
  ];
  await services.terminal.print(lines);
  return 0;
}

function document(services: Services, pipelines: readonly ListedPipeline[], index: StateIndex): object {
  return {
    project: services.project.root,
    state: services.project.stateDir,
    pipelines: pipelines.map(({ name, file, description, isBroken, isShipped }) => ({
      name,
      file,
      shipped: isShipped,
      description: description ?? null,
      valid: !isBroken,
    })),
    runs: index.runs.slice(0, RECENT_RUNS),
    open: openRuns(index).map((run) => ({
      pipeline_id: run.pipeline_id,
      pipeline: run.pipeline,
      status: run.status,
      continue: `pipewright continue ${run.pipeline_id}`,
    })),
    locked: index.locked,
  };
}

function pipelineLines(pipelines: readonly ListedPipeline[], views: Views): string[] {
  const own = pipelines.filter(({ isShipped }) => !isShipped);
  const shipped = pipelines.filter(({ isShipped }) => isShipped);
  return [
    ...(own.length > 0
      ? ['Pipelines', ...views.table(own.map(pipelineRow), '  ')]
      : ['No pipelines of its own yet.']),
    ...(shipped.length > 0
      ? ['', 'They came with Pipewright', ...views.table(shipped.map(pipelineRow), '  ')]
      : []),
  ];
}

function pipelineRow({ name, file, description, isBroken, isShipped }: ListedPipeline): string[] {
  if (isBroken) return [name, `has problems: pipewright validate ${file}`];
  return [name, shorten(description ?? (isShipped ? '' : file))];
}

function shorten(text: string): string {
  return text.length > DESCRIPTION_LENGTH ? `${text.slice(0, DESCRIPTION_LENGTH - 1)}…` : text;
}

function openRuns(index: StateIndex): readonly RunSummary[] {
  return index.runs.filter(({ status }) => status === 'waiting' || status === 'interrupted');
}

function runLines(index: StateIndex, views: Views): string[] {
  if (index.runs.length === 0) return ['No runs yet.'];
  const recent = views.runs(index.runs.slice(0, RECENT_RUNS), index).lines();
  const open = openRuns(index).map((run) => [
    `${run.pipeline_id} is ${run.status}:`,
    `pipewright continue ${run.pipeline_id}`,
  ]);
  return ['Recent runs', ...recent.map((line) => `  ${line}`), ...views.table(open, '  ')];
}

function nextLines(pipelines: readonly ListedPipeline[]): string[] {
  const example = pipelines.find(({ isBroken, isShipped }) => !isBroken && !isShipped)?.name;
  return example === undefined
    ? ['pipewright init  writes a first pipeline; pipewright help  lists the commands.']
    : [
        `pipewright run ${example}  runs one; pipewright plan ${example}  shows what it would do; pipewright help  lists the commands.`,
      ];
}
