import { keyIn } from '../../core/secret-reference.ts';
import type { Finding, StagedFile } from '../../core/staged.ts';

/** In a line that may keep what looks like a secret. */
const ALLOWED = 'pipewright:allow-secret';
/** Longer lines are not looked at: no person wrote them. */
const MAX_LINE = 4096;
/** Findings of one file that are told. */
const MAX_FINDINGS = 20;

/** A name that says secret, and the value that it gets. */
const ASSIGNED =
  /(?:secret|token|passwd|password|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)[\w-]{0,32}["']?\s*(?:=>|[:=])\s*["'`]?([A-Za-z0-9+/_\-=.~!@#%^&*]{16,256})["'`]?/i;

/** Values that stand for one, and references to one. */
const PLACEHOLDER =
  /^(env|file|cmd):|^(process\.|os\.|import\.|ctx\.|config\.|this\.|self\.)|example|sample|changeme|placeholder|dummy|your[_-]|xxxx|\*{4}|\.\.\./i;

/** Bits for each character from which text looks random: words and names stay below. */
const RANDOM_BITS = 3.5;
/** Hexadecimal digits carry at most four. */
const RANDOM_HEX_BITS = 3;

/** Secrets that the commit would add: lines that are in the last commit already are not told again. */
export function secretsIn({ path, before }: StagedFile, text: Buffer): readonly Finding[] {
  const known = new Set(before?.toString('utf8').split('\n'));
  const findings: Finding[] = [];
  for (const [index, line] of text.toString('utf8').split('\n').entries()) {
    if (findings.length >= MAX_FINDINGS) break;
    if (line.length > MAX_LINE || known.has(line) || line.includes(ALLOWED)) continue;
    const message = secretIn(line);
    if (message === undefined) continue;
    findings.push({ severity: 'block', rule: 'secret', path, line: index + 1, message });
  }
  return findings;
}

function secretIn(line: string): string | undefined {
  const key = keyIn(line);
  if (key !== undefined) return `looks like ${key}`;
  const value = ASSIGNED.exec(line)?.[1];
  if (value === undefined || PLACEHOLDER.test(value)) return undefined;
  return looksRandom(value) ? 'a value that looks random is given to a name that says secret' : undefined;
}

function looksRandom(value: string): boolean {
  const bits = entropy(value);
  if (/^[0-9a-f-]+$/i.test(value)) return bits > RANDOM_HEX_BITS;
  return bits > RANDOM_BITS && /\d/.test(value) && /[A-Za-z]/.test(value);
}

/** Bits for each character, after Shannon. */
function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) {
    const share = count / text.length;
    bits -= share * Math.log2(share);
  }
  return bits;
}
