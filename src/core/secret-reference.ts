import { z } from 'zod';

/** How a secret is referred to; never the secret itself. */
const SECRET_REFERENCE = /^(?:env:[A-Za-z_]\w*|file:\S.*|cmd:\S[^]*)$/;

/** Text that looks like a credential itself instead of a reference to one. */
const KEY_SHAPES: readonly RegExp[] = [
  /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/,
  /\bgh[pousr]_[A-Za-z0-9]{20,}/,
  /\bgithub_pat_[A-Za-z0-9_]{20,}/,
  /\bglpat-[A-Za-z0-9_-]{20,}/,
  /\bxox[abprs]-[A-Za-z0-9-]{10,}/,
  /\bsk_live_[A-Za-z0-9]{16,}/,
  /\bnpm_[A-Za-z0-9]{36}\b/,
  /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/,
  // Whoever knows such an address can post there.
  /\bhooks\.slack\.com\/services\/T\w+\/B\w+\/\w+/,
  /\bdiscord(?:app)?\.com\/api\/webhooks\/\d+\/[\w-]+/,
];

/** Whether the text looks like a key that somebody pasted. */
export function looksLikeKey(text: string): boolean {
  return KEY_SHAPES.some((shape) => shape.test(text));
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
