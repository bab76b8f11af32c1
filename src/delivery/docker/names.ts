import { createHash } from 'node:crypto';
import type { RollbackUnit } from '../../core/releases.ts';
import type { Artifact, Target } from '../../core/runtime.ts';
import { setupOf } from '../service-variables.ts';

type Service = Pick<Target, 'project' | 'environment' | 'service'>;

/** What engines and compose take as a name: `shop-production-web`. */
export function serviceName({ project, environment, service }: Service): string {
  return [project, environment, service].map(plain).join('-');
}

/** The network of an environment, and the name of its compose project. */
export function environmentName({ project, environment }: Omit<Service, 'service'>): string {
  return [project, environment].map(plain).join('-');
}

function plain(text: string): string {
  return (
    text
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^-+|-+$/g, '') || 'x'
  );
}

/** The same run, unit and place give the same name, so that a start that is repeated finds its container. */
export function instanceName(target: Target, unit: Artifact): string {
  const { strategy = 'recreate', port } = target.settings;
  const place = `${unitHash(unit)} ${strategy} ${port} ${innerPort(target)}`;
  const hash = createHash('sha256').update(place).digest('hex').slice(0, 8);
  return `${serviceName(target)}-${plain(unit.run_id)}-${hash}`;
}

/** Of the container that hands a service's requests on. */
export function proxyName(target: Target): string {
  return `${serviceName(target)}-proxy`;
}

/** Tells units apart: image, variables, compose file. */
export function unitHash({ digest, env, secrets = {}, compose = '' }: RollbackUnit): string {
  const text = JSON.stringify([digest, sorted(env), sorted(secrets), compose]);
  return createHash('sha256').update(text).digest('hex');
}

function sorted(record: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** By these labels containers of a service are found. */
export function serviceLabels({ project, environment, service }: Service): Record<string, string> {
  return {
    'pipewright.project': project,
    'pipewright.environment': environment,
    'pipewright.service': service,
  };
}

/** What an instance says of itself; `variables` are those it starts with. */
export function instanceLabels(
  target: Target,
  unit: Artifact,
  variables: Readonly<Record<string, string>>,
): Record<string, string> {
  return {
    ...serviceLabels(target),
    'pipewright.role': 'instance',
    'pipewright.strategy': target.settings.strategy ?? 'recreate',
    'pipewright.digest': unit.digest,
    'pipewright.reference': unit.reference,
    'pipewright.unit': unitHash(unit),
    'pipewright.run': unit.run_id,
    'pipewright.commit': unit.commit,
    'pipewright.setup': setupOf(target, unit, variables),
  };
}

/** Port of the service in its container. */
export function innerPort({ settings }: Target): number {
  return settings.internal_port ?? settings.port;
}
