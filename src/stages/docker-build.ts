import path from 'node:path';
import { z } from 'zod';
import { readAnalysis, shouldBuild } from '../core/analysis.ts';
import { failed, ok, type Result } from '../core/failure.ts';
import type { JsonObject } from '../core/json.ts';
import { defineStage, type StageContext } from '../core/stage-kind.ts';
import { readBuiltImages } from '../delivery/images/built-image.ts';
import { buildService, imageServices } from '../delivery/images/build-service.ts';
import { imageName } from '../delivery/images/image-name.ts';

export const dockerBuild = defineStage({
  kind: 'docker-build',
  summary: 'Build the Docker images of the services that changed, tag them, record their digests.',
  schema: z.strictObject({
    services: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe('Names in `build.services`. Default: every service that is deployed as an image.'),
  }),
  run: async ({ services }, context) => {
    const asked = imageServices(context.settings, services);
    if (!asked.ok) return asked;
    const chosen = await chooseServices(asked.value, context);
    const images = await buildAll(chosen, context);
    return images.ok ? ok({ images: images.value, artifacts: artifactsOf(images.value, context) }) : images;
  },
});

/** What a deploy asks for, in the form that every stage which builds gives. */
function artifactsOf(images: JsonObject, { runId }: StageContext): JsonObject {
  return Object.fromEntries(
    Object.entries(readBuiltImages({ images })).map(
      ([service, { id, reference, commit, size_bytes, platform }]) => [
        service,
        { digest: id, reference, commit: commit ?? '', run_id: runId, size_bytes, platform },
      ],
    ),
  );
}

/** By what has changed, with the reason in `why`. */
async function chooseServices(
  services: readonly string[],
  context: StageContext,
): Promise<readonly string[]> {
  if (services.length === 0) await context.log('no service is deployed as an image: nothing to build');
  const analysis = readAnalysis(context.variables);
  const chosen: string[] = [];
  for (const service of services) {
    const { run, rule, reason } = shouldBuild(analysis, service);
    context.explain({ name: `build ${service}`, value: `${run ? 'yes' : 'no'} (${rule}): ${reason}` });
    if (run) chosen.push(service);
    else await context.log(`${service} is not built: ${reason}`);
  }
  return chosen;
}

async function buildAll(services: readonly string[], context: StageContext): Promise<Result<JsonObject>> {
  const images: Record<string, JsonObject> = {};
  const left = [...services.entries()];
  const failures: Result<never>[] = [];
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next && failures.length === 0; next = left.shift()) {
      const [index, service] = next;
      const built = await buildTask(service, { index: index + 1, total: services.length }, context);
      if (built.ok) images[service] = built.value;
      else failures.push(failed(built.failure));
    }
  };
  const workers = context.stage.parallel ? Math.min(context.stage.max_workers, services.length) : 1;
  await Promise.all(Array.from({ length: workers }, work));
  return failures[0] ?? ok(images);
}

function buildTask(
  service: string,
  place: { readonly index: number; readonly total: number },
  context: StageContext,
): Promise<Result<JsonObject>> {
  const { settings, ports, project, environment, runId, clock, warn } = context;
  return context.task(
    {
      name: service,
      text: `docker build of ${service}`,
      work: async (io) => {
        const build = settings.build.services[service];
        if (!build) return failed({ reason: 'invalid', message: `build.services has no ${service}` });
        const name = imageName(settings.project, service, build);
        if (!name.ok) return name;
        const engine = await ports.engines.builder();
        if (!engine.ok) return engine;
        const history = await ports.releases.read(environment, service);
        if (!history.ok) return history;
        const vcs = await ports.vcs(project);
        return buildService(
          {
            engine: engine.value,
            vcs: vcs.ok ? vcs.value : undefined,
            project,
            service,
            settings: build,
            ownFolders: ownFolders(context),
            tags: settings.build.tags,
            name: name.value,
            environment,
            history: history.value,
            runId,
            now: clock.now,
            warn,
          },
          io,
        );
      },
    },
    place,
  );
}

/** State and, for deploys to this machine, releases: they change with every run and are nobody's to ship. */
function ownFolders({ project, settings, variables }: StageContext): readonly string[] {
  const { artifacts } = variables;
  // runs/<id>/artifacts: what lies above the runs is the state folder.
  const state = typeof artifacts === 'string' ? [path.resolve(artifacts, '../../..')] : [];
  return [...state, path.resolve(project, settings.deploy.folder)];
}
