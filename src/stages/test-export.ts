import { z } from 'zod';
import { defineStage } from '../core/stage-kind.ts';
import { exportTests } from './test-export/export.ts';
import { undoExport } from './test-export/undo.ts';
import { noTests } from './test-generation/made-tests.ts';

export const testExport = defineStage({
  kind: 'test-export',
  summary:
    'Ask, and then write the tests that hold into the project, with scenarios and report; undone file by file where nobody has changed it since.',
  schema: z.strictObject({
    documents: z
      .string()
      .min(1)
      .default('docs/test-scenarios')
      .describe('Folder of the project for scenarios and report. Default: docs/test-scenarios.'),
    tests: z.boolean().default(true).describe('false: only the documents. Default: true.'),
  }),
  idle: (_config, { variables }) => noTests(variables),
  run: (config, context) => exportTests(config, context),
  undo: (_config, context) => undoExport(context),
});
