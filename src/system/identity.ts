import { hostname, userInfo } from 'node:os';
import process from 'node:process';
import type { Identity } from '../core/ports.ts';

/** This process. A user id without a name, as in a container, is shown as `uid-1000`. */
export function systemIdentity(): Identity {
  return { user: userName(), host: hostname(), pid: process.pid };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}
