import { didYouMean } from '../did-you-mean.ts';
import { type Failure, failed, ok, type Result } from '../../core/failure.ts';
import type { Host, Hosts } from '../../core/hosts.ts';
import { formatBytes } from '../../core/quantities.ts';
import { amountText } from '../../core/resources/amounts.ts';
import { lookAtHost } from '../../core/resources/lease.ts';
import type { ContextSettings, DockerSettings, SshSettings } from '../../core/settings/contexts.ts';
import type { StageSettings } from '../../core/settings/index.ts';
import { amountsOf } from '../../core/settings/resources.ts';
import { sanitizeText } from '../../core/terminal-text.ts';
import type { ContextCommand, TransferCommand } from '../command.ts';
import { findEnvironment } from '../environment.ts';
import { isProblems, printFailure, printJson, printProblems } from '../print.ts';
import type { Problems, Services } from '../services.ts';

/** `context list|test`: exit code 1 when one cannot be used. */
export async function context(command: ContextCommand, services: Services): Promise<number> {
  const contexts = await contextsFor(command, services);
  if (!contexts.ok) return printContextFailure(command, services, contexts.failure);
  const names = ['local', ...Object.keys(contexts.value)];
  if (command.context !== undefined && !names.includes(command.context)) {
    const message = `There is no context "${command.context}".${didYouMean(command.context, names)}`;
    return printFailure(services, command, { reason: 'invalid', message });
  }
  const chosen = command.context === undefined ? names : [command.context];
  return command.verb === 'list'
    ? list(command, services, { names, contexts: contexts.value })
    : test(command, services, { names: chosen, contexts: contexts.value });
}

/** As the environment has them. */
export async function contextsFor(
  command: ContextCommand | TransferCommand,
  services: Services,
): Promise<Result<StageSettings['contexts'], Failure | Problems>> {
  const settings = await services.settings();
  if (!settings.ok) return settings;
  const { environments, stage, environment } = settings.value;
  const found = findEnvironment(command.env ?? environment, environments);
  return found.ok ? ok((found.value?.settings ?? stage).contexts) : found;
}

/** Problems in files or a failure, each in its own form. The exit code. */
export function printContextFailure(
  command: ContextCommand | TransferCommand,
  services: Services,
  failure: Failure | Problems,
): Promise<number> {
  return isProblems(failure)
    ? printProblems(services, command, failure)
    : printFailure(services, command, failure);
}

interface Chosen {
  readonly names: readonly string[];
  readonly contexts: StageSettings['contexts'];
}

async function list(command: ContextCommand, services: Services, chosen: Chosen): Promise<number> {
  const rows = chosen.names.map((name) => describe(name, chosen.contexts[name]));
  if (command.json) {
    await printJson(services, { contexts: rows });
    return 0;
  }
  const views = await services.views();
  const lines = views.table(
    rows.map(({ name, type, address, jump, workdir }) => [
      name,
      type,
      jump === undefined ? address : `${address} through ${jump}`,
      workdir ?? '',
    ]),
  );
  await services.terminal.print(lines);
  return 0;
}

interface Described {
  readonly name: string;
  readonly type: string;
  readonly address: string;
  /** The context on the way. */
  readonly jump?: string;
  readonly workdir?: string;
}

function describe(name: string, settings: ContextSettings | undefined): Described {
  if (!settings) return { name, type: 'local', address: 'this machine' };
  if (settings.type === 'docker') {
    const { type, image, workdir } = settings;
    return { name, type, address: `a container of ${image}`, ...(workdir !== undefined && { workdir }) };
  }
  const { host, port, user, workdir, type, jump } = settings;
  const at = `${user === undefined ? '' : `${user}@`}${host.includes(':') ? `[${host}]` : host}`;
  return {
    name,
    type,
    address: port === 22 ? at : `${at}:${port}`,
    ...(jump !== undefined && { jump }),
    ...(workdir !== undefined && { workdir }),
  };
}

/** What was found at a context. */
interface Tried extends Described {
  readonly reachable: boolean;
  /** Until the first command had answered, login included. */
  readonly connect_ms?: number;
  /** Of a command on the connection that is there. */
  readonly latency_ms?: number;
  readonly server?: string;
  readonly system?: string;
  readonly user?: string;
  readonly tools?: Readonly<Record<string, string | null>>;
  /** Where commands start. */
  readonly free_bytes?: number;
  /** Of what it shares out. */
  readonly resources?: Readonly<Record<string, { readonly used: number; readonly total: number }>>;
  readonly failure?: Failure;
}

async function test(command: ContextCommand, services: Services, chosen: Chosen): Promise<number> {
  const hosts = await services.hosts(chosen.contexts);
  try {
    const tried = await Promise.all(
      chosen.names.map(async (name): Promise<Tried> => {
        const settings = chosen.contexts[name];
        const found =
          settings?.type === 'docker'
            ? await lookAtContainer(services, name, settings)
            : await lookAtMachine(hosts, name, settings);
        const described = describe(name, settings);
        return found.ok
          ? { ...described, reachable: true, ...found.value }
          : { ...described, reachable: false, failure: found.failure };
      }),
    );
    if (command.json) await printJson(services, { contexts: tried });
    else await printTried(services, tried);
    return tried.every(({ reachable }) => reachable) ? 0 : 1;
  } finally {
    await hosts.close();
  }
}

async function lookAtContainer(
  services: Services,
  name: string,
  settings: DockerSettings,
): Promise<Result<Partial<Tried>>> {
  const began = performance.now();
  const found = await services.lookAtContainer(name, settings);
  return found.ok ? ok({ ...found.value, connect_ms: Math.round(performance.now() - began) }) : found;
}

async function lookAtMachine(
  hosts: Hosts,
  name: string,
  settings: SshSettings | undefined,
): Promise<Result<Partial<Tried>>> {
  const host = await hosts.open(name);
  if (!host.ok) return host;
  const found = await look(host.value, settings?.workdir);
  const shared = found.ok ? await sharedOut(host.value, settings) : found;
  return found.ok && shared.ok ? ok({ ...found.value, ...shared.value }) : shared;
}

const TOOLS = ['docker', 'git', 'sha256sum', 'setsid', 'tar'] as const;

const LOOK = `id -un; uname -srm; df -Pk . | awk 'NR == 2 { print $4 }'
for tool in ${TOOLS.join(' ')}; do command -v "$tool" || echo; done`;

async function look(host: Host, workdir: string | undefined): Promise<Result<Partial<Tried>>> {
  const signal = AbortSignal.timeout(60_000);
  const began = performance.now();
  const server = await host.server?.();
  if (server && !server.ok) return server;
  const request = { script: LOOK, ...(workdir !== undefined && { workdir: workdir.replace(/^~\//, '') }) };
  const said = await host.exec(request, signal);
  if (!said.ok) return said;
  const connectMs = Math.round(performance.now() - began);
  const again = await host.exec({ script: 'true' }, signal);
  if (!again.ok) return again;
  const [user = '', system = '', freeKib = '', ...tools] = sanitizeText(said.value.stdout).split('\n');
  if (said.value.exit_code !== 0) {
    return failed({ reason: 'reported', message: sanitizeText(said.value.stderr.trim()), retryable: false });
  }
  return ok({
    connect_ms: connectMs,
    latency_ms: again.value.duration_ms,
    ...(server && { server: sanitizeText(server.value) }),
    system,
    user,
    tools: Object.fromEntries(TOOLS.map((tool, at) => [tool, tools[at] || null])),
    free_bytes: Number(freeKib) * 1024,
  });
}

async function sharedOut(
  host: Host,
  settings: SshSettings | undefined,
): Promise<Result<Pick<Tried, 'resources'>>> {
  if (!settings?.resources) return ok({});
  const owned = amountsOf(settings.resources);
  const place = { host, folder: settings.leases, workdir: settings.workdir ?? '.', owned };
  const found = await lookAtHost(place, AbortSignal.timeout(60_000));
  if (!found.ok) return found;
  const rows = Object.entries(owned).map(
    ([name, total]) => [name, { used: found.value.used[name] ?? 0, total }] as const,
  );
  return ok({ resources: Object.fromEntries(rows) });
}

async function printTried(services: Services, tried: readonly Tried[]): Promise<void> {
  const views = await services.views();
  const rows = tried.map((each) => [
    each.reachable ? '✓' : '✗',
    each.name,
    each.address,
    // The last cell: a long reason widens no other row.
    each.failure
      ? views.describeFailure(each.failure)
      : each.latency_ms === undefined
        ? `${each.connect_ms} ms  ${each.server ?? ''}, the image is there`
        : `${each.connect_ms} ms, then ${each.latency_ms} ms  ${factsOf(each)}`,
  ]);
  await services.terminal.print(views.table(rows));
}

function factsOf({ user, system, server, free_bytes: free, resources = {}, tools = {} }: Tried): string {
  const missing = Object.entries(tools).flatMap(([tool, path]) => (path === null ? [tool] : []));
  const parts = [`${user} on ${system}`, ...(server ? [server] : []), `${formatBytes(free ?? 0)} free`];
  for (const [name, { used, total }] of Object.entries(resources)) {
    parts.push(`${name} ${amountText(name, used)} of ${amountText(name, total)} in use`);
  }
  if (missing.length > 0) parts.push(`without ${missing.join(', ')}`);
  return parts.join(', ');
}
