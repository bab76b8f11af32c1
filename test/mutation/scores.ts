import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

/** The part of Stryker's report (mutation-testing-report-schema) that the table is made of. */
const reportSchema = z.object({
  files: z.record(z.string(), z.object({ mutants: z.array(z.object({ status: z.string() })) })),
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
