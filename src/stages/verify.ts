import { z } from 'zod';
import { ok } from '../core/failure.ts';
import { defineStage } from '../core/stage-kind.ts';
import { readRelease } from '../delivery/deploy/records.ts';
import { openSession } from '../delivery/deploy/session.ts';
import { verifyRelease } from '../delivery/verify/verify.ts';

export const verify = defineStage({
  kind: 'verify',
  summary:
    'Smoke test and watchdog over what was deployed; then it counts as healthy and the old version is ended.',
  schema: z.strictObject({}),
  effects: 'remote',
  run: async (_config, context) => {
    const release = readRelease(context.variables);
    if (release) return verifyRelease(openSession(context), release);
    await context.log('nothing was deployed');
    return ok({ verdict: 'passed', reason: 'nothing was deployed' });
  },
});
