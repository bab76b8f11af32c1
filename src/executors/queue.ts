import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Failure, messageOf, ok, type Result } from '../core/failure.ts';
import type { Command, CommandOutcome, CommandOutput, Executor, Recovered } from '../core/ports.ts';
import type { QueueLink } from '../core/queue/link.ts';
import { type StepJob, stepKey } from '../core/queue/messages.ts';
import { CLAIMED_BEFORE, stopFailure } from './local/outcome.ts';
import { stepFiles } from './local/records.ts';
import { jobOf } from './queue/job.ts';
import { type KnownRecord, QueueLine } from './queue/line.ts';
import { type Ending, Pending } from './queue/pending.ts';
import { StepOutput } from './ssh/step-output.ts';

/** A run whose commands are carried out by workers. */
export interface QueueExecutorOptions {
  readonly runId: string;
  /** `state/runs/<id>`, absolute. */
  readonly folder: string;
  /** Where its commands would run here, absolute. */
  readonly project: string;
  readonly graceMs?: number | undefined;
  /** Variables that commands do not see, also where they are. */
  readonly hiddenVariables?: readonly string[] | undefined;
  readonly link: QueueLink;
}

const TOKEN = /^[\w.@-]{1,200}$/;
const DEFAULT_GRACE_MS = 5000;
/** After a cancel: for the worker's word that it has ended, beyond the grace that its processes get. */
const FAREWELL_MS = 15_000;
const SWEEP_MS = 10_000;
const LOOK_MS = 500;
/** A step that never ran where it was sent is sent again so often. */
const SENDINGS = 3;

/**
 * Commands that workers carry out, on this machine or on others. Whoever writes the claim of a step first decides:
 * a worker that begins it, or we when we call it off; what BullMQ delivers twice therefore runs once.
 */
export function createQueueExecutor(options: QueueExecutorOptions): Executor {
  const executor = new QueueExecutor(options);
  return {
    name: 'queue',
    run: (command, output, signal) => executor.run(command, output, signal),
    recover: (command, output, signal) => executor.recover(command, output, signal),
    stopLeftovers: () => executor.stopLeftovers(),
    close: () => executor.close(),
  };
}

/** One try of a step. */
interface Step {
  readonly command: Command;
  readonly output: CommandOutput;
  readonly signal: AbortSignal;
  readonly copy: StepOutput;
  readonly line: QueueLine;
}

class QueueExecutor {
  readonly #options: QueueExecutorOptions;
  #line: Promise<Result<QueueLine>> | undefined;
  #commit: Promise<Result<string>> | undefined;

  constructor(options: QueueExecutorOptions) {
    this.#options = options;
  }

  async run(command: Command, output: CommandOutput, signal: AbortSignal): Promise<CommandOutcome> {
    if (signal.aborted) return { failure: stopFailure(signal.reason) };
    return this.#with(command, output, signal, {
      refused: (failure) => ({ failure }),
      work: async (step) => {
        const known = await step.line.record(this.#key(command, 1), signal);
        if (!known.ok) return { failure: stopped(signal) ?? known.failure };
        if (known.value.claim ?? known.value.settled) return { failure: CLAIMED_BEFORE };
        return this.#sendUntilItRuns(step);
      },
    });
  }

  async recover(command: Command, output: CommandOutput, signal: AbortSignal): Promise<Recovered> {
    return this.#with<Recovered>(command, output, signal, {
      refused: (failure) => ({ state: 'lost', detail: `the step cannot be read: ${messageOf(failure)}` }),
      work: (step) => this.#recoverSending(step, 1),
    });
  }

  async stopLeftovers(): Promise<readonly string[]> {
    // A run that sent nothing connects to nothing.
    if (!existsSync(this.#mark)) return [];
    const line = await this.#open();
    return line.ok ? line.value.sweep(SWEEP_MS) : [];
  }

  async close(): Promise<void> {
    const line = await this.#line;
    if (line?.ok) await line.value.close();
  }

  /** Exists once a step of the run was sent; holds the commit that all of its steps run in. */
  get #mark(): string {
    return path.join(this.#options.folder, 'steps', 'on-queue');
  }

  async #with<T>(
    command: Command,
    output: CommandOutput,
    signal: AbortSignal,
    then: { readonly refused: (failure: Failure) => T; readonly work: (step: Step) => Promise<T> },
  ): Promise<T> {
    const { token } = command;
    if (!TOKEN.test(token)) return then.refused(invalid(`not a step token: ${JSON.stringify(token)}`));
    const line = await this.#open();
    if (!line.ok) return then.refused(line.failure);
    // Masked by the worker: what comes here holds no secret any more.
    const copy = new StepOutput(
      { logFile: output.logFile, secrets: [] },
      stepFiles(path.dirname(this.#mark), token),
    );
    try {
      const obstacle = copy.open();
      if (obstacle !== undefined) {
        return then.refused({ reason: 'state-unwritable', path: output.logFile, detail: obstacle });
      }
      return await then.work({ command, output, signal, copy, line: line.value });
    } finally {
      copy.close();
    }
  }

  #open(): Promise<Result<QueueLine>> {
    const { runId, link } = this.#options;
    const open = async (): Promise<Result<QueueLine>> => {
      mkdirSync(path.dirname(this.#mark), { recursive: true, mode: 0o700 });
      const queue = await link.open();
      // The next step may find it there.
      if (!queue.ok) this.#line = undefined;
      if (!queue.ok) return queue;
      const line = new QueueLine(runId, link, queue.value);
      await line.begin();
      return ok(line);
    };
    this.#line ??= open();
    return this.#line;
  }

  #key({ token }: Command, send: number): string {
    return stepKey(this.#options.runId, token, send);
  }

  async #sendUntilItRuns(step: Step): Promise<CommandOutcome> {
    const commit = await this.#commitOf();
    if (!commit.ok) return { failure: commit.failure };
    let ending: Ending = { state: 'never-ran' };
    for (let send = 1; send <= SENDINGS && ending.state === 'never-ran'; send += 1) {
      const sent = await this.#sendAndWait(
        step,
        jobOf({ ...this.#options, ...step, send, op: 'run', commit: commit.value }),
      );
      if (!sent.ok) return { failure: stopped(step.signal) ?? sent.failure };
      ending = sent.value;
    }
    return this.#outcomeOf(step, ending);
  }

  async #recoverSending(step: Step, send: number): Promise<Recovered> {
    const { line } = step;
    const key = this.#key(step.command, send);
    // A queue in this process has forgotten who claimed what: a worker looks at the files of the step.
    const known = await (line.isDurable ? line.callOff(key, NEVER) : line.record(key, NEVER));
    if (!known.ok) return { state: 'lost', detail: messageOf(known.failure) };
    const { claim, settled } = known.value;
    if (settled?.state === 'never-ran') {
      return line.isDurable && send < SENDINGS
        ? this.#recoverSending(step, send + 1)
        : { state: 'never-ran' };
    }
    if (claim?.by === 'producer') return { state: 'never-ran' };
    const commit = await this.#commitOf();
    const recovery = jobOf({
      ...this.#options,
      ...step,
      send,
      op: 'recover',
      commit: commit.ok ? commit.value : undefined,
    });
    const ending = settled
      ? ok(await this.#rest(step, settled, key))
      : await this.#sendAndWait(step, recovery);
    return ending.ok
      ? this.#recovered(step, ending.value)
      : { state: 'lost', detail: messageOf(ending.failure) };
  }

  #recovered(step: Step, ending: Ending): Recovered {
    switch (ending.state) {
      case 'never-ran':
      case 'called-off':
        return { state: 'never-ran' };
      case 'finished':
        return { state: 'finished', outcome: this.#outcomeOf(step, ending) };
      default:
        return { state: 'lost', detail: ending.detail };
    }
  }

  /** Sends it, and resolves when it has ended and all of its output is here. */
  async #sendAndWait(step: Step, job: StepJob): Promise<Result<Ending>> {
    const { line, signal } = step;
    const pending = new Pending(step.copy);
    line.watch(job.id, pending);
    const cancel = (): void => void this.#cancel(step, job.id, pending);
    let ending: Ending | undefined;
    try {
      if (!existsSync(this.#mark)) writeFileSync(this.#mark, job.commit ?? '', { mode: 0o600 });
      const sent = await line.send(job, signal);
      if (!sent.ok) {
        // It may have come through all the same.
        await line.callOff(job.id, AbortSignal.abort());
        return sent;
      }
      pending.isSent = true;
      signal.addEventListener('abort', cancel, { once: true });
      if (signal.aborted) cancel();
      ending = await this.#whole(step, pending, await pending.ended);
      if (ending.state === 'refused') await line.callOff(job.id, AbortSignal.abort());
      return ok(ending);
    } finally {
      signal.removeEventListener('abort', cancel);
      line.forget(job.id, ending?.state !== 'finished' || ending.outcome.failure !== undefined);
    }
  }

  async #cancel({ line, signal }: Step, key: string, pending: Pending): Promise<void> {
    const limitMs = (this.#options.graceMs ?? DEFAULT_GRACE_MS) + FAREWELL_MS;
    void delay(limitMs, undefined, { ref: false }).then(() =>
      pending.end({ state: 'lost', detail: 'the worker did not say whether it has ended it' }),
    );
    const known = await line.callOff(key, AbortSignal.timeout(limitMs));
    if (known.ok && known.value.claim?.by === 'producer') pending.end({ state: 'called-off' });
    else if (known.ok) await this.#cancelAt(line, key, known.value, reasonOf(signal.reason));
  }

  async #cancelAt(line: QueueLine, key: string, { claim }: KnownRecord, reason: string): Promise<void> {
    if (claim?.by === 'worker') await line.order(claim.worker, { type: 'cancel', key, reason });
  }

  /** Of a step that ended while nobody waited for it: what of its output is not here yet. */
  async #rest(step: Step, settled: Ending, key: string): Promise<Ending> {
    const pending = new Pending(step.copy);
    step.line.watch(key, pending);
    try {
      return await this.#whole(step, pending, settled);
    } finally {
      step.line.forget(key, false);
    }
  }

  /** Waits for the rest of its output, as long as the worker that has it is there. */
  async #whole({ line, copy }: Step, pending: Pending, ending: Ending): Promise<Ending> {
    if (ending.state !== 'finished') return ending;
    const giveUp = new AbortController();
    const { leaseMs } = this.#options.link.timing;
    let before = { received: pending.received, atMs: performance.now() };
    const looking = setInterval(() => {
      if (pending.received > before.received)
        before = { received: pending.received, atMs: performance.now() };
      else if (performance.now() - before.atMs > leaseMs) giveUp.abort();
      void line.isGone(ending.worker).then((isGone) => isGone && giveUp.abort());
    }, LOOK_MS);
    try {
      if (await pending.whole(ending.log_bytes, giveUp.signal)) return ending;
      const missing = ending.log_bytes - pending.received;
      copy.take('log', Buffer.from(`\n[${missing} bytes of output went with worker ${ending.worker}]\n`));
      return ending;
    } finally {
      clearInterval(looking);
    }
  }

  #outcomeOf({ signal, copy, output }: Step, ending: Ending): CommandOutcome {
    const failure = stopped(signal);
    switch (ending.state) {
      case 'finished':
        return withOutput(failure ? { ...ending.outcome, failure } : ending.outcome, copy, output);
      case 'lost':
        return {
          failure: failure ?? { reason: 'interrupted', detail: ending.detail },
          ...(!failure && { lost: true }),
        };
      case 'refused':
        return {
          failure: failure ?? { reason: 'executor-unreachable', executor: 'queue', detail: ending.detail },
        };
      default:
        return { failure: failure ?? { reason: 'interrupted', detail: 'no worker began it' } };
    }
  }

  /** The same for every step of the run, also after `continue`. */
  #commitOf(): Promise<Result<string>> {
    const read = async (): Promise<Result<string>> => {
      if (this.#options.link.tree === 'here') return ok('');
      const known = existsSync(this.#mark) ? readFileSync(this.#mark, 'utf8') : '';
      return known === '' ? this.#options.link.commit() : ok(known);
    };
    this.#commit ??= read();
    return this.#commit;
  }
}

const NEVER = new AbortController().signal;

function withOutput(
  outcome: CommandOutcome,
  { lostOutput }: StepOutput,
  { logFile }: CommandOutput,
): CommandOutcome {
  const [code] = lostOutput;
  if (code === undefined || outcome.failure) return outcome;
  return { ...outcome, failure: { reason: 'state-unwritable', path: logFile, detail: code } };
}

function stopped(signal: AbortSignal): Failure | undefined {
  return signal.aborted ? stopFailure(signal.reason) : undefined;
}

function reasonOf(reason: unknown): string {
  const failure = stopFailure(reason);
  return failure.reason === 'cancelled' ? failure.by : failure.reason;
}

function invalid(message: string): Failure {
  return { reason: 'invalid', message };
}
