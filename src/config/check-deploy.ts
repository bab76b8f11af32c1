import path from 'node:path';
import { isObject } from '../core/json.ts';
import type { DeploySettings, ServiceSettings } from '../core/settings/deploy.ts';
import { leavesProject } from './check-build.ts';
import { suggestion } from './issues.ts';
import type { Path } from './located.ts';
import { idleKey, isSaid, problem, type SettingCheck, unknownName } from './setting-check.ts';
import { checkTemplateNames, placesIn } from './template-names.ts';

/** Reports a deployment that could not work as it stands. */
export function checkDeploy(check: SettingCheck): void {
  const { deploy } = check.settings;
  checkHosts(check, ['deploy', 'hosts'], deploy.hosts);
  checkPaths(check, deploy);
  for (const [name, service] of Object.entries(deploy.services)) checkService(check, name, service);
  checkPorts(check);
}

/** Contexts that hosts may name; without an environment those of any of them, since one will be chosen. */
function knownContexts({ settings, raw, environment }: SettingCheck): readonly string[] {
  const own = ['local', ...hostContexts(settings.contexts)];
  const { environments } = raw;
  if (environment !== undefined || !isObject(environments)) return own;
  const elsewhere = Object.values(environments).flatMap((said) =>
    isObject(said) && isObject(said['contexts']) ? hostContexts(said['contexts']) : [],
  );
  return [...new Set([...own, ...elsewhere])];
}

/** Nothing is deployed to a container of a run. */
function hostContexts(contexts: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(contexts).flatMap(([name, context]) =>
    isObject(context) && context['type'] === 'docker' ? [] : [name],
  );
}

function checkHosts(check: SettingCheck, at: Path, hosts: readonly string[]): void {
  const known = knownContexts(check);
  for (const [index, name] of hosts.entries()) {
    if (!known.includes(name))
      unknownName(check, [...at, index], { what: 'there is no context', name, known });
    else if (hosts.indexOf(name) < index) problem(check, [...at, index], `"${name}" stands here twice`);
  }
}

function checkPaths(check: SettingCheck, { folder, compose_file: composeFile }: DeploySettings): void {
  if (path.posix.normalize(folder).split('/').includes('..') || folder.startsWith('~')) {
    const hint = 'Write a folder below the login folder, or an absolute one.';
    problem(check, ['deploy', 'folder'], `"${folder}" leads out of the login folder`, hint);
  }
  if (leavesProject(composeFile)) {
    problem(check, ['deploy', 'compose_file'], `"${composeFile}" is outside the project`);
  }
}

function checkService(check: SettingCheck, name: string, service: ServiceSettings): void {
  const at = ['deploy', 'services', name];
  const { deploy, build } = check.settings;
  if (service.hosts) checkHosts(check, [...at, 'hosts'], service.hosts);
  if (!Object.hasOwn(build.services, name)) {
    const known = Object.keys(build.services);
    const hint = suggestion(name, known) ?? `Add build: {services: {${name}: {}}}.`;
    problem(check, at, `build.services has no "${name}": there would be nothing to deploy`, hint);
  }
  checkKeysOfRuntime(check, at, service, service.runtime ?? deploy.runtime);
  checkHealth(check, at, service);
  checkVariables(check, at, service);
}

/** Keys that act in some runtimes only. */
const RUNTIMES_OF = {
  command: ['process'],
  compose_service: ['compose'],
  volumes: ['container'],
  internal_port: ['compose', 'container'],
} as const satisfies Partial<Record<keyof ServiceSettings, readonly string[]>>;

function checkKeysOfRuntime(check: SettingCheck, at: Path, service: ServiceSettings, runtime: string): void {
  for (const [key, runtimes] of Object.entries(RUNTIMES_OF)) {
    if (runtimes.some((known) => known === runtime) || !isSaid(check, [...at, key])) continue;
    const where = runtimes.join(' and ');
    idleKey(check, [...at, key], `"${key}" is for the runtime ${where}; this service runs as ${runtime}`);
  }
  if (runtime === 'process' && Object.hasOwn(service.env, 'PORT')) {
    const message = 'PORT is given to the service by Pipewright: it must listen there';
    problem(check, [...at, 'env', 'PORT'], message);
  }
}

function checkHealth(check: SettingCheck, at: Path, { health, drain }: ServiceSettings): void {
  const { path: asked, status, interval, timeout } = health;
  if (/[\s#]/.test(asked)) {
    problem(check, [...at, 'health', 'path'], `"${asked}" is no path of an address`);
  }
  if (status < 200) problem(check, [...at, 'health', 'status'], `${status} is no final answer`);
  else if (status >= 500) {
    problem(check, [...at, 'health', 'status'], `${status} says that the service is broken`);
  }
  if (interval >= timeout) {
    const key = isSaid(check, [...at, 'health', 'interval']) ? 'interval' : 'timeout';
    problem(check, [...at, 'health', key], 'the interval must be less than the timeout: it would look once');
  }
  if (drain > LONGEST_DRAIN_MS) problem(check, [...at, 'drain'], 'must be at most 1h');
}

/** Longer than any watchdog: the old release would never be retired. */
const LONGEST_DRAIN_MS = 3_600_000;

function checkVariables(check: SettingCheck, at: Path, { env, secrets }: ServiceSettings): void {
  for (const name of Object.keys(secrets)) {
    if (!Object.hasOwn(env, name)) continue;
    problem(check, [...at, 'secrets', name], `"${name}" is also under env`);
  }
  const none = new Set<string>();
  const names = { params: none, variables: none, secrets: none, stages: none };
  checkTemplateNames(
    check.file,
    names,
    placesIn(check.file, check.place([...at, 'env']), () => true),
  );
}

/** Reports two services that would listen at one port of one host. */
function checkPorts(check: SettingCheck): void {
  const { deploy } = check.settings;
  const taken = new Map<string, string>();
  for (const [name, service] of Object.entries(deploy.services)) {
    for (const host of new Set(service.hosts ?? deploy.hosts)) {
      const place = `${service.port} ${host}`;
      const owner = taken.get(place);
      if (owner === undefined) taken.set(place, name);
      else {
        const message = `port ${service.port} of ${host} is already that of "${owner}"`;
        problem(check, ['deploy', 'services', name, 'port'], message);
      }
    }
  }
}
