import { z } from 'zod';
import { ok } from '../core/failure.ts';
import { defineStage, type StageContext } from '../core/stage-kind.ts';
import { deployRelease, GATE_TASK } from '../delivery/deploy/deploy.ts';
import { candidateOf } from '../delivery/deploy/gate.ts';
import { readArtifacts, readGate } from '../delivery/deploy/records.ts';
import { openSession } from '../delivery/deploy/session.ts';
import { undoRelease } from '../delivery/deploy/undo.ts';

export const deploy = defineStage({
  kind: 'deploy',
  summary:
    'Bring what was built to its hosts and into service, through the gate; undoes itself service by service.',
  schema: z.strictObject({
    allow_older: z
      .boolean()
      .default(false)
      .describe('Deploy over a newer commit. Default: false; the gate refuses it.'),
  }),
  effects: 'remote',
  run: async ({ allow_older: allowOlder }, context) => {
    const session = openSession(context);
    const candidate = candidateOf(session, {
      commit: await commitOf(context),
      built: readArtifacts(context.variables),
    });
    if (!candidate.ok) return candidate;
    return deployRelease(session, candidate.value, {
      allow_bad: false,
      allow_older: allowOlder,
      is_rollback: false,
    });
  },
  undo: (_config, context) => undoRelease(openSession(context)),
  settle: async (_config, context) => {
    const record = readGate(context.recorded[GATE_TASK]?.outputs);
    await openSession(context).unlock([...new Set(record?.places.map(({ host }) => host))]);
  },
});

/** What is checked out: the tree that was built. Empty where the project is in no repository. */
async function commitOf({ ports, project }: StageContext): Promise<string> {
  const vcs = await ports.vcs(project);
  const head = vcs.ok ? await vcs.value.head() : ok('');
  return head.ok ? head.value : '';
}
