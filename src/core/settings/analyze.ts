import { z } from 'zod';

const globs = z.array(z.string().min(1)).min(1);

/** `analyze` of pipewright.yaml: how changed files are classified. */
export const analyzeSchema = z
  .strictObject({
    categories: z
      .record(
        z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/, 'must be lower-case letters, digits, "_" or "-"'),
        globs,
      )
      .default({})
      .describe(
        'Patterns added to frontend, backend, database, config and test, or categories of your own. Default: none.',
      ),
    shared: globs.optional().describe('Files that everything depends on: a change runs all. Default: none.'),
    ignore: globs.optional().describe('Files that change nothing: documents, licences. Default: none.'),
  })
  .describe('How changed files are classified. Default: the patterns of the stage kind change-analysis.');

export type AnalyzeSettings = z.output<typeof analyzeSchema>;
