import { z } from 'zod';
import { isObject } from '../core/json.ts';
import { ok } from '../core/failure.ts';
import type { JsonObject } from '../core/json.ts';
import { defineStage } from '../core/stage-kind.ts';
import { plannedServices } from '../delivery/deploy/targets.ts';
import { dockerBuild } from './docker-build.ts';
import { releaseBuild } from './release-build.ts';

export const serviceBuild = defineStage({
  kind: 'service-build',
  summary: 'Build every service that changed the way it runs: as a Docker image, or as a release folder.',
  schema: z.strictObject({}),
  run: async (_config, context) => {
    const folders = await releaseBuild.run({}, context);
    const hasImages = plannedServices(context.settings.deploy).some(
      ({ settings }) => settings.runtime !== 'process',
    );
    if (!folders.ok || !hasImages) return folders;
    const images = await dockerBuild.run({}, context);
    if (!images.ok) return images;
    return ok({
      ...images.value,
      artifacts: { ...objectIn(folders.value, 'artifacts'), ...objectIn(images.value, 'artifacts') },
    });
  },
});

function objectIn(outputs: JsonObject, name: string): JsonObject {
  const value = outputs[name];
  return isObject(value) ? value : {};
}
