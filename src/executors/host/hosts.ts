import { CircuitBreaker } from '../../core/circuit-breaker.ts';
import { type Failure, failed, ok, type Result } from '../../core/failure.ts';
import type { Hosts } from '../../core/hosts.ts';
import type { Secrets } from '../../core/ports.ts';
import type { SshSettings } from '../../core/settings/contexts.ts';
import type { StageSettings } from '../../core/settings/index.ts';
import { copyBetween, type CopyableHost } from '../copy/copyable.ts';
import { createLocalHost } from './local-host.ts';
import { inheritedEnvironment } from '../local/environment.ts';
import type { Link } from '../ssh/link.ts';
import type { SshTarget } from '../ssh/target.ts';

/** What the machines behind contexts are opened with. */
export interface HostsOptions {
  readonly contexts: StageSettings['contexts'];
  /** Relative paths of settings begin here, and commands on this machine. */
  readonly project: string;
  /** Of this process. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Variables of it that commands on this machine do not inherit. */
  readonly hiddenVariables?: readonly string[] | undefined;
  readonly secrets: Pick<Secrets, 'resolve'>;
  /** By address: one server is down for every run of this process. Default: its own. */
  readonly breakers?: Map<string, CircuitBreaker> | undefined;
}

/** The hosts of a run, and the links that its executors share with them. */
export interface LinkedHosts extends Hosts {
  /** Undefined for a context that is not behind ssh. */
  readonly link: (context: string) => Promise<Link | undefined>;
}

/** Hosts behind contexts, this machine among them. Each is connected to when it is first used, and once. */
export function createHosts(options: HostsOptions): LinkedHosts {
  const links = new Map<string, Promise<Link>>();
  const hosts = new Map<string, Promise<CopyableHost>>();
  const breakers = options.breakers ?? new Map<string, CircuitBreaker>();
  const known = ['local', ...Object.keys(options.contexts)];

  const link = (context: string): Promise<Link> | undefined => {
    const settings = Object.hasOwn(options.contexts, context) ? options.contexts[context] : undefined;
    if (settings?.type !== 'ssh') return undefined;
    const opened = links.get(context);
    if (opened) return opened;
    // Two contexts of one server fail together.
    const address = `${settings.host}:${settings.port}`;
    const breaker = breakers.get(address) ?? new CircuitBreaker({ nowMs: () => performance.now() });
    breakers.set(address, breaker);
    const made = import('../ssh/link.ts').then(
      ({ Link: SshLink }) => new SshLink(targetOf(options, context, settings), breaker),
    );
    links.set(context, made);
    return made;
  };

  const make = async (context: string, made: Promise<Link> | undefined): Promise<CopyableHost> => {
    if (!made) {
      const environment = inheritedEnvironment(options.environment, options.hiddenVariables);
      return createLocalHost({ project: options.project, environment });
    }
    const [{ createSshHost }, { Forwards }] = await Promise.all([
      import('../ssh/ssh-host.ts'),
      import('../ssh/forwards.ts'),
    ]);
    return createSshHost(await made, new Forwards());
  };

  const open = async (context: string): Promise<Result<CopyableHost>> => {
    const made = context === 'local' ? undefined : link(context);
    if (context !== 'local' && !made) return failed(noHost(options, context, known));
    const host = hosts.get(context) ?? make(context, made);
    hosts.set(context, host);
    return ok(await host);
  };

  return {
    open,
    link: async (context) => link(context),
    copy: async ({ from, to, ...copy }, signal) => {
      const source = await open(from.context);
      if (!source.ok) return source;
      const sink = await open(to.context);
      if (!sink.ok) return sink;
      return copyBetween(
        {
          source: () => source.value.source(from.path, signal),
          sink: (size) => sink.value.sink(to.path, size, signal),
        },
        copy,
        signal,
      );
    },
    close: async () => {
      const made = await Promise.all(links.values());
      await Promise.all(made.map((each) => each.close()));
    },
  };
}

/** With the contexts to go through; the loader refuses circles. */
function targetOf(options: HostsOptions, name: string, settings: SshSettings): SshTarget {
  const jump = settings.jump === undefined ? undefined : options.contexts[settings.jump];
  return {
    ...options,
    name,
    settings,
    ...(settings.jump !== undefined &&
      jump?.type === 'ssh' && { via: targetOf(options, settings.jump, jump) }),
  };
}

/** A container has no files of its own that would last, and no services. */
function noHost({ contexts }: HostsOptions, context: string, known: readonly string[]): Failure {
  return Object.hasOwn(contexts, context)
    ? { reason: 'invalid', message: `\`${context}\` is a container: only steps run there` }
    : unknownContext(context, known);
}

/** `invalid`, with the names that there are. */
export function unknownContext(context: string, known: readonly string[]): Failure {
  return { reason: 'invalid', message: `there is no context \`${context}\`; known: ${known.join(', ')}` };
}
