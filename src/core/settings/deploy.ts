import { z } from 'zod';
import { durationSchema, sizeSchema, timeoutSchema } from '../quantities.ts';
import { secretReferenceSchema } from '../secret-reference.ts';
import { envSchema, nameSchema, variableNameSchema } from '../step-schema.ts';

const healthSchema = z.strictObject({
  path: z.string().startsWith('/').default('/health').describe('Path that is asked. Default: /health.'),
  status: z.int().min(100).max(599).default(200).describe('Expected status. Default: 200.'),
  timeout: timeoutSchema.default(60_000).describe('Until it must be healthy. Default: 60s.'),
  interval: timeoutSchema.default(1000).describe('Between two looks. Default: 1s.'),
  retries: z
    .int()
    .min(0)
    .max(20)
    .default(3)
    .describe('Transport errors in a row that are looked over once it has answered. Default: 3.'),
});

const serviceSchema = z.strictObject({
  runtime: z
    .enum(['compose', 'container', 'process'])
    .optional()
    .describe('What runs it. Default: that of `deploy`.'),
  strategy: z
    .enum(['recreate', 'start-first'])
    .optional()
    .describe(
      'recreate: old one ends, new one starts. start-first: new one beside it, then a switch. Default: that of `deploy`.',
    ),
  hosts: z.array(z.string().min(1)).min(1).optional().describe('Contexts. Default: those of `deploy`.'),
  port: z
    .int()
    .min(1)
    .max(65_535)
    .describe('Where the service is reached on its host; start-first puts a proxy there.'),
  internal_port: z
    .int()
    .min(1)
    .max(65_535)
    .optional()
    .describe('Where it listens in its container. Default: `port`.'),
  command: z
    .string()
    .min(1)
    .optional()
    .describe('For the runtime process: starts it; it listens at $PORT. Default: npm start.'),
  compose_service: z
    .string()
    .min(1)
    .optional()
    .describe('Its name in the compose file. Default: its name here.'),
  env: envSchema.default({}).describe('Variables of the service. Default: none.'),
  secrets: z
    .record(variableNameSchema, secretReferenceSchema)
    .default({})
    .describe('Variables that are references, resolved when it starts. Default: none.'),
  volumes: z
    .array(z.string().min(1))
    .default([])
    .describe('For the runtime container: as docker -v. Default: none.'),
  health: healthSchema.prefault({}).describe('When it counts as healthy. Default: GET /health answers 200.'),
  drain: timeoutSchema
    .default(30_000)
    .describe('Running requests of the old one get so long to end. Default: 30s.'),
  stop_timeout: timeoutSchema.default(10_000).describe('Between TERM and KILL. Default: 10s.'),
});

/** `deploy` of pipewright.yaml. */
export const deploySchema = z
  .strictObject({
    runtime: z
      .enum(['compose', 'container', 'process'])
      .default('process')
      .describe('What runs the services. Default: process, release folders without Docker.'),
    strategy: z
      .enum(['recreate', 'start-first'])
      .default('start-first')
      .describe('How a new release takes over, where a service says nothing. Default: start-first.'),
    hosts: z
      .array(z.string().min(1))
      .min(1)
      .default(['local'])
      .describe('Contexts; the first is the canary. Default: local.'),
    folder: z
      .string()
      .min(1)
      .default('.pipewright')
      .describe('On each host, below the login folder: releases, lock, records. Default: .pipewright.'),
    compose_file: z
      .string()
      .min(1)
      .default('docker-compose.prod.yml')
      .describe(
        'Compose file, relative to the project, for the runtime compose. Default: docker-compose.prod.yml.',
      ),
    transfer: z
      .enum(['auto', 'registry', 'archive'])
      .default('auto')
      .describe('registry: only missing layers. archive: docker save and a resumable copy. Default: auto.'),
    proxy_image: z
      .string()
      .min(1)
      .optional()
      .describe(
        'For start-first on Docker: an image with `node` in it, fetched by the hosts. Default: made of the Node that runs Pipewright, and sent once.',
      ),
    min_free_disk: sizeSchema.default(2e9).describe('Floor under the computed need. Default: 2GB.'),
    keep_releases: z.int().min(2).max(50).default(5).describe('Releases kept for going back. Default: 5.'),
    lock_timeout: timeoutSchema
      .default(1_800_000)
      .describe('After that a lock of the host has expired. Default: 30m.'),
    lock_wait: durationSchema
      .default(600_000)
      .describe('A deploy waits so long for its turn while another one has the environment. Default: 10m.'),
    services: z
      .record(nameSchema, serviceSchema)
      .default({})
      .describe('By name, deployed in this order. Default: none.'),
  })
  .describe('Where and how the services run. Default: nothing is deployed.');

export type DeploySettings = z.output<typeof deploySchema>;
export type ServiceSettings = DeploySettings['services'][string];
