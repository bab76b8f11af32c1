import { existsSync } from 'node:fs';
import path from 'node:path';
import { ok, type Result } from '../../core/failure.ts';
import type { RunSummary } from '../../core/run-index.ts';
import type { RunState } from '../../core/run-state.ts';
import type { Command, RunsCommand } from '../command.ts';
import { orFail, printFailure, printJson, printView, withRun } from '../print.ts';
import type { AuditReport, Services, View } from '../services.ts';

/** `runs`. */
export async function runs(command: RunsCommand, services: Services): Promise<number> {
  const view = command.stats ? await statsView(services) : await runsView(services, command);
  return orFail(services, command, view, async (shown) => printView(services, command, shown));
}

async function statsView(services: Services): Promise<Result<View>> {
  const index = await (await services.store()).index();
  return index.ok ? ok((await services.views()).stats(index.value.stats)) : index;
}

type RunsWanted = Pick<RunsCommand, 'limit' | 'statuses' | 'pipeline'>;

/** Runs out of the snapshot where that is enough, otherwise out of the whole history. */
export async function runsView(services: Services, wanted: RunsWanted): Promise<Result<View>> {
  const store = await services.store();
  const index = await store.index();
  if (!index.ok) return index;
  const { runs: newest } = index.value;
  const isSimple = wanted.statuses.length === 0 && wanted.pipeline === undefined;
  const isEnough = isSimple && wanted.limit > 0 && wanted.limit <= newest.length;
  const shown = isEnough
    ? newest.slice(0, wanted.limit)
    : await collect(
        store.history(wanted.pipeline === undefined ? {} : { pipeline: wanted.pipeline }),
        wanted,
      );
  return ok((await services.views()).runs(shown, index.value));
}

async function collect(history: AsyncIterable<RunSummary>, wanted: RunsWanted): Promise<RunSummary[]> {
  const found: RunSummary[] = [];
  for await (const run of history) {
    if (wanted.statuses.length > 0 && !wanted.statuses.includes(run.status)) continue;
    found.push(run);
    if (found.length === wanted.limit) break;
  }
  return found;
}

/** `show`. */
export async function show(
  command: Extract<Command, { readonly name: 'show' }>,
  services: Services,
): Promise<number> {
  return withRun(services, command, command.run, async (runId) =>
    orFail(services, command, await services.state(runId), async (state) => {
      if (command.form) {
        await services.terminal.write((await services.views()).report(state, command.form));
        return 0;
      }
      return printView(services, command, await showView(services, state));
    }),
  );
}

/** One run with all that is known of it. */
export async function showView(services: Services, state: RunState): Promise<View> {
  const folder = path.join(services.project.stateDir, 'runs', state.run_id);
  const analysis = path.join(folder, 'artifacts', 'analysis.md');
  const extra = { folder, ...(existsSync(analysis) && { analysis }) };
  return (await services.views()).show(state, extra);
}

/** `why`, for all stages or for one and what is inside it. */
export async function why(
  command: Extract<Command, { readonly name: 'why' }>,
  services: Services,
): Promise<number> {
  return withRun(services, command, command.run, async (runId) =>
    orFail(services, command, await services.state(runId), async (state) => {
      const { stage: wanted } = command;
      const stages = Object.values(state.stages).filter(
        ({ name }) => wanted === undefined || name === wanted || name.startsWith(`${wanted}/`),
      );
      if (wanted !== undefined && stages.length === 0) {
        return printFailure(services, command, {
          reason: 'invalid',
          message: `no stage "${wanted}" in run ${runId}`,
          hint: `its stages: ${Object.keys(state.stages).join(', ')}`,
        });
      }
      return printView(services, command, (await services.views()).why(state, stages));
    }),
  );
}

/** `audit verify`: exit code 1 when the journal is not what was written. */
export async function audit(
  command: Extract<Command, { readonly name: 'audit' }>,
  services: Services,
): Promise<number> {
  return withRun(services, command, command.run, async (runId, store) =>
    orFail(services, command, await store.audit(runId), async (report) => {
      const document = { pipeline_id: runId, ...report, ok: isWhole(report) };
      if (command.json) await printJson(services, document);
      else await services.terminal.print(auditLines(runId, report));
      return isWhole(report) ? 0 : 1;
    }),
  );
}

/** A run whose journal holds nothing, or is not there, cannot be vouched for. */
function isWhole(report: AuditReport): boolean {
  return report.ok && report.records > 0;
}

function auditLines(runId: string, report: AuditReport): readonly string[] {
  if (report.ok && report.records === 0) return [`run ${runId}: its journal is empty or gone`];
  const damage = report.segments.flatMap(({ file, ok: isWell, bad_byte, detail }) =>
    isWell
      ? []
      : [`damaged: ${file}${bad_byte === undefined ? '' : `, byte ${bad_byte}`}: ${detail ?? 'unreadable'}`],
  );
  return [
    report.ok
      ? `run ${runId}: ${report.records} records, ${report.bytes} bytes, unchanged since they were written`
      : `run ${runId}: the journal is not what was written`,
    ...damage,
    ...(report.torn_bytes > 0
      ? [`${report.torn_bytes} bytes at the end were never finished, as a crash leaves them`]
      : []),
    ...(report.head === undefined
      ? []
      : [`head ${report.head}  (kept elsewhere, it proves that nothing was cut off)`]),
  ];
}
