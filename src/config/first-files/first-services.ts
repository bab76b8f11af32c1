import path from 'node:path';
import { nameSchema } from '../../core/step-schema.ts';
import { type Line, line, scalar } from './lines.ts';
import type { ComposeService, Image } from './survey-docker.ts';
import type { NodePackage } from './survey-node.ts';
import type { Survey } from './survey.ts';

/** One service as pipewright.yaml would say it. */
export interface FirstService {
  readonly name: string;
  /** What shows it. */
  readonly from: string;
  readonly runtime: 'compose' | 'container' | 'process';
  /** Folder of its sources. */
  readonly context: string;
  readonly category: 'frontend' | 'backend' | undefined;
  /** Keys below its name in `build.services`. */
  readonly build: readonly Line[];
  /** Keys below its name in `deploy.services`; empty when something is not known. */
  readonly deploy: readonly Line[];
  /** Then: what it would be, and why it is not. */
  readonly missing: readonly Line[];
  readonly reason: string;
}

/** Level of the keys of a service. */
const KEY = 3;

/** Services of the compose file, otherwise of the Dockerfiles, otherwise of a start script. */
export function servicesOf(survey: Survey): readonly FirstService[] {
  const { compose, images, packages } = survey;
  const ports = new PortBook();
  const ofCompose = compose?.services.filter(({ build }) => build) ?? [];
  const found =
    compose && ofCompose.length > 0
      ? ofCompose.map((service) => composeService(service, compose.file, ports))
      : images.length > 0
        ? images.map((image) => imageService(image, survey.name, ports))
        : packages.flatMap((each) => processService(each, survey.name, ports));
  const named = found.filter(
    ({ name, context }) => nameSchema.safeParse(name).success && !context.startsWith('..'),
  );
  return named.filter(({ name }, index) => named.findIndex((other) => other.name === name) === index);
}

/** Ports that services of this file have already. */
class PortBook {
  readonly #taken = new Set<number>();

  /** `wanted`, or the next one that is free. */
  take(wanted: number): number {
    let port = wanted;
    while (this.#taken.has(port)) port += 1;
    this.#taken.add(port);
    return port;
  }
}

function composeService(service: ComposeService, file: string, ports: PortBook): FirstService {
  const { name, image, port, build = { context: '.' } } = service;
  const wanted = port?.host ?? port?.container;
  const taken = wanted === undefined ? undefined : ports.take(wanted);
  const keys = composeKeys(service, file, taken);
  const isWhole = image !== undefined && taken !== undefined;
  return {
    name,
    from: `${file}: it is built from ${build.context}`,
    runtime: 'compose',
    context: build.context,
    category: categoryOf(name, build.context),
    build: contextLines(name, build.context, build),
    deploy: isWhole ? keys : [],
    missing: isWhole ? [] : keys,
    reason:
      image === undefined
        ? `a deploy changes its image: in ${file}, and there is none. Add one, then:`
        : `${file} does not say at which port it is reached. Then:`,
  };
}

function composeKeys(
  { port, healthPath }: ComposeService,
  file: string,
  taken: number | undefined,
): readonly Line[] {
  const why = taken === undefined ? 'where it is reached on its host' : portWhy(port, file);
  const inner = 'where it listens in its container';
  const fixed = `${file} fixes its port, so two of it cannot run side by side`;
  return [
    line(KEY, `port: ${taken ?? 8080}`, why),
    ...(port && port.container !== taken ? [line(KEY, `internal_port: ${port.container}`, inner)] : []),
    ...(port?.host === undefined ? [] : [line(KEY, 'strategy: recreate', fixed)]),
    ...healthLines(healthPath, file),
  ];
}

function portWhy(port: ComposeService['port'], file: string): string {
  return port?.host === undefined ? `${file} says where it listens` : `${file} publishes it`;
}

function imageService(image: Image, project: string, ports: PortBook): FirstService {
  const { folder, dockerfile, port, healthPath } = image;
  const file = path.posix.join(folder, dockerfile);
  const name = serviceName(folder, project);
  const taken = port === undefined ? undefined : ports.take(port);
  const keys = [
    line(KEY, `port: ${taken ?? 8080}`, 'where it is reached on its host; a proxy listens there'),
    ...(port !== undefined && port !== taken
      ? [line(KEY, `internal_port: ${port}`, `EXPOSE of ${file}`)]
      : []),
    ...healthLines(healthPath, file),
  ];
  return {
    name,
    from: file,
    runtime: 'container',
    context: folder,
    category: categoryOf(name, folder),
    build: contextLines(name, folder, { ...(dockerfile !== 'Dockerfile' && { dockerfile }) }),
    deploy: port === undefined ? [] : keys,
    missing: port === undefined ? keys : [],
    reason: `${file} exposes no port. If it is a service:`,
  };
}

function processService(found: NodePackage, project: string, ports: PortBook): readonly FirstService[] {
  const { folder, scripts, manager } = found;
  const { start, build } = scripts;
  if (start === undefined) return [];
  const name = serviceName(folder, project);
  const file = path.posix.join(folder, 'package.json');
  const command = folder === '.' ? '' : `cd ${scalar(folder)} && `;
  return [
    {
      name,
      from: `${file}: "start": "${start}"`,
      runtime: 'process',
      context: folder,
      category: categoryOf(name, folder),
      build: [
        ...contextLines(name, folder, {}),
        ...(build === undefined
          ? []
          : [
              line(
                KEY,
                `command: ${scalar(`${command}${manager} run build`)}`,
                `${file}: "build": "${build}"`,
              ),
            ]),
      ],
      deploy: [
        line(KEY, `port: ${ports.take(3000)}`, 'a guess: where it is reached; a proxy listens there'),
        line(
          KEY,
          `command: ${manager === 'npm' ? 'npm start' : `${manager} run start`}`,
          'it is given the port to listen at as $PORT',
        ),
        line(KEY, 'health: { path: / }', 'a guess: what must answer 200'),
      ],
      missing: [],
      reason: '',
    },
  ];
}

/** A folder's own name; the project's for the root. */
function serviceName(folder: string, project: string): string {
  const wanted = folder === '.' ? project : path.posix.basename(folder);
  const name = wanted
    .replace(/^@[^/]*\//, '')
    .replaceAll(/[^A-Za-z0-9_.-]+/g, '-')
    .replace(/^[.-]+/, '');
  return name === '' ? 'app' : name.slice(0, 40);
}

function contextLines(
  name: string,
  context: string,
  { dockerfile, target }: { readonly dockerfile?: string; readonly target?: string },
): readonly Line[] {
  const category = context === '.' ? undefined : categoryOf(name, context);
  return [
    line(KEY, `context: ${scalar(context)}`, 'folder of its sources'),
    ...(category === undefined
      ? []
      : [
          line(
            KEY,
            `categories: [${category}]`,
            'changes of these build it; changes of no category build all',
          ),
        ]),
    ...(dockerfile === undefined ? [] : [line(KEY, `dockerfile: ${scalar(dockerfile)}`)]),
    ...(target === undefined ? [] : [line(KEY, `target: ${scalar(target)}`, 'stage of the Dockerfile')]),
  ];
}

function healthLines(found: string | undefined, file: string): readonly Line[] {
  const why = found === undefined ? 'a guess: what must answer 200' : `health check of ${file}`;
  return [line(KEY, `health: { path: ${scalar(found ?? '/health')} }`, why)];
}

const FRONTEND = /^(?:web|www|site|client|frontend|front|ui|webapp)$/;
const BACKEND = /^(?:api|server|backend|back|worker|service)$/;

function categoryOf(name: string, folder: string): FirstService['category'] {
  const words = [name, path.posix.basename(folder)];
  if (words.some((word) => FRONTEND.test(word))) return 'frontend';
  return words.some((word) => BACKEND.test(word)) ? 'backend' : undefined;
}
