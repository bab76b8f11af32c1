import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Shorter ones can be guessed. */
export const SHORTEST_SECRET = 16;

/** Takes the same time whatever both are. */
export function isSame(given: string, wanted: string): boolean {
  return timingSafeEqual(digest(given), digest(wanted));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Addresses that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/**
 * Whether a request may read: with the token, as Bearer or as the password of Basic, so that browsers can ask for it.
 * Without one only who asks this machine by its own name and not through a proxy: a web page that had its name point
 * here (DNS rebinding) asks by another one.
 */
export function mayRead({ headers }: Pick<IncomingMessage, 'headers'>, token: string | undefined): boolean {
  if (token !== undefined) return isSame(tokenIn(headers.authorization ?? ''), token);
  if (headers.forwarded !== undefined || headers['x-forwarded-for'] !== undefined) return false;
  const name = URL.parse(`http://${headers.host ?? ''}`)?.hostname ?? '';
  return isLoopback(name.replaceAll(/[[\]]/g, ''));
}

function tokenIn(authorization: string): string {
  const [, scheme = '', value = ''] = /^(\w+) +(.*)$/.exec(authorization) ?? [];
  if (scheme.toLowerCase() === 'bearer') return value;
  if (scheme.toLowerCase() !== 'basic') return '';
  const pair = Buffer.from(value, 'base64').toString('utf8');
  return pair.slice(pair.indexOf(':') + 1);
}
