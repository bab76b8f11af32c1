import { existsSync } from 'node:fs';
import path from 'node:path';
import type { RunSummary } from '../../core/run-index.ts';
import type { Command, RunsCommand } from '../command.ts';
import { orFail, printFailure, printJson, printView, withRun } from '../print.ts';
import type { AuditReport, Services } from '../services.ts';

/** `runs`: out of the snapshot where that is enough, otherwise out of the whole history. */
export async function runs(command: RunsCommand, services: Services): Promise<number> {
  const store = await services.store();
  return orFail(services, command, await store.index(), async (index) => {
    const views = await services.views();
    if (command.stats) return printView(services, command, views.stats(index.stats));
    const isSimple = command.statuses.length === 0 && command.pipeline === undefined;
    const isEnough = isSimple && command.limit > 0 && command.limit <= index.runs.length;
    const shown = isEnough
      ? index.runs.slice(0, command.limit)
      : await collect(
          store.history(command.pipeline === undefined ? {} : { pipeline: command.pipeline }),
          command,
        );
    return printView(services, command, views.runs(shown, index));
  });
}

async function collect(history: AsyncIterable<RunSummary>, command: RunsCommand): Promise<RunSummary[]> {
  const found: RunSummary[] = [];
  for await (const run of history) {
    if (command.statuses.length > 0 && !command.statuses.includes(run.status)) continue;
    found.push(run);
    if (found.length === command.limit) break;
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
      const views = await services.views();
      if (command.form) {
        await services.terminal.write(views.report(state, command.form));
        return 0;
      }
      const folder = path.join(services.project.stateDir, 'runs', runId);
      const analysis = path.join(folder, 'artifacts', 'analysis.md');
      const extra = { folder, ...(existsSync(analysis) && { analysis }) };
      return printView(services, command, views.show(state, extra));
    }),
  );
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
function isWhole({ ok, records }: AuditReport): boolean {
  return ok && records > 0;
}

function auditLines(runId: string, report: AuditReport): readonly string[] {
  if (report.ok && report.records === 0) return [`run ${runId}: its journal is empty or gone`];
  const damage = report.segments.flatMap(({ file, ok, bad_byte, detail }) =>
    ok
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
