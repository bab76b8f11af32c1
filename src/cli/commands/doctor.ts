import type { Command } from '../command.ts';
import { printJson } from '../print.ts';
import type { Services } from '../services.ts';
import { probeDocker } from './doctor-docker.ts';
import { type Finding, probeLimits, probeState, probeTool } from './doctor-probes.ts';
import { probeContexts, probeModel, probeNode } from './doctor-project.ts';
import { probeQueue, probeResults } from './doctor-queue.ts';
import { TOOLS } from './doctor-tools.ts';

/** `doctor`: exit code 1 only when something is missing without which nothing runs. */
export async function doctor(
  command: Extract<Command, { readonly name: 'doctor' }>,
  services: Services,
): Promise<number> {
  if (command.notify) return (await import('./doctor-notify.ts')).doctorNotify(command, services);
  const findings: readonly Finding[] = [
    probeNode(),
    ...(await Promise.all(TOOLS.map((tool) => probeTool(tool, services.env)))),
    ...(await probeDocker(services)),
    ...(await probeContexts(services)),
    ...(await probeQueue(services)),
    ...(await probeResults(services)),
    ...(await probeModel(services)),
    await probeState(services.project.stateDir),
    probeLimits(),
    ...(await leftovers(services)),
  ];
  const isHealthy = !findings.some(
    ({ required, status }) => required && (status === 'missing' || status === 'broken'),
  );
  if (command.json) {
    await printJson(services, { ok: isHealthy, findings: findings.map(toDocument) });
    return isHealthy ? 0 : 1;
  }
  const views = await services.views();
  const rows = findings.map(({ name, status, version, path: file, detail, required }) => [
    MARKS[status],
    name,
    status === 'missing' && required ? 'MISSING' : status,
    version ?? '',
    detail ?? file ?? '',
  ]);
  const verdict = isHealthy
    ? 'Everything that every run needs is here.'
    : 'Something that every run needs is missing.';
  await services.terminal.print([...views.table(rows), '', verdict]);
  return isHealthy ? 0 : 1;
}

const MARKS: Record<Finding['status'], string> = { found: '✓', missing: '-', broken: '✗', warning: '!' };

function toDocument(finding: Finding): object {
  const { name, status, required, version, path: file, detail } = finding;
  return {
    name,
    status,
    required,
    version: version ?? null,
    path: file ?? null,
    detail: detail ?? null,
  };
}

/** Processes of runs that no process drives any more. */
async function leftovers(services: Services): Promise<readonly Finding[]> {
  const found = (await services.runProcesses()).find();
  if (found.length === 0) return [];
  const store = await services.store();
  const runIds = [...new Set(found.map(({ runId }) => runId))];
  const findings: Finding[] = [];
  for (const runId of runIds) {
    const stored = await store.read(runId);
    // Of another state folder: its own doctor speaks of it.
    if (!stored.ok || stored.value.owner) continue;
    const pids = found.filter((each) => each.runId === runId).map(({ pid }) => pid);
    findings.push({
      name: 'leftovers',
      status: 'warning',
      required: false,
      version: `run ${runId}`,
      detail: `process ${pids.join(', ')} still runs; pipewright continue ${runId} or cancel ${runId} takes care of it`,
    });
  }
  return findings;
}
