import { existsSync } from 'node:fs';
import { execa } from 'execa';
import { failed, ok, type Result } from '../../core/failure.ts';
import { refusal, resolvePath } from './credentials.ts';
import type { SshTarget } from './target.ts';

/** `ssh -G` looks into a file; more than that is a `Match exec` that hangs. */
const LIMIT_MS = 10_000;
/** One hop of `ProxyJump`: `[user@]host[:port]`, or an ssh:// address. */
const HOP = /^(?:ssh:\/\/)?(?:([^@/]+)@)?(?:\[([^\]]+)\]|([^:@/]+))(?::(\d+))?$/;
const MOST_HOPS = 8;
const DEFAULT_PORT = 22;
const DEFAULT_KNOWN_HOSTS = '~/.ssh/known_hosts';

/**
 * The target as the configuration of OpenSSH (`ssh_config`) has it, with the hosts to go through. OpenSSH itself is
 * asked (`ssh -G`), so that patterns, includes, tokens and `Match` mean what they mean there. What the context says goes
 * over it. `authentication` when it cannot be used: no try of ours will heal it.
 */
export async function lookUp(target: SshTarget, hops = 0): Promise<Result<SshTarget>> {
  const { ssh_config: file } = target.settings;
  if (file === undefined) return ok(target);
  if (hops > MOST_HOPS) return failed(refusal(target, `${file} leads through more than ${MOST_HOPS} hosts`));
  const said = await askOpenSsh(target, resolvePath(target, file));
  if (!said.ok) return said;
  const found = foundIn(target, said.value);
  const command = first(said.value, 'proxycommand');
  if (command !== undefined && target.via === undefined) {
    const detail = `${file} reaches ${target.settings.host} with a ProxyCommand, which is not run: use ProxyJump, or \`jump\` of the context`;
    return failed(refusal(target, detail));
  }
  const via = await hopsOf(target, jumpsIn(target, said.value), hops);
  return via.ok ? ok({ ...found, ...(via.value && { via: via.value }) }) : via;
}

/** Values by key, in small letters, as `ssh -G` prints them; without those that mean nothing. */
type Said = ReadonlyMap<string, readonly string[]>;

async function askOpenSsh(target: SshTarget, file: string): Promise<Result<Said>> {
  const { host, port, user } = target.settings;
  const options = [
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === DEFAULT_PORT ? [] : ['-p', `${port}`]),
  ];
  const { failed: hasFailed, ...result } = await execa('ssh', ['-G', '-F', file, ...options, '--', host], {
    // In a group of its own: Ctrl-C at our terminal is for us.
    detached: true,
    reject: false,
    stdin: 'ignore',
    timeout: LIMIT_MS,
    forceKillAfterDelay: 500,
    env: Object.fromEntries(Object.entries(target.environment).filter(([, value]) => value !== undefined)),
    extendEnv: false,
  });
  if (hasFailed) {
    const why = result.timedOut
      ? `no answer within ${LIMIT_MS / 1000} s`
      : result.stderr || result.shortMessage;
    return failed(refusal(target, `${file} cannot be used, says ssh: ${why?.trim() ?? ''}`));
  }
  return ok(parseSaid(result.stdout));
}

function parseSaid(text: string): Said {
  const said = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [, key, value] = /^(\S+) (.*)$/.exec(line.trim()) ?? [];
    if (key === undefined || value === undefined || value === 'none') continue;
    said.set(key, [...(said.get(key) ?? []), value]);
  }
  return said;
}

function first(said: Said, key: string): string | undefined {
  return said.get(key)?.[0];
}

/** The settings with what the configuration adds to them; it is not looked up again. */
function foundIn(target: SshTarget, said: Said): SshTarget {
  const { settings } = target;
  const identity = settings.identity_file ?? identityIn(target, said);
  const onlyNamed = first(said, 'identitiesonly') === 'yes' && identity !== undefined;
  return {
    ...target,
    hostKeyAlias: first(said, 'hostkeyalias'),
    environment: withAgent(target, first(said, 'identityagent')),
    settings: {
      ...settings,
      ssh_config: undefined,
      host: first(said, 'hostname') ?? settings.host,
      port: Number(first(said, 'port') ?? settings.port),
      user: first(said, 'user') ?? settings.user,
      identity_file: identity,
      agent: settings.agent && !onlyNamed,
      known_hosts: knownHostsIn(target, said),
    },
  };
}

function withAgent({ environment }: SshTarget, agent: string | undefined): SshTarget['environment'] {
  const isOurs = agent === undefined || agent === 'SSH_AUTH_SOCK';
  return isOurs ? environment : { ...environment, SSH_AUTH_SOCK: agent };
}

function knownHostsIn({ settings: { known_hosts: written } }: SshTarget, said: Said): string {
  const found = first(said, 'userknownhostsfile')?.split(' ')[0];
  return written === DEFAULT_KNOWN_HOSTS ? (found ?? written) : written;
}

/** The first of the named keys that is there. Those that ssh tries unasked are in the list too, and are not named. */
function identityIn(target: SshTarget, said: Said): string | undefined {
  const named = (said.get('identityfile') ?? []).filter((file) => !/\/\.ssh\/id_\w+$/.test(file));
  return named.find((file) => existsSync(resolvePath(target, file))) ?? named[0];
}

/** Hosts to go through, as written. `Host *` with a ProxyJump means the jump host too, which is not behind itself. */
function jumpsIn({ settings, via }: SshTarget, said: Said): readonly string[] {
  const jumps = first(said, 'proxyjump')?.split(',') ?? [];
  return via !== undefined || jumps.some((jump) => hostOf(jump) === settings.host) ? [] : jumps;
}

function hostOf(jump: string): string | undefined {
  const [, , bracketed, plain] = HOP.exec(jump.trim()) ?? [];
  return bracketed ?? plain;
}

/** The last hop, which goes through the one before it. */
async function hopsOf(
  target: SshTarget,
  jumps: readonly string[],
  hops: number,
): Promise<Result<SshTarget | undefined>> {
  let via: SshTarget | undefined;
  for (const jump of jumps) {
    const [, user, , , port] = HOP.exec(jump.trim()) ?? [];
    const host = hostOf(jump);
    if (host === undefined || host.startsWith('-')) {
      return failed(refusal(target, `not a host to go through: ${jump}`));
    }
    const { identity_file: _, passphrase: __, ...settings } = target.settings;
    const hop = await lookUp(
      {
        ...target,
        via,
        settings: { ...settings, host, user, port: port === undefined ? DEFAULT_PORT : Number(port) },
      },
      hops + 1,
    );
    if (!hop.ok) return hop;
    via = hop.value;
  }
  return ok(via);
}
