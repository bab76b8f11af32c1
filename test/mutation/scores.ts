import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

/** The part of Stryker's report (mutation-testing-report-schema) that the table is made of. */
const placeSchema = z.object({ line: z.int(), column: z.int() });
const mutantSchema = z.object({
  status: z.string(),
  location: z.object({ start: placeSchema, end: placeSchema }),
});
const reportSchema = z.object({
  files: z.record(z.string(), z.object({ mutants: z.array(mutantSchema) })),
});

const COLUMNS = ['area', 'score', 'mutants', 'killed', 'timeout', 'survived', 'no coverage', 'static'];

/** One row per area, in Markdown. Mutants of code that runs while its module is loaded are counted apart. */
export function scores(folder: string, names: readonly string[]): string {
  const rows = names.flatMap((name) => {
    const file = path.join(folder, `${name}.json`);
    return existsSync(file) ? [rowOf(name, readFileSync(file, 'utf8'))] : [];
  });
  return [COLUMNS, COLUMNS.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function rowOf(name: string, report: string): readonly string[] {
  const { files } = reportSchema.parse(JSON.parse(report));
  const mutants = Object.values(files).flatMap((file) => file.mutants);
  const count = (status: string): number => mutants.filter((mutant) => mutant.status === status).length;
  const [killed, timeout, survived, uncovered] = ['Killed', 'Timeout', 'Survived', 'NoCoverage'].map(count);
  const found = (killed ?? 0) + (timeout ?? 0);
  const valid = found + (survived ?? 0) + (uncovered ?? 0);
  const score = valid === 0 ? 'none' : `${((100 * found) / valid).toFixed(1)} %`;
  const counts = [valid, killed, timeout, survived, uncovered, count('Ignored')];
  return [name, score, ...counts.map((value) => String(value ?? 0))];
}

/** Where the mutants are that no test has noticed, as `mutate` of Stryker takes them. */
export function survivors(report: string): readonly string[] {
  const { files } = reportSchema.parse(JSON.parse(readFileSync(report, 'utf8')));
  const places = Object.entries(files).flatMap(([file, { mutants }]) =>
    mutants
      .filter(({ status }) => status === 'Survived' || status === 'NoCoverage')
      // Columns from 1 in the report, from 0 here.
      .map(({ location: { start, end } }) => {
        return `${file}:${start.line}:${start.column - 1}-${end.line}:${end.column - 1}`;
      }),
  );
  return [...new Set(places)];
}
