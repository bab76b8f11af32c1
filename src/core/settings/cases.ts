import { z } from 'zod';
import { timeoutSchema } from '../quantities.ts';

const template = z
  .string()
  .min(1)
  .max(200)
  .refine((text) => text.includes('{case}'), 'must have {case} in it: the name of the case')
  .refine((text) => !text.split('/').includes('..') && !text.startsWith('/'), 'must stay below the folder');

const folderSchema = z.strictObject({
  folder: z
    .string()
    .min(1)
    .describe('Where cases arrive, relative to the project. On a network it is polled.'),
  pattern: z
    .string()
    .min(1)
    .max(200)
    .default('*')
    .describe('Names that are cases; `*` and `?` stand for any characters. Default: *.'),
  stable: timeoutSchema
    .default(5000)
    .describe(
      'A case is whole when nothing in it has changed for so long; not used with marker or manifest. Default: 5s.',
    ),
  marker: template
    .optional()
    .describe('A case is whole when this file is there: `{case}.done`, `{case}/READY`. Default: none.'),
  manifest: template
    .optional()
    .describe(
      'A case is whole when every file that this lists, as sha256sum prints them, has its checksum: `{case}/SHA256SUMS`. Default: none.',
    ),
  order: z.enum(['age', 'name']).default('age').describe('Which of the whole ones is next. Default: age.'),
  priority: template
    .optional()
    .describe('A file with a number; a higher one goes before the order: `{case}/PRIORITY`. Default: none.'),
  max_parallel: z.int().min(1).max(64).default(4).describe('Cases at the same time. Default: 4.'),
  poll: timeoutSchema.default(5000).describe('How often the folder is looked at. Default: 5s.'),
});

/** `cases` of pipewright.yaml: the folders that `pipewright watch` looks at, by pipeline. */
export const casesSchema = z
  .record(z.string().min(1).max(100), folderSchema)
  .describe(
    'Folders whose cases become runs, by the name of their pipeline: see `pipewright watch`. Default: none.',
  );

export type CaseSettings = z.output<typeof folderSchema>;

/** A folder that pipewright.yaml says nothing of. */
export function plainCaseSettings(folder: string): CaseSettings {
  return folderSchema.parse({ folder });
}
