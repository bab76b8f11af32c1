import { ok, type Result } from '../core/failure.ts';
import type { Secrets } from '../core/ports.ts';
import type { JobBroker } from '../core/queue/broker.ts';
import type { Sealer } from '../core/queue/broker.ts';
import type { QueueSettings } from '../core/settings/queue.ts';
import { createEmbeddedBroker } from './embedded.ts';
import { type QueueOptions, queueOptions, redisAddress, sharedSecret } from './options.ts';
import { createSealer, openSealer } from './sealer.ts';

/** A queue, and what seals the jobs in it. */
export interface ConnectedQueue {
  readonly broker: JobBroker;
  readonly sealer: Sealer;
  readonly options: QueueOptions;
}

interface QueueEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly secrets: Secrets;
}

/** The queue that the settings name: the client of Redis is large, and loaded only for one. */
export async function connectQueue(
  settings: QueueSettings,
  { env, secrets }: QueueEnvironment,
): Promise<Result<ConnectedQueue>> {
  const options = queueOptions(settings, env);
  if (!options.ok) return options;
  const { maxAttempts, keepCompleted, keepFailed } = options.value;
  const limits = { maxAttempts, backoffMs: settings.backoff, keepCompleted, keepFailed };
  if (options.value.backend === 'embedded') {
    return ok({ broker: createEmbeddedBroker(limits), sealer: openSealer, options: options.value });
  }
  const secret = await sharedSecret(settings, secrets);
  if (!secret.ok) return secret;
  const address = await redisAddress(settings, env, secrets);
  if (!address.ok) return address;
  const { openBullBroker } = await import('./bullmq/broker.ts');
  const { prefix, lock_duration: lockMs, stalled_interval: stalledMs } = settings;
  const broker = await openBullBroker({ ...limits, address: address.value, prefix, lockMs, stalledMs });
  return broker.ok
    ? ok({ broker: broker.value, sealer: createSealer(secret.value), options: options.value })
    : broker;
}
