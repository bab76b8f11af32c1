import { failed, type Failure, ok, type Result } from '../../core/failure.ts';
import { draftIn } from '../../testgen/model/answer.ts';
import { repairQuestion, testQuestion, WRITE_TESTS } from '../../testgen/model/prompt.ts';
import type { DraftTest } from '../../testgen/write/test-file.ts';
import type { Difference } from '../../testgen/characterize/characterize.ts';
import { specifier } from '../../testgen/write/test-place.ts';
import { type Verified, verify } from './verify.ts';
import { artifactName, type Job, neighbourOf, textIn, type Workshop } from './work.ts';

export type Asked =
  | { readonly state: 'tested'; readonly draft: DraftTest; readonly verified: Verified }
  | { readonly state: 'none'; readonly reason: string };

/** Not about this one question: the stage cannot go on. */
const OF_THE_STAGE: ReadonlySet<Failure['reason']> = new Set([
  'cancelled',
  'interrupted',
  'state-unwritable',
  'unexpected',
]);

/** Asks the model for tests, runs them, and gives it one chance to mend what did not hold. */
export async function askForTests(
  job: Job,
  shop: Workshop,
  differences: readonly Difference[],
): Promise<Result<Asked>> {
  const question = await questionOf(job, shop, differences);
  if (!question.ok) return question;
  const first = await tried(question.value, 1, { job, shop });
  if (!first.ok) return first;
  const { answer, verified, reason: said } = first.value;
  if (answer === undefined || (verified && isEnough(verified))) return ok(told(first.value));
  const second = await tried(repairQuestion(question.value, { answer, said }), 2, { job, shop });
  if (!second.ok) return second;
  const isWorse = verified?.verdict === 'passed' && second.value.verified?.verdict !== 'passed';
  return ok(told(second.value.verified && !isWorse ? second.value : first.value));
}

/** One question, and what came of the answer. */
interface Try {
  readonly answer?: string;
  readonly draft?: DraftTest;
  readonly verified?: Verified;
  /** What did not hold, for another try and for people. */
  readonly reason: string;
}

function told({ draft, verified, reason }: Try): Asked {
  return draft && verified ? { state: 'tested', draft, verified } : { state: 'none', reason };
}

async function tried(
  prompt: string,
  round: number,
  { job, shop }: { readonly job: Job; readonly shop: Workshop },
): Promise<Result<Try>> {
  const answered = await answerTo(prompt, round, { job, shop });
  if (!answered.ok || answered.value.answer === undefined) return answered;
  const { answer } = answered.value;
  const drafted = draftIn(answer, job.files.model);
  if ('problem' in drafted) return ok({ answer, reason: `the model gave no test: ${drafted.problem}` });
  const { draft } = drafted;
  const verified = await verify(draft, { source: 'model', round }, { job, shop });
  if (!verified.ok) return verified;
  const { reason, said } = verified.value;
  return ok({ answer, draft, verified: verified.value, reason: `${reason}\n${said}` });
}

/** Nothing that another answer could mend. */
function isEnough({ verdict, said }: Verified): boolean {
  return verdict === 'unmeasured' || (verdict === 'passed' && said === '');
}

/** A task: an answer that was paid for is not asked for again. */
async function answerTo(
  prompt: string,
  round: number,
  { job, shop }: { readonly job: Job; readonly shop: Workshop },
): Promise<Result<{ readonly answer?: string; readonly reason: string }>> {
  const { context } = shop;
  const { model } = context.ports;
  const again = round > 1 ? ' again' : '';
  const done = await context.task({
    name: `ask ${job.strategy.id}${again}`,
    text: `ask ${model.recipient} for tests of ${job.changed.path}${again}`,
    work: async ({ signal, log }) => {
      const answer = await model.complete({ system: WRITE_TESTS, prompt, signal });
      if (!answer.ok) return answer;
      const { text, input_tokens: read, output_tokens: written } = answer.value;
      await log(
        `${answer.value.model}: ${text.length} characters${read === undefined ? '' : `, ${read} and ${written ?? 0} tokens`}`,
      );
      await context.writeArtifact(artifactName('answer', job, `${again.trim()}.txt`), `${text}\n`);
      return ok({ answer: text });
    },
  });
  if (done.ok) {
    const { answer } = done.value;
    return ok({ answer: typeof answer === 'string' ? answer : '', reason: '' });
  }
  if (OF_THE_STAGE.has(done.failure.reason)) return failed(done.failure);
  const detail =
    'message' in done.failure
      ? done.failure.message
      : 'detail' in done.failure
        ? done.failure.detail
        : done.failure.reason;
  return ok({ reason: `the model gave no answer: ${detail}` });
}

async function questionOf(
  job: Job,
  { context, analysis, scratch }: Workshop,
  differences: readonly Difference[],
): Promise<Result<string>> {
  const { changed, strategy, framework, files } = job;
  const vcs = await context.ports.vcs(context.project);
  if (!vcs.ok) return vcs;
  const range = { to: analysis.head, ...(analysis.base !== null && { from: analysis.base }) };
  const diff = await vcs.value.diff(range, { path: changed.path, maxBytes: 16_000 });
  const neighbour = neighbourOf(job, { context, analysis, scratch });
  const place = { root: scratch.after.root, source: changed.path, test: files.model, framework };
  return ok(
    testQuestion({
      strategy,
      framework,
      test: files.model,
      specifier: specifier({ ...place, ...(neighbour !== undefined && { neighbour }) }),
      text: textIn(scratch.after.root, changed.path, 40_000),
      diff: diff.ok ? diff.value.text : '',
      signatures: changed.symbols.filter((one) => one.is_exported).map(({ signature }) => signature),
      neighbour,
      differences,
      subjects: analysis.commits.map(({ subject }) => subject),
    }),
  );
}
