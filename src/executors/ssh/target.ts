import type { SshSettings } from '../../core/settings/contexts.ts';
import type { Secrets } from '../../core/ports.ts';

/** One context of type ssh, and what is needed to log in there. */
export interface SshTarget {
  /** The context's name. */
  readonly name: string;
  readonly settings: SshSettings;
  /** Relative paths of the settings begin here. */
  readonly project: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** For the passphrase of the key. */
  readonly secrets: Pick<Secrets, 'resolve'>;
  /** Where to go through on the way. */
  readonly via?: SshTarget | undefined;
  /** The name in known_hosts, where it is another one. */
  readonly hostKeyAlias?: string | undefined;
}

/** What a host is called in known_hosts. */
export function knownAs({ settings: { host, port }, hostKeyAlias }: SshTarget): {
  readonly host: string;
  readonly port: number;
} {
  return hostKeyAlias === undefined ? { host, port } : { host: hostKeyAlias, port: 22 };
}

/** `host:port` as people write it. */
export function addressOf({ settings: { host, port } }: SshTarget): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
