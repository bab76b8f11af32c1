import { z } from 'zod';
import { timeoutSchema } from '../quantities.ts';
import { secretReferenceSchema } from '../secret-reference.ts';

/** Where a report is posted: an address, or a reference to one, for those that are secrets themselves. */
const addressSchema = z.string().superRefine((address, context) => {
  if (secretReferenceSchema.safeParse(address).success) return;
  const { protocol } = URL.parse(address) ?? {};
  if (protocol === 'https:' || protocol === 'http:') return;
  context.addIssue({
    code: 'custom',
    message: 'must be an address that begins with https:// or http://, or a reference to one',
    params: { hint: 'A reference is env:NAME, file:PATH or cmd:COMMAND.' },
  });
});

/** `notify` of pipewright.yaml. A notification that fails never fails a run. */
export const notifySchema = z
  .strictObject({
    on: z
      .array(z.enum(['failure', 'lock', 'rollback', 'waiting', 'success', 'recovery']))
      .default(['failure', 'lock', 'rollback'])
      .describe('What is told. Default: failure, lock, rollback.'),
    command: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Run by /bin/sh; the report is its input, its facts are PIPEWRIGHT_… variables. Default: none.',
      ),
    webhook: z
      .strictObject({
        url: addressSchema.describe('Gets the report as JSON by POST; may be a reference.'),
        headers: z
          .record(z.string(), z.string())
          .default({})
          .describe('Headers of the request. Default: none.'),
      })
      .optional()
      .describe('An HTTP address that gets it. Default: none.'),
    email: z
      .strictObject({
        to: z.array(z.email()).min(1).describe('Who gets it.'),
        from: z.email().describe('Sender.'),
        host: z.string().min(1).describe('SMTP server.'),
        port: z.int().min(1).max(65_535).default(587).describe('Its port. Default: 587.'),
        secure: z
          .boolean()
          .default(false)
          .describe('TLS from the start; otherwise STARTTLS where offered. Default: false.'),
        user: z.string().min(1).optional().describe('Login name. Default: none.'),
        password: secretReferenceSchema.optional().describe('As a reference. Default: none.'),
      })
      .optional()
      .describe('Mail over SMTP. Default: none.'),
    timeout: timeoutSchema.default(15_000).describe('Of each try. Default: 15s.'),
  })
  .describe('Who hears of what happens. Default: nobody.');

export type NotifySettings = z.output<typeof notifySchema>;
