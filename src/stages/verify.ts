import { z } from 'zod';
import { failed } from '../core/failure.ts';
import { defineStage } from '../core/stage-kind.ts';
import { readRelease } from '../delivery/deploy/records.ts';
import { openSession } from '../delivery/deploy/session.ts';
import { noServices } from '../delivery/deploy/targets.ts';
import { verifyRelease } from '../delivery/verify/verify.ts';

export const verify = defineStage({
  kind: 'verify',
  summary:
    'Smoke test and watchdog over what was deployed; then it counts as healthy and the old version is ended.',
  schema: z.strictObject({}),
  effects: 'remote',
  idle: (_config, { settings, variables, isForetold }) => {
    if (readRelease(variables)) return undefined;
    return noServices(settings) ?? (isForetold ? undefined : { reason: 'nothing was deployed' });
  },
  run: async (_config, context) => {
    const release = readRelease(context.variables);
    return release
      ? verifyRelease(openSession(context), release)
      : failed({ reason: 'unexpected', message: 'the record of what was deployed cannot be read' });
  },
});
