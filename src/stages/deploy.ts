import { z } from 'zod';
import { ok } from '../core/failure.ts';
import type { JsonObject } from '../core/json.ts';
import { defineStage, type StageContext } from '../core/stage-kind.ts';
import { deployRelease } from '../delivery/deploy/deploy.ts';
import { candidateOf, servicesToDeploy } from '../delivery/deploy/gate.ts';
import { type BuiltArtifact, GATE_TASK, readArtifacts, readGate } from '../delivery/deploy/records.ts';
import { openSession } from '../delivery/deploy/session.ts';
import { noServices } from '../delivery/deploy/targets.ts';
import { undoRelease } from '../delivery/deploy/undo.ts';
import { readBuiltImages } from '../delivery/images/built-image.ts';

export const deploy = defineStage({
  kind: 'deploy',
  summary:
    'Bring what was built to its hosts and into service, through the gate; undoes itself service by service.',
  schema: z.strictObject({
    allow_older: z
      .boolean()
      .default(false)
      .describe('Deploy over a newer commit. Default: false; the gate refuses it.'),
    redeploy: z
      .boolean()
      .default(false)
      .describe(
        'Start anew also what serves already, unchanged and healthy. Default: false; it is left alone.',
      ),
  }),
  effects: 'remote',
  idle: (_config, view) => {
    const isNone = !view.isForetold && servicesToDeploy(view, builtIn(view)).length === 0;
    const none = { reason: 'no service was built and none has changed' };
    return noServices(view.settings) ?? (isNone ? none : undefined);
  },
  run: async ({ allow_older: allowOlder, redeploy }, context) => {
    const session = openSession(context);
    const candidate = candidateOf(session, {
      commit: await commitOf(context),
      built: builtIn(context),
    });
    if (!candidate.ok) return candidate;
    return deployRelease(session, candidate.value, {
      allow_bad: isSet(context.variables, 'allow_bad'),
      allow_older: allowOlder || isSet(context.variables, 'allow_older'),
      is_rollback: false,
      redeploy: redeploy || isSet(context.variables, 'redeploy'),
    });
  },
  undo: (_config, context) => undoRelease(openSession(context)),
  settle: async (_config, context) => {
    const record = readGate(context.recorded[GATE_TASK]?.outputs);
    await openSession(context).unlock([...new Set(record?.places.map(({ host }) => host))]);
  },
});

type Made = Pick<StageContext, 'variables'>;

function builtIn({ variables }: Made): Readonly<Record<string, BuiltArtifact>> {
  return { ...imageArtifacts({ variables }), ...readArtifacts(variables) };
}

/** What `docker-build` has made, as the gate takes it. */
function imageArtifacts({ variables }: Made): Readonly<Record<string, BuiltArtifact>> {
  const runId = typeof variables['run_id'] === 'string' ? variables['run_id'] : '';
  return Object.fromEntries(
    Object.entries(readBuiltImages(variables)).map(([service, image]) => {
      const { id, reference, commit, size_bytes: size, platform } = image;
      return [
        service,
        { digest: id, reference, commit: commit ?? '', run_id: runId, size_bytes: size, platform },
      ];
    }),
  );
}

/** A parameter of the pipeline: what a person says for this run alone. */
function isSet({ params }: JsonObject, name: string): boolean {
  return (
    typeof params === 'object' && params !== null && name in params && Reflect.get(params, name) === true
  );
}

/** What is checked out: the tree that was built. Empty where the project is in no repository. */
async function commitOf({ ports, project }: StageContext): Promise<string> {
  const vcs = await ports.vcs(project);
  const head = vcs.ok ? await vcs.value.head() : ok('');
  return head.ok ? head.value : '';
}
