import { type Failure, failed, ok, type Result } from '../../core/failure.ts';
import type { Host } from '../../core/hosts.ts';
import type { Runtime, RuntimeIo, Target } from '../../core/runtime.ts';
import type { StageContext, TaskIo } from '../../core/stage-kind.ts';
import { acquireLock, checkLock, type LockClaim, releaseLock } from '../lock.ts';
import { openRuntime } from '../runtimes.ts';
import { type PlannedService, plannedServices } from './targets.ts';

/** One service on one host, opened. */
export interface OpenPlace {
  readonly service: string;
  readonly host: Host;
  readonly runtime: Runtime;
  readonly target: Target;
}

/** What the parts of a stage that delivers share: the settings, and hosts that are opened once. */
export interface DeliverySession {
  readonly context: StageContext;
  readonly services: readonly PlannedService[];
  readonly open: (service: string, host: string) => Promise<Result<OpenPlace>>;
  /** Takes or renews the environment on each of these hosts; all or none. */
  readonly lock: (hosts: readonly string[], signal: AbortSignal) => Promise<Result<readonly string[]>>;
  readonly checkLock: (host: string, signal: AbortSignal) => Promise<Result<void>>;
  /** Lets go of it on every host; what cannot be reached keeps it until it expires. */
  readonly unlock: (hosts: readonly string[]) => Promise<void>;
}

/** What a stage of a delivery works with: the services, the record of releases, the locks on the hosts. */
export function openSession(context: StageContext): DeliverySession {
  const { deploy } = context.settings;
  const services = plannedServices(deploy);
  const claimOn = async (name: string, signal: AbortSignal): Promise<Result<LockClaim>> => {
    const host = await context.ports.hosts.open(name);
    if (!host.ok) return host;
    return ok({
      host: host.value,
      folder: deploy.folder,
      project: context.settings.project,
      environment: context.environment,
      runId: context.runId,
      by: context.by,
      ttlMs: deploy.lock_timeout,
      signal,
    });
  };
  const unlock = async (hosts: readonly string[]): Promise<void> => {
    for (const name of hosts) {
      const claim = await claimOn(name, AbortSignal.timeout(UNLOCK_MS));
      const released = claim.ok ? await releaseLock(claim.value) : claim;
      if (!released.ok) await context.log(`the lock on ${name} could not be released; it expires by itself`);
    }
  };
  return {
    context,
    services,
    unlock,
    open: (service, host) => openPlace(context, services, { service, host }),
    lock: async (hosts, signal) => {
      const taken: string[] = [];
      const notes: string[] = [];
      for (const name of hosts) {
        const claim = await claimOn(name, signal);
        const got = claim.ok ? await acquireLock(claim.value) : claim;
        if (!got.ok) {
          await unlock(taken);
          return got;
        }
        taken.push(name);
        if (got.value.took_over !== undefined)
          notes.push(`${name}: taken over from ${got.value.took_over}, expired`);
      }
      return ok(notes);
    },
    checkLock: async (host, signal) => {
      const claim = await claimOn(host, signal);
      return claim.ok ? checkLock(claim.value) : claim;
    },
  };
}

const UNLOCK_MS = 10_000;

async function openPlace(
  context: StageContext,
  services: readonly PlannedService[],
  { service, host: hostName }: { readonly service: string; readonly host: string },
): Promise<Result<OpenPlace>> {
  const planned = services.find((known) => known.service === service);
  if (!planned) return failed(noService(service));
  const runtime = openRuntime(planned.settings.runtime, {
    deploy: context.settings.deploy,
    ports: context.ports,
  });
  const host = await context.ports.hosts.open(hostName);
  if (!host.ok) return host;
  return ok({
    service,
    host: host.value,
    runtime,
    target: {
      host: host.value,
      environment: context.environment,
      project: context.settings.project,
      projectFolder: context.project,
      service,
      settings: planned.settings,
    },
  });
}

function noService(service: string): Failure {
  return {
    reason: 'invalid',
    message: `deploy.services of pipewright.yaml has no ${service} any more; nothing is known of how it runs`,
  };
}

/** What a runtime may use while a task works. */
export function runtimeIo({ signal, log }: TaskIo): RuntimeIo {
  return { signal, log };
}
