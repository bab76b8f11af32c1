import type { StageSettings } from '../../core/settings/index.ts';
import type { Idle } from '../../core/stage-kind.ts';
import type { DeploySettings, ServiceSettings } from '../../core/settings/deploy.ts';

/** A service of `deploy`, nothing left open. */
export interface PlannedService {
  readonly service: string;
  readonly settings: ServiceSettings & {
    readonly runtime: DeploySettings['runtime'];
    readonly strategy: DeploySettings['strategy'];
  };
  /** The first is the canary. */
  readonly hosts: readonly string[];
}

/** The services in the order of deploying; what a service says goes over what `deploy` says. */
export function plannedServices(deploy: DeploySettings): readonly PlannedService[] {
  return Object.entries(deploy.services).map(([service, settings]) => ({
    service,
    settings: {
      ...settings,
      runtime: settings.runtime ?? deploy.runtime,
      strategy: settings.strategy ?? deploy.strategy,
    },
    hosts: settings.hosts ?? deploy.hosts,
  }));
}

/** Of a project that deploys nothing: stages that build, deploy or watch have nothing to do. */
export function noServices({ deploy }: StageSettings): Idle | undefined {
  return plannedServices(deploy).length > 0
    ? undefined
    : { reason: 'pipewright.yaml deploys no service', would_flip: 'a service under deploy.services' };
}

/** `api@web-1`: one service on one host, in records and in names of tasks. */
export function placeName(service: string, host: string): string {
  return `${service}@${host}`;
}
