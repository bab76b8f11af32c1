import http from 'node:http';
import { sanitizeText } from '../../core/terminal-text.ts';
import type { Services } from '../services.ts';
import { type Finding, versionOf } from './doctor-probes.ts';

const ANSWER_MS = 5_000;

/** The engine that builds, as a run would reach it, and compose in either form. */
export async function probeDocker(services: Pick<Services, 'env' | 'settings'>): Promise<readonly Finding[]> {
  const settings = await services.settings();
  const set = settings.ok ? settings.value.stage.build.engine : undefined;
  const endpoint = set ?? (services.env['DOCKER_HOST'] || 'unix:///var/run/docker.sock');
  return Promise.all([probeEngine(endpoint), probeCompose(services.env)]);
}

async function probeEngine(endpoint: string): Promise<Finding> {
  const name = 'docker engine';
  const without = 'no images are built here, nothing is deployed to Docker of this machine';
  const url = endpoint.startsWith('/') ? `unix://${endpoint}` : endpoint;
  const common = { name, required: false, path: sanitizeText(url) };
  const answer = await version(url);
  if ('version' in answer) return { ...common, status: 'found', version: answer.version };
  const isAbsent = answer.code === 'ENOENT' || answer.code === 'ECONNREFUSED';
  const why = WORDS[answer.code] ?? sanitizeText(answer.code);
  return { ...common, status: isAbsent ? 'missing' : 'broken', detail: `${common.path}: ${why}; ${without}` };
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'no such socket',
  ECONNREFUSED: 'nobody listens there',
  EACCES: 'permission denied (the group docker may use it)',
};

function version(url: string): Promise<{ readonly version: string } | { readonly code: string }> {
  const address = URL.parse(url.replace(/^tcp:/, 'http:'));
  const isHttp = address?.protocol === 'http:';
  if (!url.startsWith('unix://') && !isHttp) return Promise.resolve({ code: 'asked only when it is used' });
  const place = isHttp ? { host: address.hostname, port: address.port } : { socketPath: url.slice(7) };
  const { promise, resolve } = Promise.withResolvers<
    { readonly version: string } | { readonly code: string }
  >();
  const request = http.get({ ...place, path: '/version', timeout: ANSWER_MS }, (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => void (text += chunk));
    response.on('end', () => resolve(readVersion(text)));
  });
  request.on('timeout', () => request.destroy(new Error('no answer')));
  request.on('error', (error) => resolve({ code: 'code' in error ? String(error.code) : error.message }));
  return promise;
}

function readVersion(text: string): { readonly version: string } | { readonly code: string } {
  try {
    const { Version: found }: { readonly Version?: unknown } = JSON.parse(text);
    if (typeof found === 'string') return { version: sanitizeText(found) };
  } catch {
    // Not an engine.
  }
  return { code: 'what answers is no Docker engine' };
}

/** The plugin goes before the old program, as for a deploy. */
async function probeCompose(env: NodeJS.ProcessEnv): Promise<Finding> {
  const name = 'docker compose';
  const plugin = await versionOf('docker', ['compose', 'version', '--short'], env);
  if (plugin !== undefined && /^\d/.test(plugin))
    return { name, required: false, status: 'found', version: plugin };
  const old = await versionOf('docker-compose', ['version', '--short'], env);
  if (old !== undefined && /^\d/.test(old)) {
    return { name, required: false, status: 'found', version: old, detail: 'as docker-compose' };
  }
  return {
    name,
    required: false,
    status: 'missing',
    detail: 'the runtime compose does not work on this machine',
  };
}
