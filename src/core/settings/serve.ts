import { z } from 'zod';
import { HOUR_MS, sizeSchema, timeoutSchema } from '../quantities.ts';
import { secretReferenceSchema } from '../secret-reference.ts';

/** Keys of a JSON body, from the outside in: `repository.name`, `commits.0.id`. */
const fieldSchema = z
  .string()
  .regex(/^[\w-]+(?:\.[\w-]+){0,15}$/, 'must be names of fields with dots between them: repository.name');

const hookSchema = z
  .strictObject({
    kind: z
      .enum(['github', 'gitlab', 'generic'])
      .describe(
        'How a request proves who sent it. github: X-Hub-Signature-256. gitlab: X-Gitlab-Token. generic: `signature_header`.',
      ),
    secret: secretReferenceSchema.describe(
      'What the sender knows too, as a reference; 16 characters or more.',
    ),
    signature_header: z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/, 'must be the name of a header')
      .optional()
      .describe(
        'Of kind generic: holds HMAC-SHA-256 of the body in hex, with or without "sha256=" before it. Default: X-Signature-256.',
      ),
    pipeline: z.string().min(1).describe('What is run.'),
    environment: z.string().min(1).optional().describe('Environment of the run. Default: none.'),
    events: z
      .array(z.string().min(1))
      .default(['push'])
      .describe('Which events of GitHub or GitLab count. Default: push.'),
    branches: z
      .array(z.string().min(1))
      .default([])
      .describe('Patterns of branches that count: main, release/*. Default: all.'),
    branch: fieldSchema
      .default('ref')
      .describe('Field with the branch, "refs/heads/" left out. Default: ref.'),
    commit: fieldSchema
      .optional()
      .describe('Field with the id of the commit that the run is about, as -c. Default: none.'),
    params: z
      .record(z.string().regex(/^[A-Za-z_][\w.-]*$/, 'must be the name of a parameter'), fieldSchema)
      .default({})
      .describe('Parameters of the pipeline, and the field that each takes its value from. Default: none.'),
    update: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Run by /bin/sh in the project before each run: git pull --ff-only. When it fails nothing is run. Default: none.',
      ),
    newest_only: z
      .boolean()
      .default(false)
      .describe('A newer delivery for the same branch replaces the one that still waits. Default: false.'),
  })
  .describe('A webhook, at /hooks/NAME.');

/** `serve` of pipewright.yaml: the HTTP server of `pipewright serve`. */
export const serveSchema = z
  .strictObject({
    token: secretReferenceSchema
      .optional()
      .describe(
        'What whoever reads must know, as a reference; 16 characters or more. Default: none, and then only this machine is served.',
      ),
    max_body: sizeSchema
      .refine((bytes) => bytes >= 1024 && bytes <= 32 * 2 ** 20, 'must be 1KiB to 32MiB')
      .default(2 ** 20)
      .describe('Largest body of a webhook. Default: 1MiB.'),
    request_timeout: timeoutSchema
      .refine((ms) => ms >= 1000 && ms <= 600_000, 'must be 1s to 10m')
      .default(15_000)
      .describe('A request must have arrived whole by then. Default: 15s.'),
    max_running: z.int().min(1).max(64).default(1).describe('Runs of webhooks at the same time. Default: 1.'),
    max_waiting: z
      .int()
      .min(1)
      .max(10_000)
      .default(100)
      .describe('Deliveries that wait for their turn; more are refused with 503. Default: 100.'),
    min_free: sizeSchema
      .default(500e6)
      .describe('With less room on the disk of the state folder, /health says 503. Default: 500MB.'),
    stuck_after: timeoutSchema
      .default(6 * HOUR_MS)
      .describe('A run that has written nothing for so long counts as stuck in /health. Default: 6h.'),
    hooks: z
      .record(
        z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'must be letters, digits, "_" or "-"'),
        hookSchema,
      )
      .default({})
      .describe('Webhooks by name. Default: none.'),
  })
  .describe('What `pipewright serve` answers, and to whom. Default: the values below.');

export type ServeSettings = z.output<typeof serveSchema>;
export type HookSettings = z.output<typeof hookSchema>;
