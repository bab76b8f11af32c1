import { failed, messageOf, ok, type Result } from '../../core/failure.ts';
import type { JsonObject } from '../../core/json.ts';
import type { VerifySettings } from '../../core/settings/verify.ts';
import type { TaskIo } from '../../core/stage-kind.ts';
import { asJson } from '../deploy/records.ts';
import type { OpenPlace } from '../deploy/session.ts';
import { placeName } from '../deploy/targets.ts';
import { probe } from '../probe.ts';

interface Check {
  readonly path: string;
  readonly status: number;
  readonly max_ms: number;
}

/** Transport errors are tried again; a wrong answer is an answer. */
const TRIES = 3;
const PAUSE_MS = 200;

/** Spec 2's smoke test: the health path and the endpoints, status and latency. All that is wrong is said at once. */
export async function smokeTest(
  places: readonly OpenPlace[],
  { smoke }: VerifySettings,
  { signal, log }: TaskIo,
): Promise<Result<JsonObject>> {
  const reports: SmokeReport[] = [];
  for (const place of places) {
    for (const check of checksOf(place, smoke)) {
      const { answer, problem } = await ask(place, check, { timeoutMs: smoke.timeout, signal });
      const report = {
        place: placeName(place.service, place.host.name),
        path: check.path,
        ...answer,
        problem,
      };
      reports.push(report);
      await log(lineOf(report));
    }
  }
  const bad = reports.filter(({ problem }) => problem !== undefined);
  if (bad.length === 0) return ok(asJson({ checks: reports }));
  return failed({
    reason: 'reported',
    message: `smoke test: ${bad.map(lineOf).join('; ')}`,
    retryable: false,
  });
}

interface SmokeReport {
  readonly place: string;
  readonly path: string;
  readonly status?: number;
  readonly duration_ms?: number;
  readonly problem: string | undefined;
}

function lineOf({ place, path, status, duration_ms: ms = 0, problem }: SmokeReport): string {
  return `${place} ${path}: ${problem ?? `${status ?? ''} in ${Math.round(ms)} ms`}`;
}

function checksOf({ service, target }: OpenPlace, smoke: VerifySettings['smoke']): readonly Check[] {
  const { health } = target.settings;
  const own = smoke.endpoints.filter(
    (endpoint) => endpoint.service === undefined || endpoint.service === service,
  );
  return [
    { path: health.path, status: health.status, max_ms: smoke.max_latency },
    ...own.map(({ path, status, max_latency: max }) => ({ path, status, max_ms: max ?? smoke.max_latency })),
  ];
}

async function ask(
  { host, target }: OpenPlace,
  { path, status, max_ms: maxMs }: Check,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<{
  readonly answer?: { readonly status: number; readonly duration_ms: number };
  readonly problem?: string;
}> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await probe(host, { port: target.settings.port, path, timeoutMs, signal });
    if (answer.ok) {
      const { status: got, duration_ms: ms } = answer.value;
      if (got !== status) return { answer: answer.value, problem: `answered ${got} instead of ${status}` };
      if (ms > maxMs)
        return { answer: answer.value, problem: `took ${Math.round(ms)} ms, more than ${maxMs} ms` };
      return { answer: answer.value };
    }
    if (attempt === TRIES || signal.aborted) return { problem: messageOf(answer.failure) };
    await new Promise((resolve) => {
      setTimeout(resolve, PAUSE_MS);
    });
  }
}
