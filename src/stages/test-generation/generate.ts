import { type Failure, failed, ok, reported, type Result } from '../../core/failure.ts';
import type { JsonObject } from '../../core/json.ts';
import type { StageContext } from '../../core/stage-kind.ts';
import {
  type BehaviourDifference,
  type GeneratedTest,
  type LeftOutOfTests,
  readTestgen,
} from '../../core/testgen.ts';
import { askForTests } from './ask.ts';
import { jobsOf, namesFor, type Uses } from './jobs.ts';
import { observe } from './observe.ts';
import { openScratch } from './scratch.ts';
import { generatedTest, verify } from './verify.ts';
import type { Drafted, Job, Workshop } from './work.ts';

/** Differences that outputs carry; the artifact has all. */
const MOST_DIFFERENCES = 100;

/** What one strategy came to. */
interface Made {
  readonly tests: readonly GeneratedTest[];
  readonly differences: readonly BehaviourDifference[];
  readonly left_out: readonly LeftOutOfTests[];
}

export async function generateTests(
  generator: 'auto' | 'characterization' | 'model',
  context: StageContext,
): Promise<Result<JsonObject>> {
  const analysis = readTestgen(context.variables, 'vcs_analysis');
  const planned = readTestgen(context.variables, 'test_strategy');
  if (!analysis || !planned)
    return reported('it needs the outputs of vcs-analysis and test-strategy before it');
  const { isConfigured } = context.ports.model;
  if (generator === 'model' && !isConfigured) {
    return reported('generator is model, and pipewright.yaml names none under testgen.model');
  }
  if (planned.strategies.length === 0) return finish(context, { tests: [], differences: [], left_out: [] });
  const scratch = await openScratch(context, analysis);
  if (!scratch.ok) return scratch;
  const shop: Workshop = { context, analysis, scratch: scratch.value };
  const uses = { calls: generator !== 'model', model: isConfigured && generator !== 'characterization' };
  const named = await context.task({
    name: 'name files',
    text: 'choose names for the tests that the project has not taken',
    work: async () => ok(namesFor(planned.strategies, uses, scratch.value.after.root)),
  });
  if (!named.ok) return named;
  const { jobs, leftOut } = jobsOf(planned.strategies, { analysis, names: named.value });
  const made = await workOff(jobs, context, (job) => work(job, shop, uses));
  if (!made.ok) return made;
  return finish(context, {
    tests: made.value.flatMap(({ tests }) => tests),
    differences: made.value.flatMap(({ differences }) => differences),
    left_out: [...leftOut, ...made.value.flatMap((one) => one.left_out)],
  });
}

async function work(job: Job, shop: Workshop, uses: Uses): Promise<Result<Made>> {
  const { id, file } = job.strategy;
  const called = uses.calls ? await byCalls(job, shop) : ok(NOTHING);
  if (!called.ok) return called;
  const asked = uses.model ? await byModel(job, shop, called.value.differences) : ok(NOTHING);
  if (!asked.ok) return asked;
  const { differences, reason, leftOut } = called.value;
  const reasons = [uses.model ? undefined : reason, asked.value.reason].filter((one) => one !== undefined);
  return ok({
    tests: [...called.value.tests, ...asked.value.tests],
    differences: differences.map((one) => ({ strategy_id: id, file, ...one })),
    left_out: [
      ...reasons.map((one) => ({ strategy_id: id, file, function: '', reason: one })),
      ...leftOut.map((one) => ({ strategy_id: id, file, ...one })),
    ],
  });
}

/** What one generator came to for one strategy; `reason` where it made nothing. */
interface Part {
  readonly tests: readonly GeneratedTest[];
  readonly differences: Drafted['differences'];
  readonly leftOut: Drafted['leftOut'];
  readonly reason?: string;
}

const NOTHING: Part = { tests: [], differences: [], leftOut: [] };

async function byCalls(job: Job, shop: Workshop): Promise<Result<Part>> {
  const observed = await observe(job, shop);
  if (!observed.ok) return observed;
  if (observed.value.state === 'none') return ok({ ...NOTHING, reason: observed.value.reason });
  const { draft, differences, leftOut } = observed.value.drafted;
  if (draft.cases.length === 0)
    return ok({ tests: [], differences, leftOut, reason: 'no call of it can be held' });
  const verified = await verify(draft, { source: 'rules', round: 1 }, { job, shop });
  if (!verified.ok) return verified;
  const test = generatedTest(job, draft, { source: 'rules', verified: verified.value });
  return ok({ tests: [test], differences, leftOut });
}

async function byModel(job: Job, shop: Workshop, differences: Drafted['differences']): Promise<Result<Part>> {
  const asked = await askForTests(job, shop, differences);
  if (!asked.ok) return asked;
  if (asked.value.state === 'none') return ok({ ...NOTHING, reason: asked.value.reason });
  const { draft, verified } = asked.value;
  return ok({ ...NOTHING, tests: [generatedTest(job, draft, { source: 'model', verified })] });
}

/** At most `max_workers` at a time where the stage says `parallel`; results in the order of the jobs. */
async function workOff(
  jobs: readonly Job[],
  { stage, progress }: StageContext,
  start: (job: Job) => Promise<Result<Made>>,
): Promise<Result<readonly Made[]>> {
  const made: Made[] = [];
  let [next, done] = [0, 0];
  let failure: Failure | undefined;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < jobs.length && !failure; at = next++) {
      const job = jobs[at];
      if (!job) return;
      const ended = await start(job);
      if (!ended.ok) {
        failure ??= ended.failure;
        return;
      }
      made[at] = ended.value;
      done += 1;
      const status = done < jobs.length ? 'running' : 'passed';
      const result = `${done} of ${jobs.length} done`;
      progress([{ name: 'strategies', what: 'tests for strategies', kind: 'tests', status, result }]);
    }
  };
  const workers = stage.parallel ? Math.min(stage.max_workers, jobs.length) : 1;
  const settled = await Promise.allSettled(Array.from({ length: workers }, worker));
  // Rethrown only when all have ended: none may go on unwatched.
  for (const outcome of settled) if (outcome.status === 'rejected') throw outcome.reason;
  return failure ? failed(failure) : ok(made.filter((one) => one !== undefined));
}

async function finish(context: StageContext, made: Made): Promise<Result<JsonObject>> {
  const counts: Record<string, number> = {};
  for (const { verdict } of made.tests) counts[verdict] = (counts[verdict] ?? 0) + 1;
  const artifact = await context.writeArtifact(
    'tests.json',
    `${JSON.stringify({ ...made, counts }, null, 1)}\n`,
  );
  for (const { call, file, before, after } of made.differences) {
    await context.log(`${file}: ${call} was ${before}, is now ${after}`);
  }
  for (const test of made.tests) await context.log(sentence(test));
  for (const { file, function: name, reason } of made.left_out) {
    await context.log(`${file}${name === '' ? '' : `: ${name}`}: no test, ${reason}`);
  }
  const { length } = made.differences;
  if (length > 0) {
    context.explain({
      name: 'behaviour',
      value: `${length === 1 ? 'one call gives' : `${length} calls give`} another result than before`,
    });
  }
  return ok({
    test_code_generation: {
      tests: made.tests.map((test) => ({ ...test })),
      differences: made.differences.slice(0, MOST_DIFFERENCES).map((one) => ({ ...one })),
      left_out: made.left_out.map((one) => ({ ...one })),
      counts,
      artifact,
    },
  });
}

function sentence({ file, verdict, cases, checks, reason }: GeneratedTest): string {
  const revert = { true: ', fails on the code before', false: ', passes on the code before too', null: '' }[
    `${checks.detects_revert}`
  ];
  const covered = checks.coverage === null ? '' : `, reaches ${checks.coverage} % of the changed lines`;
  const why = reason === '' ? '' : `: ${reason}`;
  return `${file}: ${verdict}, ${cases.length === 1 ? 'one case' : `${cases.length} cases`}, ${checks.passes} of ${checks.runs} runs${revert}${covered}${why}`;
}
