import { z } from 'zod';
import { durationSchema, timeoutSchema } from '../quantities.ts';
import { secretReferenceSchema } from '../secret-reference.ts';

/** `redis://host:6379/0` without a password, or a reference to one that may have it. */
const redisUrlSchema = z.string().superRefine((address, context) => {
  if (secretReferenceSchema.safeParse(address).success) return;
  const url = URL.parse(address);
  const isRedis = url?.protocol === 'redis:' || url?.protocol === 'rediss:';
  if (isRedis && url.password === '') return;
  context.addIssue({
    code: 'custom',
    message: isRedis
      ? 'must not hold the password'
      : 'must be an address that begins with redis:// or rediss://, or a reference to one',
    params: {
      hint: 'A reference is env:NAME, file:PATH or cmd:COMMAND.',
      ...(isRedis && { code: 'secret-literal', sensitive: true }),
    },
  });
});

const redisSchema = z.strictObject({
  url: redisUrlSchema
    .optional()
    .describe('redis://… or rediss://…, or a reference to it; instead of the keys below. Default: none.'),
  host: z.string().min(1).max(253).optional().describe('Name or address. Default: REDIS_HOST, or localhost.'),
  port: z.int().min(1).max(65_535).optional().describe('Its port. Default: REDIS_PORT, or 6379.'),
  username: z.string().min(1).optional().describe('Login name. Default: none.'),
  password: secretReferenceSchema
    .optional()
    .describe('As a reference. Default: env:REDIS_PASSWORD where that is set.'),
  db: z.int().min(0).max(15).optional().describe('Database, 0 to 15. Default: REDIS_DB, or 0.'),
  tls: z.boolean().optional().describe('Encrypt the connection. Default: false; true with rediss://.'),
});

const count = (least: number, most: number): z.ZodOptional<z.ZodInt> =>
  z.int().min(least).max(most).optional();

/** `queue` of pipewright.yaml: workers that carry out steps, and how steps get there. */
export const queueSchema = z
  .strictObject({
    backend: z
      .enum(['redis', 'embedded'])
      .optional()
      .describe(
        'embedded: a queue inside the process that runs the pipeline. Default: redis where queue.redis or REDIS_HOST is set.',
      ),
    redis: redisSchema.optional().describe('Where Redis is. Default: by the REDIS_… variables.'),
    prefix: z
      .string()
      .regex(/^[\w-]{1,64}$/, 'must be letters, digits, "_" or "-"')
      .default('bull')
      .describe('Of its keys: <prefix>:test-execution. Default: bull.'),
    secret: secretReferenceSchema
      .optional()
      .describe(
        'Reference to a secret that producers and workers share: jobs are encrypted and signed with it; at least 16 characters; needed with Redis. Default: none.',
      ),
    tree: z
      .enum(['commit', 'here'])
      .default('commit')
      .describe(
        'commit: a worker prepares the commit that is checked out here; here: it works in its own project folder as it is (worker --here). Default: commit.',
      ),
    concurrency: count(1, 256).describe('Jobs at a time of a worker. Default: QUEUE_CONCURRENCY, or 2.'),
    max_attempts: count(1, 100).describe(
      'Times that a job is given to workers that cannot begin it. Default: QUEUE_MAX_ATTEMPTS, or 3.',
    ),
    backoff: timeoutSchema
      .default(2000)
      .describe('Before it is given to one again; doubled each time. Default: 2s.'),
    remove_on_complete: count(0, 100_000).describe(
      'Ended jobs that are kept. Default: QUEUE_REMOVE_ON_COMPLETE, or 100.',
    ),
    remove_on_fail: count(0, 100_000).describe(
      'Failed jobs (dead letters) that are kept. Default: QUEUE_REMOVE_ON_FAIL, or 50.',
    ),
    lock_duration: timeoutSchema
      .default(5000)
      .describe('After so long without a word from its worker a job goes to another. Default: 5s.'),
    stalled_interval: timeoutSchema
      .default(2000)
      .describe('How often workers look for such jobs. Default: 2s.'),
    lease: timeoutSchema
      .default(30_000)
      .describe(
        'So long a step goes on without Redis or without its producer before it is ended. Default: 30s.',
      ),
    patience: durationSchema
      .default(600_000)
      .describe('So long an outage of Redis is waited for in a run. Default: 10m.'),
    job_expires: durationSchema
      .default(86_400_000)
      .describe('A job that waited longer is refused. Default: 24h.'),
  })
  .describe('Workers on other machines: run --executor queue, worker, queue. Default: none.');

export type QueueSettings = z.output<typeof queueSchema>;
