import { z } from 'zod';
import { secretReferenceSchema } from '../secret-reference.ts';

/** `results` of pipewright.yaml: a database that keeps what runs came to. */
export const resultsSchema = z
  .strictObject({
    url: secretReferenceSchema
      .optional()
      .describe(
        'Reference to postgres://user:password@host:5432/database. Default: none, nothing is written.',
      ),
    schema: z
      .string()
      .regex(/^[a-z_][a-z0-9_]{0,62}$/, 'must be lower-case letters, digits and "_"')
      .default('pipewright')
      .describe('Schema of its tables there, made when it is missing. Default: pipewright.'),
  })
  .describe('Results of runs in PostgreSQL: test_runs, test_steps, test_cases. Default: none.');

export type ResultsSettings = z.output<typeof resultsSchema>;
