import { z } from 'zod';
import { nameSchema } from '../step-schema.ts';

const serviceSchema = z.strictObject({
  context: z
    .string()
    .min(1)
    .default('.')
    .describe('Build context, relative to the project. Default: the project.'),
  dockerfile: z
    .string()
    .min(1)
    .default('Dockerfile')
    .describe('Relative to the context. Default: Dockerfile.'),
  target: z.string().min(1).optional().describe('Stage of the Dockerfile. Default: the last.'),
  args: z.record(z.string(), z.string()).default({}).describe('Build arguments. Default: none.'),
  platform: z.string().optional().describe('linux/amd64, linux/arm64. Default: that of the engine.'),
  image: z.string().min(1).optional().describe('Name of the image. Default: project-service.'),
  command: z
    .string()
    .min(1)
    .optional()
    .describe('For the runtime process: makes the folder `output` instead of an image. Default: none.'),
  output: z
    .string()
    .min(1)
    .optional()
    .describe(
      'For the runtime process: the folder to deploy, relative to the project. Default: the context.',
    ),
  categories: z
    .array(z.string())
    .default([])
    .describe(
      'Categories of changes that need it built. Default: a service named like a category that one, any other every change.',
    ),
});

/** `build` of pipewright.yaml. */
export const buildSchema = z
  .strictObject({
    services: z.record(nameSchema, serviceSchema).default({}).describe('By name. Default: none.'),
    tags: z
      .array(z.enum(['git-sha', 'semver', 'timestamp']))
      .min(1)
      .default(['git-sha'])
      .describe('How images are tagged. Default: git-sha.'),
    engine: z
      .string()
      .min(1)
      .optional()
      .describe('Docker socket of the engine that builds. Default: DOCKER_HOST, then /var/run/docker.sock.'),
  })
  .describe('How the services are built. Default: nothing is built.');

export type BuildSettings = z.output<typeof buildSchema>;
export type BuildServiceSettings = BuildSettings['services'][string];
