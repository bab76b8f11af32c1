import { z } from 'zod';
import { timeoutSchema } from '../quantities.ts';
import { secretReferenceSchema } from '../secret-reference.ts';
import { ownedSchema } from './resources.ts';
import { nameSchema } from '../step-schema.ts';

/** `contexts.NAME` of pipewright.yaml: a place where commands run. */
const sshSchema = z.strictObject({
  type: z.literal('ssh').describe('A machine behind ssh.'),
  host: z.string().min(1).max(253).describe('Name or address.'),
  port: z.int().min(1).max(65_535).default(22).describe('Port of the ssh server. Default: 22.'),
  user: z.string().min(1).max(64).optional().describe('Login name. Default: yours.'),
  identity_file: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Private key, relative to the project or with ~. Default: the agent, then the usual files of ~/.ssh.',
    ),
  passphrase: secretReferenceSchema.optional().describe('Of the private key, as a reference. Default: none.'),
  agent: z.boolean().default(true).describe('Ask the ssh agent of SSH_AUTH_SOCK. Default: true.'),
  known_hosts: z
    .string()
    .min(1)
    .default('~/.ssh/known_hosts')
    .describe('Keys that hosts may have; a host that is not in it is refused. Default: ~/.ssh/known_hosts.'),
  connect_timeout: timeoutSchema.default(20_000).describe('Until the login has worked. Default: 20s.'),
  keepalive: timeoutSchema
    .default(10_000)
    .describe('A link that is silent for three times as long is taken for broken. Default: 10s.'),
  max_sessions: z
    .int()
    .min(1)
    .max(100)
    .default(8)
    .describe("Commands at the same time on one connection; below the server's MaxSessions. Default: 8."),
  workdir: z.string().min(1).optional().describe('Folder where commands start. Default: the login folder.'),
  jump: nameSchema
    .optional()
    .describe('Another context of type ssh to go through: a bastion. Default: straight there.'),
  ssh_config: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Configuration of OpenSSH in which `host` is looked up: HostName, Port, User, IdentityFile, ProxyJump and others; what is written here wins. Default: none is read.',
    ),
  resources: ownedSchema.optional(),
  leases: z
    .string()
    .min(1)
    .default('.pipewright/leases')
    .describe(
      'Folder of the leases there, relative to the login folder; the same for all who share the host. Default: .pipewright/leases.',
    ),
  docker_socket: z
    .string()
    .startsWith('/')
    .default('/var/run/docker.sock')
    .describe('Socket of the Docker engine there. Default: /var/run/docker.sock.'),
});

const dockerSchema = z.strictObject({
  type: z.literal('docker').describe('A container of its own for each run, on this machine.'),
  image: z
    .string()
    .min(1)
    .max(500)
    .describe('What it is made of: node:24, or a digest. It must be there; nothing is pulled.'),
  mount_project: z
    .boolean()
    .default(true)
    .describe("The project's folder is in it, under its own path, and can be written. Default: true."),
  volumes: z
    .array(z.string().regex(/^[^:]+:\/[^:]*(?::(?:ro|rw))?$/, 'must be FROM:/TO, or FROM:/TO:ro'))
    .default([])
    .describe('Folders or named volumes beside it, as docker -v takes them. Default: none.'),
  user: z
    .string()
    .regex(/^[\w.-]+(?::[\w.-]+)?$/, 'must be a user, or USER:GROUP')
    .optional()
    .describe('Who commands run as. Default: you, by number, so that files stay yours.'),
  network: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe('Its network; none for no network. Default: that of the engine.'),
  workdir: z
    .string()
    .startsWith('/')
    .optional()
    .describe("Folder where commands start. Default: the project's, or / without it."),
  max_sessions: z.int().min(1).max(100).default(8).describe('Commands at the same time in it. Default: 8.'),
  docker_socket: z
    .string()
    .startsWith('/')
    .optional()
    .describe('Socket of the engine. Default: DOCKER_HOST, or /var/run/docker.sock.'),
});

export const contextsSchema = z
  .record(
    nameSchema
      .refine((name) => name !== 'local', 'is always this machine')
      .refine((name) => name !== 'queue', 'is always the workers of the queue'),
    z.discriminatedUnion('type', [sshSchema, dockerSchema]),
  )
  .describe('Places where commands run, by name. Default: only local.');

export type ContextSettings = z.output<typeof contextsSchema>[string];
export type SshSettings = z.output<typeof sshSchema>;
export type DockerSettings = z.output<typeof dockerSchema>;

/** The settings of a machine; undefined for this one and for containers, which have nothing to share out. */
export function machineSettings(settings: ContextSettings | undefined): SshSettings | undefined {
  return settings?.type === 'ssh' ? settings : undefined;
}
