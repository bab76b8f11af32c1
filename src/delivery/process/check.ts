import { ok, type Result } from '../../core/failure.ts';
import type { Target } from '../../core/runtime.ts';
import type { Answer } from './answer.ts';
import { isProxied, type Run, type Work } from './kit.ts';
import { releaseName } from './place.ts';
import * as scripts from './scripts.ts';

/** The proxy needs this Node on the host. */
const OLDEST_NODE = 18;

/** Why it cannot be started there: tools, the release folder, Node for the proxy, the port. */
export async function checkPlace(
  run: Run,
  { target, artifact, io }: Work,
): Promise<Result<readonly string[]>> {
  const release = releaseName(artifact.digest);
  const answer = await run(target, scripts.CHECK, { RELEASE: release }, io);
  if (!answer.ok) return answer;
  const reasons = [
    ...answer.value.all('missing').map(([tool = '']) => `${target.host.name} has no ${tool}`),
    ...releaseProblem(target, artifact.digest, answer.value),
    ...nodeProblem(target, answer.value),
  ];
  const isOurs = answer.value.first('ours') !== undefined;
  if (!isOurs && (await isTaken(target))) {
    reasons.push(`port ${target.settings.port} of ${target.host.name} is taken by another program`);
  }
  return ok(reasons);
}

function releaseProblem({ host, service }: Target, wanted: string, answer: Answer): readonly string[] {
  const digest = answer.first('digest')?.[0];
  if (digest === wanted) return [];
  return digest === undefined
    ? [`release ${wanted} of ${service} is not on ${host.name}`]
    : [`what lies on ${host.name} is ${digest} instead of ${wanted}`];
}

function nodeProblem(target: Target, answer: Answer): readonly string[] {
  const node = Number(answer.first('node')?.[0] ?? 0);
  if (!isProxied(target) || node >= OLDEST_NODE) return [];
  const has = node > 0 ? `it has ${node}` : 'it has none';
  return [
    `strategy start-first needs Node ${OLDEST_NODE} or later on ${target.host.name} for its proxy (${has}); use strategy: recreate`,
  ];
}

async function isTaken({ host, settings }: Target): Promise<boolean> {
  const connection = await host.connect({ host: '127.0.0.1', port: settings.port });
  if (!connection.ok) return false;
  connection.value.on('error', () => undefined);
  connection.value.end();
  if ('destroy' in connection.value && typeof connection.value.destroy === 'function')
    connection.value.destroy();
  return true;
}
