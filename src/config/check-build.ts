import path from 'node:path';
import type { BuildServiceSettings } from '../core/settings/build.ts';
import type { Path } from './located.ts';
import { isSaid, problem, type SettingCheck, unknownName } from './setting-check.ts';

/** Categories that change analysis always knows. Source: spec 2, classification of changed files. */
const CATEGORIES = ['frontend', 'backend', 'database', 'config', 'test'];

/** Reports what belongs into keys of its own in `contexts.NAME.host`. */
export function checkContextSettings(check: SettingCheck): void {
  for (const [name, context] of Object.entries(check.settings.contexts)) {
    if (context.type !== 'ssh') continue;
    const at = ['contexts', name, 'host'];
    const [, user, host = ''] = /^(?:ssh:\/\/)?(?:([^@/]+)@)?(.*)$/.exec(context.host) ?? [];
    if (context.host.startsWith('ssh://')) {
      problem(check, at, 'this is an address with a scheme', `Write only the name: host: ${host}`);
    } else if (user !== undefined) {
      problem(check, at, 'the login name has a key of its own', `Write host: ${host} and user: ${user}`);
    } else if (/^[^:]+:\d+$/.test(host)) {
      const [bare, port] = host.split(':');
      problem(check, at, 'the port has a key of its own', `Write host: ${bare} and port: ${port}`);
    } else if (/[\s/]/.test(host) || host.startsWith('-')) {
      problem(check, at, 'this is no name of a machine and no address');
    }
    if (context.jump !== undefined) checkJump(check, name, context.jump);
  }
}

/** A way through contexts that are not there, or that leads back to where it began. */
function checkJump(check: SettingCheck, name: string, jump: string): void {
  const { contexts } = check.settings;
  const at = ['contexts', name, 'jump'];
  const jumpOf = (context: string): string | undefined => {
    const settings = contexts[context];
    return settings?.type === 'ssh' ? settings.jump : undefined;
  };
  const known = Object.keys(contexts).filter((other) => other !== name && contexts[other]?.type === 'ssh');
  if (contexts[jump]?.type === 'docker') {
    problem(check, at, `"${jump}" is a container: no way leads through it`);
    return;
  }
  if (!Object.hasOwn(contexts, jump)) {
    unknownName(check, at, { what: 'there is no context', name: jump, known });
    return;
  }
  const way = [name];
  for (let next: string | undefined = jump; next !== undefined; next = jumpOf(next)) {
    if (way.includes(next)) {
      if (next === name) problem(check, at, `this leads in a circle: ${[...way, next].join(' → ')}`);
      return;
    }
    way.push(next);
  }
}

/** Reports patterns that two keys claim for opposite things. */
export function checkAnalyze(check: SettingCheck): void {
  const { shared = [], ignore = [] } = check.settings.analyze;
  for (const [index, pattern] of ignore.entries()) {
    if (!shared.includes(pattern)) continue;
    problem(check, ['analyze', 'ignore', index], `"${pattern}" is also under shared, which runs everything`);
  }
}

/** Reports builds that no engine could do as they stand. */
export function checkBuild(check: SettingCheck): void {
  for (const [name, service] of Object.entries(check.settings.build.services)) {
    const at = ['build', 'services', name];
    checkPlaces(check, at, service);
    checkImage(check, at, service);
    for (const [index, category] of service.categories.entries()) {
      const known = [...CATEGORIES, ...Object.keys(check.settings.analyze.categories)];
      if (known.includes(category)) continue;
      unknownName(check, [...at, 'categories', index], {
        what: 'there is no category',
        name: category,
        known,
      });
    }
  }
}

function checkPlaces(check: SettingCheck, at: Path, service: BuildServiceSettings): void {
  for (const key of ['context', 'output'] as const) {
    const folder = service[key];
    if (folder === undefined || !leavesProject(folder)) continue;
    problem(check, [...at, key], `"${folder}" is outside the project`);
  }
  if (path.isAbsolute(service.dockerfile)) {
    problem(check, [...at, 'dockerfile'], 'must be relative to the context');
  }
  if (service.output !== undefined && service.command === undefined && isSaid(check, [...at, 'target'])) {
    problem(
      check,
      [...at, 'output'],
      'a Dockerfile makes an image, not a folder',
      'Remove target, or output.',
    );
  }
}

function checkImage(check: SettingCheck, at: Path, { image, platform }: BuildServiceSettings): void {
  if (image !== undefined) {
    const [, bare = image, tag] = /^(.*?)(?::([^:/]+))?$/.exec(image) ?? [];
    if (tag !== undefined) {
      problem(check, [...at, 'image'], 'must not have a tag: they come from build.tags', `Write ${bare}`);
    } else if (!/^[a-z0-9]+(?:[._:/-]+[a-z0-9]+)*$/.test(image)) {
      problem(
        check,
        [...at, 'image'],
        `"${image}" is no name of an image`,
        'Small letters, digits, "-", "_", "." and "/".',
      );
    }
  }
  if (platform !== undefined && !/^[a-z0-9]+\/[a-z0-9_]+(?:\/v\d+)?$/.test(platform)) {
    const hint = /^[a-z0-9_]+$/.test(platform) ? `Write linux/${platform}` : 'Write it like linux/amd64.';
    problem(check, [...at, 'platform'], `"${platform}" is no platform`, hint);
  }
}

/** Whether a path that should be relative to the project leads out of it. */
export function leavesProject(written: string): boolean {
  const normal = path.posix.normalize(written);
  return path.isAbsolute(written) || normal === '..' || normal.startsWith('../');
}
