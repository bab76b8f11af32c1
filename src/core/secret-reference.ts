import { z } from 'zod';

/** How a secret is referred to; never the secret itself. */
const SECRET_REFERENCE = /^(?:env:[A-Za-z_]\w*|file:\S.*|cmd:\S[^]*)$/;

/** Text that looks like a credential itself instead of a reference to one: what it is, and how it looks. */
const KEY_SHAPES: readonly (readonly [name: string, shape: RegExp])[] = [
  ['an AWS access key', /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/],
  ['a GitHub token', /\bgh[pousr]_[A-Za-z0-9]{20,}/],
  ['a GitHub token', /\bgithub_pat_[A-Za-z0-9_]{20,}/],
  ['a GitLab token', /\bglpat-[A-Za-z0-9_-]{20,}/],
  ['a Slack token', /\bxox[abprs]-[A-Za-z0-9-]{10,}/],
  ['a Stripe key', /\bsk_live_[A-Za-z0-9]{16,}/],
  ['an npm token', /\bnpm_[A-Za-z0-9]{36}\b/],
  ['a private key', /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/],
  // Whoever knows such an address can post there.
  ['a Slack webhook', /\bhooks\.slack\.com\/services\/T\w+\/B\w+\/\w+/],
  ['a Discord webhook', /\bdiscord(?:app)?\.com\/api\/webhooks\/\d+\/[\w-]+/],
];

/** What the text looks like when it holds a key that somebody pasted. */
export function keyIn(text: string): string | undefined {
  return KEY_SHAPES.find(([, shape]) => shape.test(text))?.[0];
}

/** Its lines may have names and values before them (`Proc-Type: 4,ENCRYPTED`), and a `-` each as in a patch. */
const PRIVATE_KEY_BLOCK =
  /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:(?:(?!-----)[^])*-{5,}END (?:[A-Z]+ )*PRIVATE KEY-----|[^-]*)/g;

/** The text without what looks like a key: for text that leaves the machine. */
export function leaveOutKeys(text: string): string {
  return KEY_SHAPES.reduce(
    (left, [name, shape]) => left.replaceAll(new RegExp(shape, 'g'), `[${name}, left out]`),
    text.replaceAll(PRIVATE_KEY_BLOCK, '[a private key, left out]'),
  );
}

/** Whether the text looks like a key that somebody pasted. */
export function looksLikeKey(text: string): boolean {
  return keyIn(text) !== undefined;
}

/** env:NAME, file:PATH or cmd:COMMAND; what stands there instead is never repeated in a message. */
export const secretReferenceSchema = z.string().superRefine((reference, context) => {
  if (SECRET_REFERENCE.test(reference)) return;
  context.addIssue({
    code: 'custom',
    message: 'must be a reference: env:NAME, file:PATH or cmd:COMMAND',
    params: { code: 'secret-literal', sensitive: true, hint: 'A secret itself never stands in a file.' },
  });
});
