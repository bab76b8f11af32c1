import path from 'node:path';
import { failed, type Failure, messageOf, ok, type Result } from '../../core/failure.ts';
import type { CommandOutcome, Executor, Recovered } from '../../core/ports.ts';
import type { DeliveredJob, Handled, StepRecord } from '../../core/queue/broker.ts';
import {
  claimSchema,
  pack,
  packText,
  producerName,
  type Report,
  runChannel,
  type Settled,
  type StepJob,
  stepJobSchema,
  stepKey,
  unpackText,
  workerName,
} from '../../core/queue/messages.ts';
import { Absence, patiently } from '../../core/queue/patience.ts';
import type { WorkerParts } from './parts.ts';
import type { RunExecutors } from './run-executors.ts';
import { Shipping } from './ship.ts';
import { commandOf, outputOf } from './step-command.ts';

/** Clocks of machines may differ by so much, milliseconds. */
const SKEW_MS = 5 * 60_000;
/** Whoever has it is asked again after this, milliseconds. */
const ASK_AGAIN_MS = 500;

/** A step that this worker has. */
interface RunningStep {
  readonly runId: string;
  readonly claim: string;
  readonly stop: AbortController;
  /** It goes on when its producer is gone. */
  readonly isKept: boolean;
  /** Why nobody can say what it did: not asked for by its producer. */
  lost: string | undefined;
}

/** Carries out steps: once each, whatever the queue delivers twice. */
export class StepProcessor {
  readonly #parts: WorkerParts;
  readonly #executors: RunExecutors;
  readonly #running = new Map<string, RunningStep>();
  /** Steps that were cancelled before they came to us. */
  readonly #cancelled = new Map<string, string>();
  readonly #absence: Absence;
  /** Aborted when this worker gives up waiting for the queue. */
  readonly #closed: AbortSignal;
  readonly done = { passed: 0, failed: 0, lost: 0, refused: 0 };

  constructor(parts: WorkerParts, executors: RunExecutors, closed: AbortSignal) {
    this.#parts = parts;
    this.#absence = new Absence(parts.clock);
    this.#executors = executors;
    this.#closed = closed;
  }

  get active(): number {
    return this.#running.size;
  }

  async handle(job: DeliveredJob): Promise<Handled> {
    const opened = unpackText(this.#parts.sealer, 'job', job.data, stepJobSchema);
    if (!opened.ok) return this.#refuse(opened.failure, SEAL_PROBLEMS[opened.failure]);
    const step = opened.value;
    if (step.id !== job.id || step.id !== stepKey(step.run_id, step.token, step.send)) {
      return this.#refuse('replayed', 'it is a copy of another job');
    }
    const now = Date.now();
    if (now > step.expires_at_ms || now < step.issued_at_ms - SKEW_MS) {
      await this.#report(step, { type: 'refused', key: step.id, detail: EXPIRED });
      return this.#refuse('expired', EXPIRED);
    }
    const record = await this.#patiently(() => this.#parts.broker.record(step.id));
    if (!record.ok) return later();
    if (record.value.settled !== undefined) {
      return job.delivery > 1 ? { state: 'done' } : this.#refuse('replayed', 'it has ended before');
    }
    return record.value.claim === undefined
      ? this.#take(step, job)
      : this.#takeOver(step, record.value.claim);
  }

  /** A step is not wanted any more; for one that has not come yet too. */
  cancel(key: string, reason: string): void {
    const running = this.#running.get(key);
    if (running) running.stop.abort(reason);
    else this.#cancelled.set(key, reason);
  }

  /** Ends what runs, and says that nobody knows what it did. */
  giveUp(why: string, isMeant: (step: Pick<RunningStep, 'runId' | 'isKept'>) => boolean = () => true): void {
    for (const step of this.#running.values()) {
      if (step.lost !== undefined || !isMeant(step)) continue;
      step.lost = why;
      step.stop.abort(why);
    }
  }

  /** Runs whose steps end when their producer is gone. */
  get watchedRuns(): readonly string[] {
    return [
      ...new Set([...this.#running.values()].filter(({ isKept }) => !isKept).map(({ runId }) => runId)),
    ];
  }

  /** A queue that lost what was written last still gets to know that these are ours. */
  async claimAgain(): Promise<void> {
    for (const [key, step] of this.#running) {
      const record = await this.#parts.broker.claim(key, step.claim);
      if (record.ok && record.value.claim !== step.claim && step.lost === undefined) {
        step.lost = 'another worker has it';
        step.stop.abort(step.lost);
      }
    }
  }

  /** Nobody has it: we do, if its tree is there. */
  async #take(step: StepJob, job: DeliveredJob): Promise<Handled> {
    const tree = step.op === 'run' ? await this.#treeFor(step) : ok('/');
    if (!tree.ok) return this.#unprepared(step, job, tree.failure);
    const { broker, sealer, self } = this.#parts;
    const claim = packText(sealer, `claim/${step.id}`, { by: 'worker', ...self });
    const record = await this.#patiently(() => broker.claim(step.id, claim));
    if (!record.ok) return later();
    if (record.value.claim !== claim) return this.#takeOver(step, record.value.claim ?? '');
    return this.#work(step, claim, tree.value);
  }

  /** Somebody has it, or had it. */
  async #takeOver(step: StepJob, sealed: string): Promise<Handled> {
    const { sealer, self, isGone } = this.#parts;
    const claim = unpackText(sealer, `claim/${step.id}`, sealed, claimSchema);
    if (!claim.ok) return this.#refuse('forged', 'its claim was not written by one of us');
    if (claim.value.by === 'producer') return { state: 'done' };
    const owner = claim.value;
    // Given to us again while we have it: our lock ran out.
    if (owner.worker === self.worker) return later();
    const gone = isGone(owner.process);
    if (gone === false) return later();
    if (gone === undefined && !(await this.#isAbsent(workerName(owner.worker)))) return later();
    if (owner.place === self.place) {
      const tree = step.op === 'run' ? await this.#treeFor(step) : ok('/');
      if (!tree.ok) return later();
      return this.#work({ ...step, op: 'recover' }, sealed, tree.value);
    }
    return this.#settle(step, { state: 'lost', detail: `worker ${owner.worker} died in the middle of it` });
  }

  async #isAbsent(name: string): Promise<boolean> {
    const { broker, timing } = this.#parts;
    const present = await broker.isPresent(name);
    if (!present.ok) {
      this.#absence.forget();
      return false;
    }
    return this.#absence.note(name, present.value) >= timing.leaseMs;
  }

  async #work(step: StepJob, claim: string, tree: string): Promise<Handled> {
    const stop = new AbortController();
    const isKept = step.finish_ms === undefined;
    const running: RunningStep = { runId: step.run_id, claim, stop, isKept, lost: undefined };
    this.#running.set(step.id, running);
    const cancelled = this.#cancelled.get(step.id);
    if (cancelled !== undefined) stop.abort(cancelled);
    this.#cancelled.delete(step.id);
    const { self } = this.#parts;
    await this.#report(step, { type: 'begun', key: step.id, worker: self.worker, host: self.host });
    try {
      const used = await this.#executors.use(step.run_id, step.hidden, (executor, folder) =>
        this.#execute({ step, tree, folder, executor, running }),
      );
      if (used.ok) return used.value;
      return await this.#settle(step, {
        state: 'finished',
        outcome: { failure: used.failure },
        ...this.#nothing(),
      });
    } finally {
      this.#running.delete(step.id);
    }
  }

  #nothing(): { readonly log_bytes: number; readonly worker: string } {
    return { log_bytes: 0, worker: this.#parts.self.worker };
  }

  async #execute({ step, tree, folder, executor, running }: Execution): Promise<Handled> {
    const { clock, broker, sealer } = this.#parts;
    const { id: key, run_id: runId } = step;
    const logFile = path.join(folder, 'queue', `${key.slice(runId.length + 1)}.log`);
    const unwanted = new AbortController();
    const shipping = new Shipping({
      clock,
      broker,
      sealer,
      runId,
      key,
      logFile,
      signal: AbortSignal.any([unwanted.signal, this.#closed]),
    });
    const command = commandOf(step, tree, folder);
    const output = outputOf(step, logFile);
    const { signal } = running.stop;
    const recovered: Recovered =
      step.op === 'run'
        ? { state: 'finished', outcome: await executor.run(command, output, signal) }
        : await executor.recover(command, output, signal);
    const { bytes, sent } = shipping.end();
    const settled = this.#settledAs(recovered, running, bytes);
    const isOurs = await this.#record(step, settled);
    // A producer that is slow keeps our place occupied; one that is gone does not.
    await Promise.race([sent, this.#whenUnwanted(runId, sent)]);
    if (isOurs) await this.#report(step, { type: 'settled', key, settled });
    if (settled.state === 'finished') this.#count(settled.outcome);
    return settled.state === 'lost' ? this.#deadLetter(settled.detail) : { state: 'done' };
  }

  #settledAs(recovered: Recovered, running: RunningStep, log_bytes: number): Settled {
    if (recovered.state !== 'finished') return recovered;
    // Unless it came to an end of its own before it was stopped.
    if (running.lost !== undefined && recovered.outcome.failure?.reason === 'cancelled') {
      return { state: 'lost', detail: running.lost };
    }
    return { state: 'finished', outcome: recovered.outcome, log_bytes, worker: this.#parts.self.worker };
  }

  async #whenUnwanted(runId: string, sent: Promise<void>): Promise<void> {
    const over = new AbortController();
    void sent.finally(() => over.abort());
    const signal = AbortSignal.any([over.signal, this.#closed]);
    while (!signal.aborted && !(await this.isProducerGone(runId))) {
      await this.#parts.clock.sleep(ASK_AGAIN_MS, signal);
    }
  }

  /** For longer than a step may go on without it. */
  isProducerGone(runId: string): Promise<boolean> {
    return this.#isAbsent(producerName(runId));
  }

  async #settle(step: StepJob, settled: Settled): Promise<Handled> {
    if (await this.#record(step, settled))
      await this.#report(step, { type: 'settled', key: step.id, settled });
    return settled.state === 'lost' ? this.#deadLetter(settled.detail) : { state: 'done' };
  }

  /** Durable before anybody hears of it. False when it was settled otherwise before. */
  async #record(step: StepJob, settled: Settled): Promise<boolean> {
    const { broker, sealer } = this.#parts;
    const sealed = packText(sealer, `settled/${step.id}`, settled);
    const record = await this.#patiently<StepRecord>(() => broker.settle(step.id, sealed));
    return record.ok && record.value.settled === sealed;
  }

  #deadLetter(reason: string): Handled {
    this.done.lost += 1;
    this.#parts.say(`a step was lost: ${reason}`);
    return { state: 'failed', reason, retry: false };
  }

  async #treeFor(step: StepJob): Promise<Result<string>> {
    const { here, tree } = this.#parts;
    if (step.tree === 'here') {
      return here === undefined
        ? failed({
            reason: 'invalid',
            message: 'it wants the project as it is, and this worker was not started with --here',
          })
        : ok(here);
    }
    if (path.isAbsolute(step.workdir)) {
      return failed({ reason: 'invalid', message: `its folder ${step.workdir} is outside of the project` });
    }
    if (step.commit === undefined) return failed({ reason: 'invalid', message: 'it names no commit' });
    return tree(step.run_id, step.commit);
  }

  async #unprepared(step: StepJob, job: DeliveredJob, failure: Failure): Promise<Handled> {
    const reason = `worker ${this.#parts.self.worker}: ${messageOf(failure)}`;
    if (job.isLast) await this.#report(step, { type: 'refused', key: step.id, detail: reason });
    this.#parts.say(`job ${job.id}: ${messageOf(failure)}`);
    return { state: 'failed', reason, retry: true };
  }

  async #refuse(kind: string, detail: string): Promise<Handled> {
    this.done.refused += 1;
    this.#parts.say(`refused a job: ${detail}`);
    await this.#parts.broker.countRefused(kind);
    return { state: 'failed', reason: `refused: ${detail}`, retry: false };
  }

  async #report(step: StepJob, report: Report): Promise<void> {
    const { broker, sealer } = this.#parts;
    const channel = runChannel(step.run_id);
    const message = pack(sealer, channel, report);
    await this.#patiently(() => broker.publish(channel, message));
  }

  #count({ failure }: CommandOutcome): void {
    if (failure) this.done.failed += 1;
    else this.done.passed += 1;
  }

  #patiently<T>(ask: () => Promise<Result<T>>): Promise<Result<T>> {
    return patiently(ask, { clock: this.#parts.clock, signal: this.#closed });
  }
}

interface Execution {
  readonly step: StepJob;
  readonly tree: string;
  readonly folder: string;
  readonly executor: Executor;
  readonly running: RunningStep;
}

const SEAL_PROBLEMS = {
  unsigned: 'it is not signed',
  forged:
    'its signature is wrong: it was changed on its way, or queue.secret is another one here than where it comes from',
} as const;
const EXPIRED = 'it waited for longer than queue.job_expires, or the clocks of the machines differ';

function later(): Handled {
  return { state: 'later', delayMs: ASK_AGAIN_MS };
}
