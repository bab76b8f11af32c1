import process from 'node:process';
import type { DeliveryDesk, Services } from './cli/services.ts';
import { failed, ok } from './core/failure.ts';
import type { Target } from './core/runtime.ts';
import { plannedServices } from './delivery/deploy/targets.ts';
import { createProcessRuntime } from './delivery/process/runtime.ts';
import { createHosts } from './executors/host/hosts.ts';
import { systemIds } from './system/ids.ts';
import { createSecrets } from './system/secrets.ts';

interface DeskParts {
  readonly project: string;
  readonly settings: Services['settings'];
}

/** What commands do at the places where services run, outside of any run. Part of the composition root. */
export function createDeliveryDesk({ project, settings }: DeskParts): DeliveryDesk {
  return {
    stopServices: async (environment) => {
      const loaded = await settings();
      if (!loaded.ok) return loaded;
      const { stage } = loaded.value;
      const secrets = createSecrets({ env: process.env, project });
      const hosts = createHosts({ contexts: stage.contexts, project, environment: process.env, secrets });
      const runtime = createProcessRuntime({ deploy: stage.deploy, ids: systemIds, secrets });
      const io = { signal: AbortSignal.timeout(60_000), log: () => Promise.resolve() };
      try {
        for (const planned of plannedServices(stage.deploy)) {
          if (planned.settings.runtime !== 'process') continue;
          for (const name of planned.hosts) {
            const host = await hosts.open(name);
            if (!host.ok) return failed(host.failure);
            const target: Target = {
              host: host.value,
              environment,
              project: stage.project,
              projectFolder: project,
              service: planned.service,
              settings: planned.settings,
            };
            const ended = await runtime.stopAll(target, io);
            if (!ended.ok) return failed(ended.failure);
          }
        }
        return ok(undefined);
      } finally {
        await hosts.close();
      }
    },
  };
}
