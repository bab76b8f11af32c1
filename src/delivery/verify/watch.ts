import { failed, ok, type Result } from '../../core/failure.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Clock } from '../../core/ports.ts';
import type { Instance } from '../../core/runtime.ts';
import type { VerifySettings } from '../../core/settings/verify.ts';
import type { TaskIo } from '../../core/stage-kind.ts';
import { asJson } from '../deploy/records.ts';
import type { OpenPlace } from '../deploy/session.ts';
import { placeName } from '../deploy/targets.ts';
import { probe } from '../probe.ts';
import { type Expected, judge, type Judgement, type Look, type Sample, worst } from './judge.ts';

export interface Watched {
  readonly place: OpenPlace;
  readonly instance: Instance;
  readonly paths: readonly string[];
  readonly expected: Expected;
}

const PROBE_MS = 5_000;

/** Looks at everything each `interval` for `duration`, and stops at the first failure: it does not become better. */
export async function watch(
  watched: readonly Watched[],
  { watchdog }: VerifySettings,
  { clock, io }: { readonly clock: Clock; readonly io: TaskIo },
): Promise<Result<{ readonly judgement: Judgement; readonly report: JsonObject }>> {
  const looks = new Map<string, Look[]>(watched.map(({ expected }) => [expected.place, []]));
  const rounds = Math.max(1, Math.ceil(watchdog.duration / watchdog.interval));
  const began = clock.monotonicMs();
  let judgement: Judgement = { verdict: 'unmeasured', reason: 'nothing was looked at' };
  for (let round = 1; round <= rounds; round += 1) {
    const due = began + round * watchdog.interval - clock.monotonicMs();
    if (due > 0 && !(await clock.sleep(due, io.signal))) break;
    await Promise.all(
      watched.map(async (one) => {
        looks.get(one.expected.place)?.push(await lookAt(one, watchdog.samples, { clock, io }));
      }),
    );
    judgement = worst(
      watched.map(({ expected }) => judge(looks.get(expected.place) ?? [], expected, watchdog)),
    );
    await io.log(
      `look ${round} of ${rounds}: ${judgement.verdict}${judgement.verdict === 'passed' ? '' : `: ${judgement.reason}`}`,
    );
    if (judgement.verdict === 'failed') break;
  }
  if (io.signal.aborted) return failed({ reason: 'cancelled', by: 'signal' });
  return ok({
    judgement,
    report: asJson({
      ...judgement,
      places: Object.fromEntries([...looks].map(([name, all]) => [name, all.map(shortLook)])),
    }),
  });
}

async function lookAt(
  { place, instance, paths }: Watched,
  samples: number,
  { clock, io }: { readonly clock: Clock; readonly io: TaskIo },
): Promise<Look> {
  const facts = await place.runtime.inspect(place.target, instance, io);
  const taken: Sample[] = [];
  for (const path of paths) {
    for (let at = 0; at < samples && !io.signal.aborted; at += 1) {
      const began = clock.monotonicMs();
      const answer = await probe(place.host, {
        port: place.target.settings.port,
        path,
        timeoutMs: PROBE_MS,
        signal: io.signal,
      });
      taken.push(
        answer.ok
          ? { path, status: answer.value.status, duration_ms: answer.value.duration_ms }
          : { path, duration_ms: clock.monotonicMs() - began },
      );
    }
  }
  return {
    place: placeName(place.service, place.host.name),
    samples: taken,
    ...(facts.ok && { facts: facts.value }),
  };
}

function shortLook({ samples, facts }: Look): object {
  return {
    samples: samples.map(({ path, status, duration_ms: ms }) => [
      path,
      status ?? null,
      Math.round(ms * 10) / 10,
    ]),
    ...(facts && { restart_count: facts.restart_count, is_running: facts.is_running }),
  };
}
