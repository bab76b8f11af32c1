import type { Target } from '../../core/runtime.ts';

/** A name as a part of a path: what is unusual becomes `_`. */
export function pathPart(name: string): string {
  const plain = name.replaceAll(/[^A-Za-z0-9._-]/g, '_').replace(/^\.+/, '_');
  return plain === '' ? '_' : plain.slice(0, 80);
}

/** Folder of an environment on a host, as `deploy.folder` is: relative to the login folder, here to the project. */
export function environmentFolder(
  folder: string,
  { project, environment }: Pick<Target, 'project' | 'environment'>,
): string {
  return `${folder}/${pathPart(project)}/${pathPart(environment)}`;
}

/** Folder of a service in it. */
export function serviceFolder(folder: string, target: Target): string {
  return `${environmentFolder(folder, target)}/${pathPart(target.service)}`;
}

/** Name of a release folder: the beginning of its digest. */
export function releaseName(digest: string): string {
  return pathPart(digest.replace(/^sha256:/, '')).slice(0, 16);
}
