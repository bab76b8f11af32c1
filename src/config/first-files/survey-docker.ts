import path from 'node:path';
import { parse } from 'yaml';
import { isObject } from '../../core/json.ts';
import type { Folder, ReadText } from './survey.ts';

/** One Dockerfile. */
export interface Image {
  readonly folder: string;
  /** Name of the file in its folder. */
  readonly dockerfile: string;
  /** What its last stage exposes. */
  readonly port?: number;
  /** Path that its HEALTHCHECK asks. */
  readonly healthPath?: string;
}

export interface ComposeFile {
  readonly file: string;
  readonly services: readonly ComposeService[];
}

export interface ComposeService {
  readonly name: string;
  readonly image?: string;
  /** Absent when it is not built here. `context` is relative to the repository. */
  readonly build?: { readonly context: string; readonly dockerfile?: string; readonly target?: string };
  /** First port that it publishes; `host` is absent when any free one is taken. */
  readonly port?: { readonly host?: number; readonly container: number };
  readonly healthPath?: string;
}

/** Every Dockerfile, one for each folder; `Dockerfile` before `Dockerfile.web`. */
export async function surveyImages(folders: readonly Folder[], read: ReadText): Promise<readonly Image[]> {
  const images: Image[] = [];
  for (const { name: folder, files } of folders) {
    const [dockerfile] = [...files].filter((file) => /^(?:Dockerfile|Containerfile)$/.test(file)).toSorted();
    if (dockerfile === undefined) continue;
    const text = await read(path.posix.join(folder, dockerfile));
    const last = text.slice([...text.matchAll(/^FROM\s/gim)].at(-1)?.index ?? 0);
    const port = Number(/^EXPOSE\s+(\d+)/im.exec(last)?.[1]);
    const healthPath = pathIn(/^HEALTHCHECK(?:\\\r?\n|[^\n])*/im.exec(last)?.[0] ?? '');
    images.push({
      folder,
      dockerfile,
      ...(port >= 1 && port <= 65_535 && { port }),
      ...(healthPath !== undefined && { healthPath }),
    });
  }
  return images;
}

/** The one for production before the others. */
const COMPOSE_NAMES = [
  'docker-compose.prod.yml',
  'docker-compose.prod.yaml',
  'compose.prod.yml',
  'compose.prod.yaml',
  'docker-compose.production.yml',
  'compose.production.yaml',
  'docker-compose.yml',
  'docker-compose.yaml',
  'compose.yaml',
  'compose.yml',
];

/** The compose file that a deploy would use. */
export async function surveyCompose(
  folders: readonly Folder[],
  read: ReadText,
): Promise<ComposeFile | undefined> {
  for (const { name: folder, files } of folders) {
    if (!['.', 'docker', 'deploy'].includes(folder)) continue;
    const name = COMPOSE_NAMES.find((candidate) => files.has(candidate));
    if (name === undefined) continue;
    const file = path.posix.join(folder, name);
    const services = servicesIn(await read(file), folder);
    if (services.length > 0) return { file, services };
  }
  return undefined;
}

function servicesIn(text: string, folder: string): readonly ComposeService[] {
  let written: unknown;
  try {
    written = parse(text, { maxAliasCount: 100, logLevel: 'error' });
  } catch {
    // Not a compose file that can be read: then there is nothing to learn from it.
    return [];
  }
  const services = isObject(written) ? written['services'] : undefined;
  if (!isObject(services)) return [];
  return Object.entries(services).flatMap(([name, service]) =>
    isObject(service) ? [serviceOf(name, service, folder)] : [],
  );
}

function serviceOf(name: string, written: Readonly<Record<string, unknown>>, folder: string): ComposeService {
  const { image, build, ports, expose, healthcheck } = written;
  const port = portOf(ports) ?? exposed(expose);
  const healthPath = pathIn(isObject(healthcheck) ? JSON.stringify(healthcheck['test'] ?? '') : '');
  const made = buildOf(build, folder);
  return {
    name,
    ...(typeof image === 'string' && image !== '' && { image }),
    ...(made && { build: made }),
    ...(port && { port }),
    ...(healthPath !== undefined && { healthPath }),
  };
}

function buildOf(build: unknown, folder: string): ComposeService['build'] {
  if (typeof build === 'string') return { context: path.posix.join(folder, build) };
  if (!isObject(build)) return undefined;
  const { context, dockerfile, target } = build;
  return {
    context: path.posix.join(folder, typeof context === 'string' ? context : '.'),
    ...(typeof dockerfile === 'string' && { dockerfile }),
    ...(typeof target === 'string' && { target }),
  };
}

function portOf(ports: unknown): ComposeService['port'] {
  const [first]: readonly unknown[] = Array.isArray(ports) ? ports : [];
  if (isObject(first)) {
    const container = portNumber(first['target']);
    const host = portNumber(first['published']);
    return container === undefined ? undefined : { container, ...(host !== undefined && { host }) };
  }
  if (typeof first !== 'string' && typeof first !== 'number') return undefined;
  // `${PORT:-8080}:80` is meant as 8080 where nothing else is said.
  const text = String(first).replaceAll(/\$\{\w+:?-(\d+)\}/g, '$1');
  const [, hostText, containerText] = /^(?:\d+\.[\d.]+:)?(?:(\d+):)?(\d+)(?:\/tcp)?$/.exec(text) ?? [];
  const container = portNumber(containerText);
  const host = portNumber(hostText);
  return container === undefined ? undefined : { container, ...(host !== undefined && { host }) };
}

function exposed(expose: unknown): ComposeService['port'] {
  const container = portNumber(Array.isArray(expose) ? expose[0] : undefined);
  return container === undefined ? undefined : { container };
}

function portNumber(value: unknown): number | undefined {
  const port = Number(value ?? NaN);
  return Number.isInteger(port) && port >= 1 && port <= 65_535 ? port : undefined;
}

/** The path of the address that a health check asks. */
function pathIn(check: string): string | undefined {
  const [, found] = /https?:\/\/[^/\s"'\\]+(\/[\w./-]*)/.exec(check) ?? [];
  return found;
}
