import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { type Subject, time } from './measure.ts';

const probeSchema = z.object({
  delay_p50_ms: z.number(),
  delay_p99_ms: z.number(),
  delay_max_ms: z.number(),
  max_rss_mb: z.number(),
  cpu_ms: z.number(),
});

export type Probed = z.output<typeof probeSchema> & { readonly took_ms: number };

/** Runs it with the probe inside; see probe.ts. */
export async function probed(subject: Subject): Promise<Probed> {
  subject.before?.();
  const file = path.join(subject.cwd, 'probe.json');
  const env = {
    ...subject.env,
    NODE_OPTIONS: `--import=${path.join(import.meta.dirname, 'probe.ts')}`,
    PIPEWRIGHT_BENCH_PROBE: file,
  };
  const took = await time({ ...subject, env });
  return { ...probeSchema.parse(JSON.parse(readFileSync(file, 'utf8'))), took_ms: took };
}
