import path from 'node:path';
import { z } from 'zod';
import { readAnalysis, shouldBuild } from '../core/analysis.ts';
import { failed, ok, type Result, reported } from '../core/failure.ts';
import type { JsonObject } from '../core/json.ts';
import { buildSchema, type BuildServiceSettings } from '../core/settings/build.ts';
import { formatBytes } from '../core/quantities.ts';
import { defineStage, type StageContext } from '../core/stage-kind.ts';
import { asJson, type BuiltArtifact } from '../delivery/deploy/records.ts';
import { plannedServices } from '../delivery/deploy/targets.ts';
import { packFolder } from '../delivery/pack.ts';

export const releaseBuild = defineStage({
  kind: 'release-build',
  summary:
    'Build the release folders of the services that run as processes, and pack them with their SHA-256.',
  schema: z.strictObject({}),
  run: async (_config, context) => {
    const services = servicesToBuild(context);
    const artifacts: Record<string, JsonObject> = {};
    for (const [index, service] of services.entries()) {
      const built = await buildService(context, service, {
        index: index * 2 + 1,
        total: services.length * 2,
      });
      if (!built.ok) return built;
      artifacts[service] = built.value;
    }
    return ok({ artifacts });
  },
});

/** Services of the runtime process that the analysis wants built; each decision is for `why`. */
function servicesToBuild({ settings, variables, explain }: StageContext): readonly string[] {
  const analysis = readAnalysis(variables);
  return plannedServices(settings.deploy).flatMap(({ service, settings: { runtime } }) => {
    if (runtime !== 'process') return [];
    const choice = shouldBuild(analysis, service);
    explain({ name: `build ${service}`, value: `${choice.run ? 'yes' : 'no'}: ${choice.reason}` });
    return choice.run ? [service] : [];
  });
}

async function buildService(
  context: StageContext,
  service: string,
  at: { readonly index: number; readonly total: number },
): Promise<Result<JsonObject>> {
  const settings = context.settings.build.services[service] ?? defaultBuild();
  if (settings.command !== undefined) {
    const { failure } = await context.step(
      {
        name: `build ${service}`,
        command: { text: settings.command, script: settings.command, values: [] },
        env: {},
        workdir: settings.context,
      },
      at,
    );
    if (failure) return failed(failure);
  }
  return context.task(
    {
      name: `pack ${service}`,
      text: `pack ${settings.output ?? settings.context} of ${service}`,
      work: async ({ log }) => {
        const packed = await pack(context, service, settings);
        if (packed.ok) await log(`${packed.value.digest}, ${formatBytes(packed.value.size_bytes)}`);
        return packed.ok ? ok(asJson(packed.value)) : packed;
      },
    },
    { index: at.index + 1, total: at.total },
  );
}

function defaultBuild(): BuildServiceSettings {
  const { service } = buildSchema.parse({ services: { service: {} } }).services;
  if (!service) throw new Error('the schema of build.services has no defaults');
  return service;
}

async function pack(
  context: StageContext,
  service: string,
  settings: BuildServiceSettings,
): Promise<Result<BuiltArtifact>> {
  const { project, variables, runId } = context;
  const folder = path.resolve(project, settings.output ?? settings.context);
  const artifacts = z.string().parse(variables['artifacts']);
  const file = path.join(artifacts, context.id, `${service}.tar.gz`);
  // runs/<id>/artifacts: what lies above the runs is the state folder, which is no part of a release.
  const state = path.resolve(artifacts, '../../..');
  try {
    const packed = await packFolder(folder, file, { leaveOut: [state] });
    if (packed.files_count === 0) return problem(`${folder} has no files to deploy`);
    const commit = await headOf(context);
    const reference = `${service}:${commit === '' ? runId : commit.slice(0, 7)}`;
    return ok({ ...packed, reference, commit, run_id: runId, path: file });
  } catch (error) {
    return problem(
      `${service} could not be packed: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function problem(message: string): Result<never> {
  return reported(message);
}

async function headOf({ ports, project }: StageContext): Promise<string> {
  const vcs = await ports.vcs(project);
  const head = vcs.ok ? await vcs.value.head() : vcs;
  return head.ok ? head.value : '';
}
