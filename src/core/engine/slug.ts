const LONGEST = 80;

/** A file-name-safe form of a stage or step name; different names give different slugs. */
export function slug(name: string): string {
  const safe = name.replaceAll(/[^A-Za-z0-9_-]/gu, (char) => `@${char.codePointAt(0)?.toString(16)}`);
  return safe.length <= LONGEST ? safe : `${safe.slice(0, LONGEST - 18)}@h${fingerprint(name)}`;
}

/** FNV-1a, 64 bit: only tells long names apart. */
function fingerprint(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const char of text) {
    hash = ((hash ^ BigInt(char.codePointAt(0) ?? 0)) * 0x100000001b3n) & 0xffffffffffffffffn;
  }
  return hash.toString(16).padStart(16, '0');
}
