import path from 'node:path';
import { z } from 'zod';
import { ok, type Result } from '../../core/failure.ts';
import type { GeneratedTest } from '../../core/testgen.ts';
import { refusedIn } from '../../testgen/model/refused.ts';
import { type DraftTest, renderTest } from '../../testgen/write/test-file.ts';
import { judgeDraft, notRun } from './accept.ts';
import { missingRunner } from './runners.ts';
import { programRunner } from './run-program.ts';
import { artifactName, type Job, linesOf, type Workshop } from './work.ts';

const verifiedSchema = () =>
  z.object({
    verdict: z.enum(['passed', 'failed', 'inconclusive', 'unmeasured']),
    cases: z.array(
      z.object({
        id: z.string(),
        verdict: z.enum(['passed', 'failed', 'inconclusive', 'unmeasured']),
        passes: z.int(),
        detects_revert: z.boolean().nullable(),
      }),
    ),
    runs: z.int(),
    passes: z.int(),
    detects_revert: z.boolean().nullable(),
    coverage: z.number().nullable(),
    reason: z.string(),
    said: z.string(),
    artifact: z.string(),
    hash: z.string(),
  });
export type Verified = z.output<ReturnType<typeof verifiedSchema>>;

/** Runs a draft in the copies, as a task: its verdict is what the project's own runner said. */
export async function verify(
  draft: DraftTest,
  { source, round }: { readonly source: 'rules' | 'model'; readonly round: number },
  { job, shop }: { readonly job: Job; readonly shop: Workshop },
): Promise<Result<Verified>> {
  const { context, scratch } = shop;
  const { settings, ports, project } = context;
  const again = round > 1 ? ` again` : '';
  const label = source === 'rules' ? 'calls' : 'model';
  const done = await context.task({
    name: `verify ${label} ${job.strategy.id}${again}`,
    text: `run ${draft.file} with ${job.framework} in copies of the project`,
    work: async ({ signal, log }) => {
      const text = renderTest(draft, draft.cases);
      const refused = source === 'model' ? refusedIn(text, job.language) : undefined;
      const judged =
        refused === undefined
          ? await judgeDraft({
              draft,
              after: scratch.after.root,
              ...(scratch.before && { before: scratch.before.root }),
              run: {
                source: job.changed.path,
                framework: job.framework,
                scratch: path.join(scratch.folder, 'verify', `${label}-${job.strategy.id}`),
                timeoutMs: settings.testgen.verify.timeout,
                run: programRunner(context, scratch.folder, signal),
              },
              verify: settings.testgen.verify,
              lines: linesOf(job),
              missing: missingRunner(job.framework, project),
            })
          : ok(notRun(draft, 'failed', `it would ${refused}, so it was not run`));
      if (!judged.ok) return judged;
      const { text: kept, said, ...rest } = judged.value;
      await log(
        `${rest.verdict}: ${rest.passes} of ${rest.runs} runs${rest.reason === '' ? '' : `, ${rest.reason}`}`,
      );
      for (const line of said.split('\n').slice(0, 200)) await log(line);
      // Not under a test's own name: runners of the project would find it in the state folder.
      const name = `${artifactName(label, job, '')}-${path.posix.basename(draft.file)}.txt`;
      const artifact = await context.writeArtifact(name, kept);
      if (said !== '')
        await context.writeArtifact(artifactName(label, job, `${again.trim()}.log`), `${said}\n`);
      const cases = rest.cases.map((one) => ({ ...one }));
      return ok({ ...rest, cases, said: said.slice(0, 6000), artifact, hash: ports.ids.sha256(kept) });
    },
  });
  return done.ok ? ok(verifiedSchema().parse(done.value)) : done;
}

/** The test as later stages see it; of a passed one only the cases that held. */
export function generatedTest(
  { strategy }: Job,
  draft: DraftTest,
  { source, verified }: { readonly source: 'rules' | 'model'; readonly verified: Verified },
): GeneratedTest {
  const { verdict, runs, passes, detects_revert, coverage, reason, artifact, hash } = verified;
  const judged = new Map(verified.cases.map((one) => [one.id, one]));
  const held = draft.cases.filter(({ id }) => verdict !== 'passed' || judged.get(id)?.verdict === 'passed');
  return {
    strategy_id: strategy.id,
    file: draft.file,
    artifact,
    hash,
    source,
    cases: held.map(({ id, name, given, expects }) => ({
      id: `${strategy.id}:${source}:${id}`,
      name,
      given,
      expects,
      detects_revert: judged.get(id)?.detects_revert ?? null,
    })),
    verdict,
    checks: { runs, passes, detects_revert, coverage },
    reason,
  };
}
