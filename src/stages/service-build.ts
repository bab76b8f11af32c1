import { z } from 'zod';
import { readAnalysis, shouldBuild } from '../core/analysis.ts';
import { isObject } from '../core/json.ts';
import { ok } from '../core/failure.ts';
import type { JsonObject } from '../core/json.ts';
import { defineStage } from '../core/stage-kind.ts';
import { noServices, plannedServices } from '../delivery/deploy/targets.ts';
import { imageServices } from '../delivery/images/build-service.ts';
import { dockerBuild } from './docker-build.ts';
import { releaseBuild } from './release-build.ts';

export const serviceBuild = defineStage({
  kind: 'service-build',
  summary: 'Build every service that changed the way it runs: as a Docker image, or as a release folder.',
  schema: z.strictObject({}),
  idle: (_config, { settings, variables }) => {
    const images = imageServices(settings, undefined);
    const services = [
      ...plannedServices(settings.deploy).map(({ service }) => service),
      ...(images.ok ? images.value : []),
    ];
    const analysis = readAnalysis(variables);
    const choices = [...new Set(services)].map((service) => ({ service, ...shouldBuild(analysis, service) }));
    const isIdle = choices.every(({ run }) => !run);
    return (
      noServices(settings) ??
      (isIdle
        ? {
            reason: 'no service has to be built',
            evidence: choices.map(({ service, rule, reason }) => ({
              name: `build ${service}`,
              value: `no (${rule}): ${reason}`,
            })),
          }
        : undefined)
    );
  },
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
