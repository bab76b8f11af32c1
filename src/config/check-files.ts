import { existsSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { isObject } from '../core/json.ts';
import type { DeploySettings, ServiceSettings } from '../core/settings/deploy.ts';
import { placeIn } from './overlay.ts';
import type { ProjectConfig } from './project.ts';
import { problem, type SettingCheck, unknownName } from './setting-check.ts';
import { readBytesBounded } from './source-text.ts';
import type { YamlFile } from './yaml-file.ts';

/**
 * Compares settings with the files that they name: for `validate`, not for each run, since a build may make them.
 * A missing file is a warning; what could not work with a file as it is now is an error.
 */
export async function checkFiles(file: YamlFile, config: ProjectConfig, folder: string): Promise<void> {
  const environments = Object.entries(config.environments);
  const all = [
    { name: undefined, settings: config.settings },
    ...environments.map(([name, { settings }]) => ({ name, settings })),
  ];
  for (const { name, settings } of all) {
    const check: SettingCheck = { file, settings, raw: {}, place: placeIn(file, name) };
    checkBuildFiles(check, folder);
    await checkComposeFile(check, folder);
  }
}

function checkBuildFiles(check: SettingCheck, folder: string): void {
  const { build, deploy } = check.settings;
  for (const [name, service] of Object.entries(build.services)) {
    const at = ['build', 'services', name];
    const context = path.join(folder, service.context);
    if (!existsSync(context)) {
      missing(check, [...at, 'context'], `there is no folder ${service.context}`);
      continue;
    }
    const runtime = deploy.services[name]?.runtime ?? deploy.runtime;
    const needsImage = service.command === undefined && (runtime !== 'process' || !deploy.services[name]);
    if (needsImage && !existsSync(path.join(context, service.dockerfile))) {
      const shown = path.join(service.context, service.dockerfile);
      missing(check, [...at, 'dockerfile'], `there is no ${shown}`);
    }
  }
}

function missing({ file, place }: SettingCheck, at: readonly PropertyKey[], message: string): void {
  file.report(place(at), { code: 'missing-file', message, severity: 'warning' });
}

async function checkComposeFile(check: SettingCheck, folder: string): Promise<void> {
  const { deploy } = check.settings;
  const ofCompose = Object.entries(deploy.services).filter(
    ([, { runtime }]) => (runtime ?? deploy.runtime) === 'compose',
  );
  if (ofCompose.length === 0) return;
  const services = await composeServices(path.join(folder, deploy.compose_file));
  if (services === undefined) {
    missing(check, ['deploy', 'compose_file'], `there is no ${deploy.compose_file} that can be read`);
    return;
  }
  for (const [name, service] of ofCompose) checkComposeService(check, { name, service, services, deploy });
}

interface ComposePlace {
  readonly name: string;
  readonly service: ServiceSettings;
  readonly services: Readonly<Record<string, unknown>>;
  readonly deploy: DeploySettings;
}

function checkComposeService(check: SettingCheck, { name, service, services, deploy }: ComposePlace): void {
  const at = ['deploy', 'services', name];
  const wanted = service.compose_service ?? name;
  const written = services[wanted];
  const key = service.compose_service === undefined ? [] : ['compose_service'];
  if (!isObject(written)) {
    const known = Object.keys(services);
    unknownName(check, [...at, ...key], {
      what: `${deploy.compose_file} has no service`,
      name: wanted,
      known,
    });
    return;
  }
  if (typeof written['image'] !== 'string') {
    const message = `"${wanted}" has no image: in ${deploy.compose_file}: that is what a deploy replaces`;
    problem(check, [...at, ...key], message, `Add image: ${name}:latest beside its build:.`);
  }
  const strategy = service.strategy ?? deploy.strategy;
  const fixed = strategy === 'start-first' ? fixedPort(written['ports']) : undefined;
  if (fixed !== undefined) {
    const message = `start-first runs two of it for a moment, and ${deploy.compose_file} fixes its port to "${fixed}"`;
    const hint = `Publish no port there (a proxy listens at ${service.port}), or write strategy: recreate.`;
    problem(check, at, message, hint);
  }
}

/** Undefined when the file is not there or is no compose file. */
async function composeServices(file: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  try {
    const written: unknown = parse(Buffer.from(await readBytesBounded(file)).toString(), {
      maxAliasCount: 100,
      logLevel: 'error',
    });
    const services = isObject(written) ? written['services'] : undefined;
    return isObject(services) ? services : undefined;
  } catch {
    return undefined;
  }
}

/** A port of the host that the compose file names: `8080:80`, `127.0.0.1:8080:80` or `published: 8080`. */
function fixedPort(ports: unknown): string | undefined {
  if (!Array.isArray(ports)) return undefined;
  for (const port of ports) {
    if (typeof port === 'string' && /^(?:\S+:)?\d+(?:-\d+)?:\d/.test(port)) return port;
    const published = isObject(port) ? port['published'] : undefined;
    if (typeof published === 'string' || typeof published === 'number') return String(published);
  }
  return undefined;
}
