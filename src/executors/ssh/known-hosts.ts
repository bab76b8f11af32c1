import { createHash, createHmac } from 'node:crypto';

/** One line of a known_hosts file that means something to us. */
export interface KnownHost {
  readonly marker?: 'revoked';
  /** As written: patterns with commas, or a hashed name. */
  readonly hosts: string;
  readonly keyType: string;
  readonly key: Buffer;
  /** From 1. */
  readonly line: number;
}

/** What known_hosts says of the key that a host presents. */
export type KeyVerdict =
  | { readonly verdict: 'known' }
  | { readonly verdict: 'unknown' }
  /** The host is there with another key of this type, at this line. */
  | { readonly verdict: 'changed'; readonly line: number }
  | { readonly verdict: 'revoked'; readonly line: number };

/**
 * The entries of a known_hosts file. Lines that are empty, comments or broken are left out, and so are
 * `@cert-authority` ones: host certificates are not understood, so a host that has only those is unknown.
 * Source: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT.
 */
export function parseKnownHosts(text: string): readonly KnownHost[] {
  return text.split('\n').flatMap((raw, index): readonly KnownHost[] => {
    const words = raw.trim().split(/\s+/);
    const marker = words[0]?.startsWith('@') ? words.shift() : undefined;
    const [hosts = '', keyType = '', encoded = ''] = words;
    if (hosts.startsWith('#') || encoded === '') return [];
    if (marker !== undefined && marker !== '@revoked') return [];
    const key = Buffer.from(encoded, 'base64');
    if (typeOf(key) !== keyType) return [];
    return [{ ...(marker && { marker: 'revoked' as const }), hosts, keyType, key, line: index + 1 }];
  });
}

/** Judges `key`, the raw blob of the protocol, for the host as it was asked for. */
export function judgeKey(
  entries: readonly KnownHost[],
  { host, port }: { readonly host: string; readonly port: number },
  key: Buffer,
): KeyVerdict {
  const name = nameOf(host, port);
  const revoked = entries.find((entry) => entry.marker === 'revoked' && entry.key.equals(key));
  if (revoked && matches(revoked.hosts, name)) return { verdict: 'revoked', line: revoked.line };
  const own = entries.filter((entry) => entry.marker === undefined && matches(entry.hosts, name));
  if (own.some((entry) => entry.key.equals(key))) return { verdict: 'known' };
  const other = own.find((entry) => entry.keyType === typeOf(key));
  return other ? { verdict: 'changed', line: other.line } : { verdict: 'unknown' };
}

/** Types of the keys that are known for a host, in the order of the file: what to ask it for first. */
export function knownKeyTypes(
  entries: readonly KnownHost[],
  { host, port }: { readonly host: string; readonly port: number },
): readonly string[] {
  const name = nameOf(host, port);
  const own = entries.filter((entry) => entry.marker === undefined && matches(entry.hosts, name));
  return [...new Set(own.map(({ keyType }) => keyType))];
}

/** The type that a public key's blob begins with; empty for what is no key. */
export function typeOf(key: Buffer): string {
  const length = key.length >= 4 ? key.readUInt32BE(0) : 0;
  return length > 0 && length <= 64 && key.length >= 4 + length
    ? key.subarray(4, 4 + length).toString('latin1')
    : '';
}

/** As `ssh-keygen -l` prints it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** As it is written in the file: the port only where it is not 22. */
export function nameOf(host: string, port: number): string {
  const lower = host.toLowerCase();
  return port === 22 ? lower : `[${lower}]:${port}`;
}

function matches(hosts: string, name: string): boolean {
  if (hosts.startsWith('|1|')) return matchesHash(hosts, name);
  let isMatch = false;
  for (const pattern of hosts.toLowerCase().split(',')) {
    if (pattern.startsWith('!')) {
      if (glob(pattern.slice(1)).test(name)) return false;
    } else if (glob(pattern).test(name)) isMatch = true;
  }
  return isMatch;
}

/** `|1|salt|HMAC-SHA1 of the name`. */
function matchesHash(hashed: string, name: string): boolean {
  const [, , salt = '', hash = ''] = hashed.split('|');
  return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash;
}

function glob(pattern: string): RegExp {
  const text = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    // A run of stars is one star: no pattern of the file can make the match slow.
    .replaceAll(/\*+/g, '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${text}$`, 's');
}
