import { formatBytes, formatDuration } from '../core/quantities.ts';
import type { StateIndex } from '../core/run-index.ts';
import type { ServerParts } from './parts.ts';

type HealthParts = Pick<ServerParts, 'store' | 'machine' | 'settings' | 'clock' | 'version'>;

interface Check {
  readonly name: string;
  /** `warn` is for people: it does not make the server unready. */
  readonly status: 'pass' | 'warn' | 'fail';
  readonly detail: string;
}

/** Running runs that are looked at, at most. */
const MOST_RUNS = 100;

/** `GET /health`: 503 when nothing could be run here. */
export async function readHealth(
  parts: HealthParts,
): Promise<{ readonly isReady: boolean; readonly document: object }> {
  const index = await parts.store.index();
  const checks = [
    await stateCheck(parts),
    await diskCheck(parts),
    ...(index.ok
      ? [await stuckCheck(parts, index.value), lockCheck(index.value)]
      : [{ name: 'index', status: 'fail', detail: 'the index of runs cannot be read' } as const]),
  ];
  const isReady = checks.every(({ status }) => status !== 'fail');
  const hasWarning = checks.some(({ status }) => status === 'warn');
  return {
    isReady,
    document: {
      status: isReady ? (hasWarning ? 'warn' : 'pass') : 'fail',
      live: true,
      ready: isReady,
      version: parts.version,
      at: parts.clock.now(),
      checks,
    },
  };
}

async function stateCheck({ machine }: HealthParts): Promise<Check> {
  const why = await machine.whyUnwritable();
  return why === undefined
    ? { name: 'state', status: 'pass', detail: 'the state folder can be written' }
    : { name: 'state', status: 'fail', detail: `the state folder cannot be written: ${why}` };
}

async function diskCheck({ machine, settings }: HealthParts): Promise<Check> {
  const free = await machine.freeBytes();
  const isEnough = free >= settings.min_free;
  const detail = `${formatBytes(free)} free, ${formatBytes(settings.min_free)} needed`;
  return { name: 'disk', status: isEnough ? 'pass' : 'fail', detail };
}

async function stuckCheck({ machine, settings, clock }: HealthParts, index: StateIndex): Promise<Check> {
  const running = index.runs.filter(({ status }) => status === 'running').slice(0, MOST_RUNS);
  const oldest = clock.nowMs() - settings.stuck_after;
  const stuck: string[] = [];
  for (const { pipeline_id: runId } of running) {
    if ((await machine.lastSignMs(runId)) < oldest) stuck.push(runId);
  }
  return stuck.length === 0
    ? { name: 'stuck_runs', status: 'pass', detail: `${running.length} running` }
    : {
        name: 'stuck_runs',
        status: 'warn',
        detail: `nothing written for ${formatDuration(settings.stuck_after)}: ${stuck.join(', ')}`,
      };
}

function lockCheck({ locked }: StateIndex): Check {
  return locked.length === 0
    ? { name: 'locks', status: 'pass', detail: 'no pipeline is locked' }
    : {
        name: 'locks',
        status: 'warn',
        detail: locked.map(({ pipeline, environment }) => `${pipeline} (${environment})`).join(', '),
      };
}
