import type { ContainerCreateOptions, ContainerInspectInfo } from 'dockerode';
import type { ContainerEngine, ContainerInfo, ContainerSpec } from '../../core/containers.ts';
import { failed, ok, type Result } from '../../core/failure.ts';
import { ask, type Connection, raced } from './connection.ts';
import { forgiving, found, labelFilter, orUndefined } from './images.ts';

type ContainerParts = Pick<
  ContainerEngine,
  'container' | 'containers' | 'start' | 'resume' | 'stop' | 'signal' | 'logs' | 'network' | 'connect'
>;

/** What the engine port says of containers. */
export function containerParts(connection: Connection): ContainerParts {
  const { docker, patience } = connection;
  const container = (id: string): Promise<Result<ContainerInfo | undefined>> =>
    orUndefined(
      ask(connection, () => found(docker.getContainer(id).inspect())),
      containerInfo,
    );
  return {
    container,
    containers: async (labels) => {
      const filters = { label: labelFilter(labels) };
      const listed = await ask(connection, () => docker.listContainers({ all: true, filters }));
      if (!listed.ok) return listed;
      const oldestFirst = listed.value.toSorted((a, b) => a.Created - b.Created);
      const infos = await Promise.all(oldestFirst.map(({ Id }) => container(Id)));
      const failure = infos.find((info) => !info.ok);
      if (failure && !failure.ok) return failure;
      return ok(infos.flatMap((info) => (info.ok && info.value ? [info.value] : [])));
    },
    start: (spec) => startContainer(connection, spec, container),
    resume: (id) =>
      ask(connection, async () => {
        // 304: it runs.
        await forgiving(docker.getContainer(id).start(), [304]);
      }),
    stop: (id, { timeoutMs, remove }) =>
      ask(
        connection,
        async (signal) => {
          const target = docker.getContainer(id);
          const stopped = target.stop({ t: Math.ceil(timeoutMs / 1000) });
          await forgiving(raced(stopped, signal), [304, 404]);
          if (remove) await forgiving(target.remove({ force: true, v: true }), [404, 409]);
        },
        timeoutMs + patience.answerMs,
      ),
    signal: (id, signal) =>
      ask(connection, async () => {
        await forgiving(docker.getContainer(id).kill({ signal }), [404, 409]);
      }),
    logs: (id, lines) =>
      ask(connection, async () => {
        const options = { stdout: true, stderr: true, tail: lines, follow: false as const };
        return withoutFrames(await docker.getContainer(id).logs(options));
      }),
    network: (name, labels) =>
      ask(connection, async () => {
        const known = await found(docker.getNetwork(name).inspect());
        // 409: somebody was faster.
        if (!known)
          await forgiving(
            docker.createNetwork({ Name: name, CheckDuplicate: true, Labels: { ...labels } }),
            [409],
          );
      }),
    connect: (network, id) =>
      ask(connection, async () => {
        const facts = await docker.getContainer(id).inspect();
        if (facts.NetworkSettings.Networks[network]) return;
        await docker.getNetwork(network).connect({ Container: id });
      }),
  };
}

async function startContainer(
  connection: Connection,
  spec: ContainerSpec,
  container: (id: string) => Promise<Result<ContainerInfo | undefined>>,
): Promise<Result<ContainerInfo>> {
  const { docker } = connection;
  const created = await ask(connection, () => docker.createContainer(createOptions(spec)));
  if (!created.ok) return created;
  const started = await ask(connection, () => created.value.start());
  if (!started.ok) {
    await ask(connection, () => created.value.remove({ force: true, v: true }));
    return started;
  }
  const info = await container(created.value.id);
  if (!info.ok) return info;
  if (info.value) return ok(info.value);
  return failed({ reason: 'reported', message: `the container ${spec.name} is gone`, retryable: true });
}

function createOptions(spec: ContainerSpec): ContainerCreateOptions {
  const { name, image, env, labels, network, aliases = [], publish = {}, volumes = [] } = spec;
  const { command, user, restart } = spec;
  const bindings = Object.entries(publish).map(([port, address]) => {
    const [, host = '', number = ''] = /^(.*):(\d+)$/.exec(address) ?? [];
    return [port, [{ HostIp: host, HostPort: number }]] as const;
  });
  return {
    name,
    Image: image,
    Env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
    Labels: { ...labels },
    ExposedPorts: Object.fromEntries(Object.keys(publish).map((port) => [port, {}])),
    ...(command !== undefined && { Cmd: [...command] }),
    ...(user !== undefined && { User: user }),
    ...(network !== undefined && {
      NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: [...aliases] } } },
    }),
    HostConfig: {
      PortBindings: Object.fromEntries(bindings),
      Binds: [...volumes],
      RestartPolicy: { Name: restart },
      ...(network !== undefined && { NetworkMode: network }),
    },
  };
}

function containerInfo(info: ContainerInspectInfo): ContainerInfo {
  const { State, NetworkSettings } = info;
  const ports = Object.entries(NetworkSettings.Ports ?? {}).flatMap(([port, bound]) => {
    // The types say that it is there; for a port that is not published it is null.
    const first = (bound as typeof bound | null)?.[0];
    return first ? [[port, Number(first.HostPort)] as const] : [];
  });
  const addresses = Object.entries(NetworkSettings.Networks).map(
    ([network, { IPAddress }]) => [network, IPAddress] as const,
  );
  return {
    id: info.Id,
    name: info.Name.replace(/^\//, ''),
    image_id: info.Image,
    image: info.Config.Image,
    labels: info.Config.Labels ?? {},
    is_running: State.Running && !State.Restarting,
    started_at: State.StartedAt,
    restart_count: info.RestartCount,
    ...(!State.Running && { exit_code: State.ExitCode }),
    oom_killed: State.OOMKilled,
    addresses: Object.fromEntries(addresses.filter(([, address]) => address !== '')),
    ports: Object.fromEntries(ports),
  };
}

/** Output of a container without a terminal comes in frames: kind, three zeros, length, bytes. */
function withoutFrames(bytes: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 0; at + 8 <= bytes.length;) {
    if (bytes.readUInt8(at) > 2 || bytes.readUIntBE(at + 1, 3) !== 0) return bytes.toString('utf8');
    const length = bytes.readUInt32BE(at + 4);
    parts.push(bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(parts).toString('utf8');
}
