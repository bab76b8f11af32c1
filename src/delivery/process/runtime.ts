import type { Result } from '../../core/failure.ts';
import { failed, ok } from '../../core/failure.ts';
import type { Instance, Runtime, RuntimeIo, Target } from '../../core/runtime.ts';
import { proxySource } from '../proxy/source.ts';
import { checkPlace } from './check.ts';
import {
  done,
  factsOf,
  instanceOf,
  isProxied,
  nameFacts,
  type Parts,
  type Run,
  runWith,
  unitFacts,
  type Work,
} from './kit.ts';
import { releaseName, serviceFolder } from './place.ts';
import * as scripts from './scripts.ts';
import { startInstance } from './start.ts';
import { setupNow } from '../service-variables.ts';

export interface ProcessRuntime extends Runtime {
  /** Ends every process of the service, its proxy too; its files stay. */
  readonly stopAll: (target: Target, io: RuntimeIo) => Promise<Result<void>>;
}

/** Room that the unpacked release takes, as a multiple of its archive. */
const UNPACKED = 5;
const UPLOAD_TRIES = 3;

/**
 * Services as processes out of release folders, without Docker. On the host, below `deploy.folder`:
 * `<project>/<environment>/<service>/{releases,instances,proxy,current}`. What `proxy/target` names takes the traffic.
 */
export function createProcessRuntime(parts: Parts): ProcessRuntime {
  const run = runWith(parts);
  const current = async (target: Target, io: RuntimeIo): Promise<Result<Instance | undefined>> =>
    instanceOf(await run(target, scripts.CURRENT, {}, io));
  return {
    kind: 'process',
    current,
    space: async (target, artifact, io) => {
      const answer = await run(target, scripts.SPACE, {}, io);
      if (!answer.ok) return answer;
      const free = Number(answer.value.first('free')?.[0] ?? Number.NaN) * 1024;
      const place = answer.value.lines.at(-1) ?? '';
      return ok({ free_bytes: free, needed_bytes: artifact.size_bytes * (1 + UNPACKED), place });
    },
    deliver: (target, artifact, io) => deliver(parts, run, { target, artifact, io }),
    check: (target, artifact, io) => checkPlace(run, { target, artifact, io }),
    setup: (target, unit) => setupNow(target, unit, parts.secrets),
    start: (target, unit, io) => startInstance(parts, run, { target, artifact: unit, io }),
    switchTo: async (target, instance, io) => {
      const facts = nameFacts(instance);
      if (!isProxied(target)) return done(await run(target, scripts.SERVE, facts, io));
      const before = await current(target, io);
      if (!before.ok) return before;
      if (before.value?.address?.port === target.settings.port && before.value.id !== instance.id) {
        await io.log(
          `port ${target.settings.port} goes from the service to its proxy: a short gap, this once`,
        );
        const ended = await run(target, scripts.END_OTHERS, { ...facts, KEEP_PROXY: 'yes' }, io);
        if (!ended.ok) return ended;
      }
      const shipped = await target.host.writeText(
        `${serviceFolder(parts.deploy.folder, target)}/proxy/proxy.mjs`,
        proxySource(),
      );
      if (!shipped.ok) return shipped;
      return done(await run(target, scripts.SWITCH, facts, io));
    },
    find: async (target, unit, io) => {
      const answer = await run(target, scripts.FIND, unitFacts(parts, unit), io);
      return instanceOf(answer);
    },
    inspect: async (target, instance, io) => {
      const answer = await run(target, scripts.INSPECT, { ID: instance.id }, io);
      return answer.ok ? ok(factsOf(instance.id, answer.value)) : answer;
    },
    retire: async (target, instance, io) => done(await run(target, scripts.RETIRE, { ID: instance.id }, io)),
    prune: async (target, keep, io) => {
      const names = keep.map(({ digest }) => releaseName(digest)).join(' ');
      return done(await run(target, scripts.PRUNE, { KEEP: names, KEEP_INSTANCES: '' }, io));
    },
    stopAll: async (target, io) => done(await run(target, scripts.END_ALL, {}, io)),
    logs: async (target, instance, { lines, ...io }) => {
      const answer = await run(target, scripts.LOGS, { ID: instance.id, LINES: String(lines) }, io);
      return answer.ok ? ok(answer.value.lines) : answer;
    },
  };
}

async function deliver(
  parts: Parts,
  run: Run,
  { target, artifact, io }: Work,
): ReturnType<Runtime['deliver']> {
  const facts = { RELEASE: releaseName(artifact.digest), DIGEST: artifact.digest };
  const there = await run(target, scripts.HAS_RELEASE, facts, io);
  if (!there.ok) return there;
  if (there.value.first('digest')?.[0] === artifact.digest)
    return ok({ bytes_sent: 0, method: 'already there' });
  if (artifact.path === undefined) {
    return failed({
      reason: 'reported',
      message: `release ${facts.RELEASE} of ${target.service} is no longer on ${target.host.name}, and its files are not here`,
      retryable: false,
    });
  }
  const remote = `${serviceFolder(parts.deploy.folder, target)}/incoming/${facts.RELEASE}.tar.gz`;
  const copied = await upload(target, { local: artifact.path, remote }, io);
  if (!copied.ok) return copied;
  if (`sha256:${copied.value.sha256}` !== artifact.digest) {
    return failed({
      reason: 'reported',
      message: `the archive of ${target.service} is not the one that was built: sha256:${copied.value.sha256} instead of ${artifact.digest}`,
      retryable: false,
    });
  }
  const unpacked = await run(target, scripts.UNPACK, facts, io);
  if (!unpacked.ok) return unpacked;
  return ok({ bytes_sent: copied.value.bytes - copied.value.resumed_bytes, method: 'archive' });
}

/** A bad link is tried again: what has arrived stays. */
async function upload(
  { host }: Target,
  copy: { readonly local: string; readonly remote: string },
  { signal, onProgress }: RuntimeIo,
): ReturnType<Target['host']['upload']> {
  for (let attempt = 1; ; attempt += 1) {
    const copied = await host.upload(
      { ...copy, mode: 0o600, onProgress: ({ done_bytes: now, total_bytes: all }) => onProgress?.(now, all) },
      signal,
    );
    const isLink = !copied.ok && copied.failure.reason === 'executor-unreachable';
    if (!isLink || attempt === UPLOAD_TRIES || signal.aborted) return copied;
  }
}
