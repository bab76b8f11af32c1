import os from 'node:os';
import type { Clock, Identity } from '../../../../src/core/ports.ts';

export const clock: Clock = {
  now: () => new Date().toISOString(),
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: () => Promise.resolve(true),
};

export const identity: Identity = { user: 'child', host: os.hostname(), pid: process.pid };
