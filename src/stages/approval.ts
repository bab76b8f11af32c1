import { z } from 'zod';
import { ok } from '../core/failure.ts';
import { defineStage } from '../core/stage-kind.ts';

export const approval = defineStage({
  kind: 'approval',
  summary: 'Wait until a person says yes, here or from another terminal.',
  schema: z.strictObject({}),
  effects: 'none',
  alwaysConfirms: true,
  // The engine asks before any stage that confirms; being here means that the answer was yes.
  run: () => Promise.resolve(ok({ approved: true })),
});
