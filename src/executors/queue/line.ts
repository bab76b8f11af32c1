import { ok, type Result } from '../../core/failure.ts';
import type { OpenQueue, QueueLink } from '../../core/queue/link.ts';
import {
  claimSchema,
  type Claim,
  type Order,
  pack,
  packText,
  producerName,
  type Report,
  reportSchema,
  runChannel,
  type Settled,
  settledSchema,
  type StepJob,
  unpack,
  unpackText,
  workerChannel,
  workerName,
} from '../../core/queue/messages.ts';
import { STEP_QUEUE, type StepRecord } from '../../core/queue/broker.ts';
import { Absence, every, patiently } from '../../core/queue/patience.ts';
import type { Pending } from './pending.ts';

/** What is known of a step, unsealed. */
export interface KnownRecord {
  readonly claim?: Claim;
  readonly settled?: Settled;
}

const LOOK_MS = 1000;
/** What came for steps that are not taken up yet is kept up to this many bytes. */
const EARLY_BYTES = 16 * 1024 * 1024;
/** A run without workers says so after this. */
const LONELY_MS = 5000;

/** What a run has to do with the queue: everything goes through here, and comes back here. */
export class QueueLine {
  readonly #runId: string;
  readonly #link: QueueLink;
  readonly #queue: OpenQueue;
  readonly #pending = new Map<string, Pending>();
  readonly #over = new AbortController();
  readonly #absence: Absence;
  readonly #loops: Promise<void>[];
  readonly #workers = new Set<string>();
  /** Reports of steps that an earlier process sent: it may take a while until they are taken up. */
  #early: { readonly report: Exclude<Report, { readonly type: 'swept' }>; readonly body: Uint8Array }[] = [];
  #earlyBytes = 0;
  readonly #sweeps = new Map<string, (commands: readonly string[]) => void>();
  readonly #progress = { sent: 0, ended: 0, failed: 0 };
  #saidLonely = false;
  #saidAway = false;

  constructor(runId: string, link: QueueLink, queue: OpenQueue) {
    this.#runId = runId;
    this.#link = link;
    this.#queue = queue;
    this.#absence = new Absence(link.clock);
    const { clock, timing } = link;
    const { signal } = this.#over;
    this.#loops = [
      queue.broker.subscribe(runChannel(runId), (message) => this.#take(message), signal),
      every(timing.lockMs / 3, { clock, signal }, () => this.#beat()),
      every(LOOK_MS, { clock, signal }, () => this.#look()),
    ];
  }

  get isDurable(): boolean {
    return this.#queue.broker.isDurable;
  }

  /** Before anything is sent, so that no worker takes us for gone. */
  async begin(): Promise<void> {
    await this.#beat();
  }

  async close(): Promise<void> {
    await this.#showProgress();
    this.#over.abort();
    await Promise.all(this.#loops);
    await this.#queue.close();
  }

  /** From now on `pending` hears of the step. */
  watch(key: string, pending: Pending): void {
    this.#pending.set(key, pending);
    this.#progress.sent += 1;
    const early = this.#early.filter(({ report }) => report.key === key);
    this.#early = this.#early.filter(({ report }) => report.key !== key);
    for (const { report, body } of early) this.#hand(pending, report, body);
  }

  forget(key: string, hasFailed: boolean): void {
    if (!this.#pending.delete(key)) return;
    this.#progress.ended += 1;
    if (hasFailed) this.#progress.failed += 1;
  }

  send(job: StepJob, signal: AbortSignal): Promise<Result<void>> {
    const data = packText(this.#queue.sealer, 'job', job);
    return this.#patiently(() => this.#queue.broker.add(STEP_QUEUE, { id: job.id, data }), signal);
  }

  async record(key: string, signal: AbortSignal): Promise<Result<KnownRecord>> {
    const record = await this.#patiently(() => this.#queue.broker.record(key), signal);
    return record.ok ? ok(this.#known(key, record.value)) : record;
  }

  /** Makes sure that no worker begins it any more, unless one has: then the record says so. */
  async callOff(key: string, signal: AbortSignal): Promise<Result<KnownRecord>> {
    const { broker, sealer } = this.#queue;
    const claim = packText(sealer, `claim/${key}`, { by: 'producer' } satisfies Claim);
    const record = await this.#patiently(() => broker.claim(key, claim), signal);
    if (!record.ok) return record;
    if (record.value.claim === claim) await broker.remove(STEP_QUEUE, key);
    return ok(this.#known(key, record.value));
  }

  /** Nobody can say any more what it did. */
  async settleLost(key: string, detail: string): Promise<void> {
    const { broker, sealer } = this.#queue;
    const settled = { state: 'lost', detail } satisfies Settled;
    const record = await broker.settle(key, packText(sealer, `settled/${key}`, settled));
    if (record.ok) this.#pending.get(key)?.end(this.#known(key, record.value).settled ?? settled);
  }

  async order(worker: string, order: Order): Promise<void> {
    const channel = workerChannel(worker);
    await this.#queue.broker.publish(channel, pack(this.#queue.sealer, channel, order));
  }

  /** False also while nobody can say. */
  async isGone(worker: string): Promise<boolean> {
    const present = await this.#queue.broker.isPresent(workerName(worker));
    if (!present.ok) {
      this.#absence.forget();
      return false;
    }
    return this.#absence.note(worker, present.value) > this.#link.timing.lockMs;
  }

  /** Ends what is left of the run on the workers that had steps of it, or on all where that is not known. */
  async sweep(limitMs: number): Promise<readonly string[]> {
    const workers = this.#workers.size > 0 ? [...this.#workers] : await this.#presentWorkers();
    const swept = workers.map(async (worker) => {
      const { promise, resolve } = Promise.withResolvers<readonly string[]>();
      this.#sweeps.set(worker, resolve);
      const timer = setTimeout(() => resolve([]), limitMs);
      await this.order(worker, { type: 'sweep', run_id: this.#runId });
      const looking = setInterval(() => void this.#resolveIfGone(worker, resolve), LOOK_MS);
      const commands = await promise;
      clearTimeout(timer);
      clearInterval(looking);
      this.#sweeps.delete(worker);
      return commands;
    });
    return (await Promise.all(swept)).flat();
  }

  async #resolveIfGone(worker: string, resolve: (commands: readonly string[]) => void): Promise<void> {
    const present = await this.#queue.broker.isPresent(workerName(worker));
    if (present.ok && !present.value) resolve([]);
  }

  async #presentWorkers(): Promise<readonly string[]> {
    const present = await this.#queue.broker.present(workerName(''));
    return present.ok ? Object.keys(present.value).map((name) => name.slice(workerName('').length)) : [];
  }

  #take(message: Uint8Array): void {
    const report = unpack(this.#queue.sealer, runChannel(this.#runId), message, reportSchema);
    // Nobody of ours made it.
    if (!report.ok) return;
    const { head, body } = report.value;
    if (head.type === 'swept') {
      this.#sweeps.get(head.worker)?.(head.commands);
      return;
    }
    if (head.type === 'begun') this.#workers.add(head.worker);
    const pending = this.#pending.get(head.key);
    if (pending) this.#hand(pending, head, body);
    else if (this.#earlyBytes < EARLY_BYTES) {
      this.#earlyBytes += body.length;
      this.#early.push({ report: head, body });
    }
  }

  #hand(pending: Pending, report: Exclude<Report, { readonly type: 'swept' }>, body: Uint8Array): void {
    switch (report.type) {
      case 'begun':
        pending.worker = report.worker;
        return;
      case 'output':
        pending.take(report.offset, body);
        return;
      case 'settled':
        pending.end(report.settled);
        return;
      case 'refused':
        pending.end({ state: 'refused', detail: report.detail });
        return;
      default:
        report satisfies never;
    }
  }

  #known(key: string, { claim, settled }: StepRecord): KnownRecord {
    const { sealer } = this.#queue;
    const claimed = claim === undefined ? undefined : unpackText(sealer, `claim/${key}`, claim, claimSchema);
    const ended =
      settled === undefined ? undefined : unpackText(sealer, `settled/${key}`, settled, settledSchema);
    return { ...(claimed?.ok && { claim: claimed.value }), ...(ended?.ok && { settled: ended.value }) };
  }

  async #beat(): Promise<void> {
    const { broker } = this.#queue;
    const beat = await broker.beat(producerName(this.#runId), '{}', this.#link.timing.lockMs);
    if (!beat.ok && !this.#saidAway) this.#sayAway('does not answer');
    if (beat.ok && this.#saidAway) {
      this.#saidAway = false;
      this.#link.say(`pipewright: ${broker.place} is there again`);
    }
  }

  #sayAway(detail: string): void {
    if (this.#saidAway || this.#over.signal.aborted) return;
    this.#saidAway = true;
    this.#link.say(`pipewright: ${this.#queue.broker.place} ${detail}: waiting for it`);
  }

  /** What nobody tells us: jobs that vanished, or that the queue itself has given up. */
  async #look(): Promise<void> {
    const { broker } = this.#queue;
    await this.#showProgress();
    for (const [key, pending] of this.#pending) {
      if (pending.ending ?? !pending.isSent) continue;
      const facts = await broker.facts(STEP_QUEUE, key);
      if (!facts.ok) return;
      const { state, reason = 'it is not in the queue any more: drained, or lost with Redis' } = facts.value;
      pending.misses = state === 'absent' ? pending.misses + 1 : 0;
      if (state === 'failed' || state === 'completed' || pending.misses > 1)
        await this.#lookAt(key, pending, reason);
    }
    await this.#sayLonely();
  }

  /** The queue has done with it. */
  async #lookAt(key: string, pending: Pending, reason: string): Promise<void> {
    const record = await this.#queue.broker.record(key);
    if (!record.ok) return;
    const { claim, settled } = this.#known(key, record.value);
    if (settled) pending.end(settled);
    else if (claim?.by !== 'worker') pending.end({ state: 'refused', detail: reason });
    else if (await this.isGone(claim.worker)) await this.settleLost(key, `its workers died: ${reason}`);
  }

  async #sayLonely(): Promise<void> {
    const isWaiting = [...this.#pending.values()].some(({ worker, ending }) => !worker && !ending);
    if (this.#saidLonely || !isWaiting) return;
    const workers = await this.#presentWorkers();
    if (this.#absence.note('any worker', workers.length > 0) < LONELY_MS) return;
    this.#saidLonely = true;
    this.#link.say(
      `pipewright: no worker takes jobs from ${this.#queue.broker.place}; start one: pipewright worker`,
    );
  }

  async #showProgress(): Promise<void> {
    const { sent, ended, failed } = this.#progress;
    const running = [...this.#pending.values()].filter(({ worker, ending }) => worker && !ending).length;
    const document = {
      run_id: this.#runId,
      sent,
      running,
      ended,
      failed,
      updated_at: new Date().toISOString(),
    };
    await this.#queue.broker.showProgress(this.#runId, JSON.stringify(document));
  }

  #patiently<T>(ask: () => Promise<Result<T>>, signal: AbortSignal): Promise<Result<T>> {
    const onWait = (): void => this.#sayAway('does not answer');
    const { clock, timing } = this.#link;
    return patiently(ask, { clock, signal, limitMs: timing.patienceMs, onWait });
  }
}
