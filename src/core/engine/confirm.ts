import { DAY_MS } from '../quantities.ts';
import type { StageDefinition } from '../definition.ts';
import type { ConfirmationAnswered } from '../events.ts';
import type { Failure } from '../failure.ts';
import type { JsonValue } from '../json.ts';
import type { RunRequest } from '../ports.ts';
import type { ConfirmationState } from '../stage-state.ts';
import { type RunContext, Suspended } from './run-context.ts';

type Answered = Pick<ConfirmationAnswered, 'answer' | 'by' | 'via' | 'comment'>;

/** What a confirmation came to: go on, skip the stage, or a failure. */
export type ConfirmationResult =
  | { readonly go: 'on' }
  | { readonly go: 'skip'; readonly by: string }
  | { readonly go: 'fail'; readonly failure: Failure };

/**
 * Asks until somebody answers: the command line (`--yes`), this terminal, or another process.
 * Throws `Suspended` when nobody here can answer.
 */
export async function confirmStage(
  run: RunContext,
  id: string,
  stage: StageDefinition,
  message = stage.confirmation?.message ?? `Run stage ${id}?`,
): Promise<ConfirmationResult> {
  const asked = await request(run, id, stage, message);
  const given = asked.answered ?? (await answer(run, id, stage, asked));
  return resultOf(given, asked.requested.expires_at);
}

async function request(
  run: RunContext,
  id: string,
  stage: StageDefinition,
  message: string,
): Promise<ConfirmationState> {
  const planHash = run.created.plan_hash;
  const state = run.log.state.stages[id];
  const known = sameQuestion(state?.confirmation, planHash, message);
  // A stage that was taken up in the middle is running: it waits again only when that is said again.
  if (known && (known.answered || state?.status === 'waiting')) return known;
  const expiresMs = run.deps.clock.nowMs() + (stage.confirmation?.expires_ms ?? DAY_MS);
  await run.log.append({
    type: 'confirmation.requested',
    stage: id,
    message,
    plan_hash: planHash,
    expires_at: known?.requested.expires_at ?? new Date(expiresMs).toISOString(),
  });
  const requested = run.log.state.stages[id]?.confirmation;
  if (!requested) throw new Error(`the confirmation of ${id} was not recorded`);
  return requested;
}

function sameQuestion(
  known: ConfirmationState | undefined,
  planHash: string,
  message: string,
): ConfirmationState | undefined {
  return known?.requested.plan_hash === planHash && known.requested.message === message ? known : undefined;
}

async function answer(
  run: RunContext,
  id: string,
  stage: StageDefinition,
  asked: ConfirmationState,
): Promise<Answered> {
  const { clock, identity } = run.deps;
  const by = `${identity.user}@${identity.host}`;
  const expired = Date.parse(asked.requested.expires_at) <= clock.nowMs();
  if (expired) return recordAnswer(run, id, { answer: 'rejected', by: 'expiry', via: 'expiry' });
  if (run.drive.assumeYes) return recordAnswer(run, id, { answer: 'approved', by, via: '--yes' });

  const done = new AbortController();
  const remote = Promise.withResolvers<Answered>();
  const stop = run.onRequest(() => {
    const recorded = run.log.state.stages[id]?.confirmation?.answered;
    if (recorded) remote.resolve(recorded);
  });
  try {
    const ask = run.questions.use(() =>
      run.deps.prompter.confirm(
        { stage: id, message: asked.requested.message, details: () => detailsOf(run, id, stage, asked) },
        AbortSignal.any([run.signal, done.signal]),
      ),
    );
    const here = ask.then(({ answer: said, comment }) => {
      if (said === 'nobody') throw new Suspended(id);
      return recordAnswer(run, id, { answer: said, by, via: 'terminal', ...(comment && { comment }) });
    });
    return await Promise.race([here, remote.promise, expiry(run, id, asked, done.signal)]);
  } finally {
    stop();
    done.abort();
  }
}

/** Also while somebody sits in front of it: an answer that comes too late is none. */
async function expiry(
  run: RunContext,
  id: string,
  { requested }: ConfirmationState,
  signal: AbortSignal,
): Promise<Answered> {
  const { clock } = run.deps;
  const isUp = await clock.sleep(Math.max(0, Date.parse(requested.expires_at) - clock.nowMs()), signal);
  if (isUp) return recordAnswer(run, id, { answer: 'rejected', by: 'expiry', via: 'expiry' });
  return new Promise(() => undefined);
}

/** What a request of another process means as an answer. */
export const ANSWERS = { approve: 'approved', reject: 'rejected', skip: 'skipped' } as const;

/** Records an answer unless another process was first; returns the one that counts. */
async function recordAnswer(run: RunContext, stage: string, given: Answered): Promise<Answered> {
  const earlier = run.log.state.stages[stage]?.confirmation?.answered;
  if (earlier) return earlier;
  await run.log.append({ type: 'confirmation.answered', stage, plan_hash: run.created.plan_hash, ...given });
  return given;
}

/** Records the answer of another process, if it is for a question that is open and for this very plan. */
export async function recordRequest(
  run: Pick<RunContext, 'log' | 'created'>,
  message: RunRequest,
): Promise<boolean> {
  if (message.type === 'cancel') return false;
  const confirmation = run.log.state.stages[message.stage]?.confirmation;
  if (!confirmation || confirmation.answered || message.plan_hash !== run.created.plan_hash) return false;
  await run.log.append({
    type: 'confirmation.answered',
    stage: message.stage,
    answer: ANSWERS[message.type],
    by: message.by,
    via: 'command',
    plan_hash: message.plan_hash,
    ...(message.comment && { comment: message.comment }),
  });
  return true;
}

function detailsOf(
  run: RunContext,
  id: string,
  stage: StageDefinition,
  asked: ConfirmationState,
): readonly string[] {
  const steps = stepsOf(stage).map(({ name, text }) => `  ${name}: ${text}`);
  const params = Object.entries(run.created.params).map(([name, value]) => `${name}=${shortValue(value)}`);
  return [
    `plan     ${asked.requested.plan_hash.slice(0, 12)}`,
    `kind     ${stage.uses}`,
    `expires  ${asked.requested.expires_at}`,
    ...(params.length > 0 ? [`params   ${params.join(' ')}`] : []),
    ...(steps.length > 0 ? ['commands', ...steps] : []),
    ...foundBefore(run, id, stage),
  ];
}

/** What the stages that it needs found out: whoever answers decides on that. */
function foundBefore({ log }: RunContext, id: string, { name, needs }: StageDefinition): readonly string[] {
  const prefix = id.slice(0, id.length - name.length);
  return Object.keys(needs).flatMap((need) => {
    const { decision } = log.state.stages[prefix + need] ?? {};
    const found = (decision?.evidence ?? []).filter((one) => !/^(?:stages|cache)\./.test(one.name));
    const lines = found.map(({ name: what, value }) => `  ${what}: ${shortValue(value)}`);
    return lines.length > 0 ? [`${need} found`, ...lines] : [];
  });
}

/** The commands of a stage, as far as its kind keeps them under `steps`. */
export function stepsOf(
  stage: StageDefinition,
): readonly { readonly name: string; readonly text: string; readonly context: string }[] {
  const steps = stage.config['steps'];
  if (!Array.isArray(steps)) return [];
  return steps.flatMap((step: unknown) => {
    if (typeof step !== 'object' || step === null || !('name' in step) || !('command' in step)) return [];
    const { command, name } = step;
    if (typeof command !== 'object' || command === null || !('text' in command)) return [];
    const context = 'context' in step && typeof step.context === 'string' ? step.context : stage.context;
    return [{ name: String(name), text: String(command.text), context }];
  });
}

function resultOf(given: Answered, expiresAt: string): ConfirmationResult {
  if (given.answer === 'approved') return { go: 'on' };
  if (given.answer === 'skipped') return { go: 'skip', by: given.by };
  if (given.via === 'expiry')
    return { go: 'fail', failure: { reason: 'confirmation-expired', expired_at: expiresAt } };
  return {
    go: 'fail',
    failure: { reason: 'rejected', by: given.by, ...(given.comment && { comment: given.comment }) },
  };
}

/** A word as it is, everything else as JSON. */
function shortValue(value: JsonValue): string {
  return typeof value === 'string' && /^[^\s"]+$/.test(value) ? value : JSON.stringify(value);
}
