import { ok, type Result, reported } from '../../core/failure.ts';
import type { Artifact, Instance, RuntimeIo, Target } from '../../core/runtime.ts';
import { environmentText, shellFile } from './environment.ts';
import { envSha, instanceOf, isProxied, type Parts, type Run, unitFacts, type Work } from './kit.ts';
import { pathPart, releaseName, serviceFolder } from './place.ts';
import * as scripts from './scripts.ts';
import { SUPERVISOR } from './supervise.ts';
import { serviceVariables, setupOf } from '../service-variables.ts';

/**
 * Starts an instance, or finds the one that an earlier try has started. With `recreate` the old one is ended last
 * thing before: what could fail without it has been done by then.
 */
export async function startInstance(parts: Parts, run: Run, work: Work): Promise<Result<Instance>> {
  const { target, artifact, io } = work;
  const known = instanceOf(await run(target, scripts.FIND, unitFacts(parts, artifact), io));
  if (!known.ok) return known;
  if (known.value?.run_id === artifact.run_id) return ok(known.value);
  const name = pathPart(`${artifact.run_id}-${releaseName(artifact.digest).slice(0, 8)}`);
  const port = isProxied(target) ? await freePort(run, target, io) : ok(target.settings.port);
  if (!port.ok) return port;
  const written = await writeInstance(parts, work, { name, port: port.value });
  if (!written.ok) return written;
  const ended = isProxied(target) ? ok(undefined) : await run(target, scripts.END_OTHERS, { NAME: name }, io);
  if (!ended.ok) return ended;
  const release = releaseName(artifact.digest);
  const started = instanceOf(await run(target, scripts.START, { NAME: name, RELEASE: release }, io));
  if (!started.ok) return started;
  return started.value
    ? ok(started.value)
    : reported(`${target.service} did not start on ${target.host.name}`);
}

async function writeInstance(
  parts: Parts,
  { target, artifact }: Work,
  { name, port }: { readonly name: string; readonly port: number },
): Promise<Result<void>> {
  const folder = serviceFolder(parts.deploy.folder, target);
  const variables = await serviceVariables(artifact, { port, secrets: parts.secrets });
  if (!variables.ok) return variables;
  const setup = setupOf(target, artifact, variables.value);
  for (const [file, text] of [
    [`${folder}/supervise.sh`, SUPERVISOR],
    [`${folder}/instances/${name}/env`, environmentText(variables.value)],
    [`${folder}/instances/${name}/command`, shellFile(target.settings.command ?? 'npm start')],
    [`${folder}/instances/${name}/meta.new`, metaLine(parts, artifact, { port, setup })],
  ] as const) {
    const written = await target.host.writeText(file, text, 0o600);
    if (!written.ok) return written;
  }
  return ok(undefined);
}

function metaLine(
  parts: Parts,
  artifact: Artifact,
  { port, setup }: { readonly port: number; readonly setup: string },
): string {
  const { digest, run_id: runId, commit } = artifact;
  const words = [
    digest,
    envSha(parts, artifact),
    runId,
    commit === '' ? '-' : commit,
    port,
    releaseName(digest),
    setup,
  ];
  return `${words.join(' ')}\n`;
}

async function freePort(run: Run, target: Target, io: RuntimeIo): Promise<Result<number>> {
  const answer = await run(target, scripts.FREE_PORT, {}, io);
  if (!answer.ok) return answer;
  const port = Number(answer.value.lines[0]);
  return port > 0 ? ok(port) : reported(`no free port was found on ${target.host.name}`);
}
