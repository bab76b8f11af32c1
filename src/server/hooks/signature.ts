import { createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isSame } from '../access.ts';
import type { ServedHook } from '../parts.ts';

const DEFAULT_HEADER = 'X-Signature-256';

/**
 * Whether the sender knows the secret of the hook.
 * Sources: GitHub, "Validating webhook deliveries"; GitLab, "Webhooks", secret token.
 */
export function isSigned(
  hook: Pick<ServedHook, 'kind' | 'key' | 'signature_header'>,
  headers: IncomingHttpHeaders,
  body: Uint8Array,
): boolean {
  switch (hook.kind) {
    case 'github':
      return isSame(headerOf(headers, 'X-Hub-Signature-256'), `sha256=${hmac(hook.key, body)}`);
    case 'gitlab':
      return isSame(headerOf(headers, 'X-Gitlab-Token'), hook.key);
    case 'generic': {
      const given = headerOf(headers, hook.signature_header ?? DEFAULT_HEADER);
      return isSame(given.replace(/^sha256=/i, '').toLowerCase(), hmac(hook.key, body));
    }
    default:
      return hook.kind satisfies never;
  }
}

/** The value of a header that came once; empty otherwise. */
export function headerOf(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name.toLowerCase()];
  return typeof value === 'string' ? value : '';
}

function hmac(key: string, body: Uint8Array): string {
  return createHmac('sha256', key).update(body).digest('hex');
}
