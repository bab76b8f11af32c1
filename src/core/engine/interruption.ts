import type { StageTry } from './step-runner.ts';
import { Suspended } from './run-context.ts';

/**
 * What to do about a step that a crash left in the middle: its stage's `on_interrupt`, or a person.
 * Throws `Suspended` when a person must say and nobody is here.
 */
export async function resolveInterruption(
  attempt: StageTry,
  step: string,
  detail: string,
): Promise<'retry' | 'skip' | 'fail'> {
  const { run, id, stage } = attempt;
  const known = run.log.state.stages[id]?.interruption_answer;
  if (known) return known;
  const { user, host } = run.deps.identity;
  const by = `${user}@${host}`;
  if (stage.on_interrupt === 'retry' || run.drive.assumeYes) return 'retry';
  const answer = await run.questions.use(() =>
    run.deps.prompter.interrupted({ stage: id, step, detail }, attempt.signal),
  );
  if (answer === 'nobody') throw new Suspended(id);
  await run.log.append({ type: 'interruption.answered', stage: id, answer, by });
  return answer;
}
