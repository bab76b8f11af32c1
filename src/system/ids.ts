import { createHash, randomBytes } from 'node:crypto';
import type { Ids } from '../core/ports.ts';
import { isoWithZone } from './clock.ts';

/** Ids out of the local time and randomness; hashes from OpenSSL. */
export const systemIds: Ids = {
  runId: (nowMs, commit) => {
    const stamp = isoWithZone(new Date(nowMs)).slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
    const suffix = commit && /^[0-9a-f]{7}/.test(commit) ? commit : randomBytes(4).toString('hex');
    return `${stamp}-${suffix.slice(0, 7)}`;
  },
  sha256: (text) => createHash('sha256').update(text).digest('hex'),
  random: () => Math.random(),
};
