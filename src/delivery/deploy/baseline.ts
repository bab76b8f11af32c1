import { median } from '../median.ts';
import type { Clock } from '../../core/ports.ts';
import type { StageSettings } from '../../core/settings/index.ts';
import { probe } from '../probe.ts';
import type { OpenPlace } from './session.ts';

/** Requests that warm it up and do not count. */
const WARM_UP = 3;
const PROBE_MS = 5_000;

/** The paths of a service that are watched: its health path and the endpoints of `verify.smoke`. */
export function watchedPaths(
  service: string,
  healthPath: string,
  verify: StageSettings['verify'],
): readonly string[] {
  const own = verify.smoke.endpoints.filter(
    (endpoint) => endpoint.service === undefined || endpoint.service === service,
  );
  return [...new Set([healthPath, ...own.map(({ path }) => path)])];
}

/** Median latency by path, warm, of what serves now; a path that does not answer is left out. */
export async function measureBaseline(
  { target, host }: OpenPlace,
  paths: readonly string[],
  {
    samples,
    signal,
    clock,
  }: { readonly samples: number; readonly signal: AbortSignal; readonly clock: Clock },
): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const path of paths) {
    const times: number[] = [];
    for (let at = 0; at < WARM_UP + samples && !signal.aborted; at += 1) {
      const answer = await probe(host, { port: target.settings.port, path, timeoutMs: PROBE_MS, signal });
      if (!answer.ok) break;
      if (at >= WARM_UP && answer.value.status < 500) times.push(answer.value.duration_ms);
      await clock.sleep(1, signal);
    }
    const middle = median(times);
    if (middle !== undefined) found[path] = middle;
  }
  return found;
}
