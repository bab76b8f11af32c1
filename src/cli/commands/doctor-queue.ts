import { isProblems } from '../print.ts';
import type { Services } from '../services.ts';
import type { Finding } from './doctor-probes.ts';

/** Redis, where the project has workers: whether it answers, lets us in and keeps what it is given. */
export async function probeQueue(services: Services): Promise<readonly Finding[]> {
  const settings = await services.settings();
  if (!settings.ok) return [];
  const { backend, redis, secret } = settings.value.stage.queue;
  if (backend === 'embedded' || (redis === undefined && secret === undefined)) return [];
  const name = 'redis';
  const broker = await (await services.queue()).broker();
  if (broker.ok) {
    await broker.value.close();
    return [{ name, status: 'found', required: false, version: broker.value.place }];
  }
  if (isProblems(broker.failure)) return [];
  const { describeFailure } = await services.views();
  return [{ name, status: 'broken', required: false, detail: describeFailure(broker.failure) }];
}

/** PostgreSQL, where results of runs go there: whether it answers and lets us in. */
export async function probeResults(services: Services): Promise<readonly Finding[]> {
  const desk = await services.results();
  if (!desk) return [];
  const looked = await desk.look();
  const name = 'results';
  if (looked.ok) {
    const { place, version } = looked.value;
    return [{ name, status: 'found', required: false, version, detail: place }];
  }
  const { describeFailure } = await services.views();
  return [{ name, status: 'broken', required: false, detail: describeFailure(looked.failure) }];
}
