import { type Failure, ok, type Result } from '../failure.ts';
import type { Clock } from '../ports.ts';
import type { RunState } from '../run-state.ts';
import type { CaseSettings } from '../settings/cases.ts';
import type { CaseClaim, CaseClaims, CaseFolder, SeenCase } from './case.ts';
import { type CaseEvent, type CaseFigures, CaseTally } from './case-event.ts';
import { type ClaimedRun, type CaseStep, decideCase, hasEnded, stampAtEnd } from './decide-case.ts';
import { Ripeness } from './ripeness.ts';

/** Runs of the pipeline, as a watcher needs them. */
export interface CaseRuns {
  readonly newId: () => string;
  /** `locked` while nothing may be begun. */
  readonly ready: () => Promise<Result<void>>;
  /** Why no run can be begun for it: a parameter that refuses the name. Undefined: it can. */
  readonly refuses: (seen: SeenCase) => Promise<string | undefined>;
  readonly start: (runId: string, seen: SeenCase) => Promise<Result<RunState>>;
  readonly continue: (runId: string) => Promise<Result<RunState>>;
  readonly look: (runId: string) => Promise<Result<ClaimedRun>>;
}

export interface WatchOptions {
  readonly folder: CaseFolder;
  readonly claims: CaseClaims;
  readonly runs: CaseRuns;
  readonly clock: Clock;
  readonly settings: Pick<CaseSettings, 'order' | 'max_parallel' | 'poll' | 'stable' | 'marker' | 'manifest'>;
  /** `host:state folder`. */
  readonly holder: string;
  readonly emit: (event: CaseEvent) => void;
  /** Ends when all that is there has been brought to an end. */
  readonly once: boolean;
  /** Aborted: nothing new is taken, what runs goes on to its end. */
  readonly drain: AbortSignal;
}

/** A folder that changes all the time is not looked at more often, milliseconds. */
const LEAST_GAP_MS = 250;
const LONGEST_BACKOFF_MS = 60_000;

/** Brings every case of a folder to the end of one run. Resolves when it was asked to stop, or with `once` when all is done. */
export async function watchCases(
  options: WatchOptions,
): Promise<CaseFigures & { readonly blocked?: Failure }> {
  return new CaseWatcher(options).run();
}

class CaseWatcher {
  readonly #options: WatchOptions;
  readonly #ripeness: Ripeness;
  /** Cases whose runs this process drives. */
  readonly #active = new Map<string, Promise<void>>();
  readonly #tally = new CaseTally();
  /** What has been said of a name, so that it is not said again. */
  readonly #said = new Map<string, string>();
  #blocked: Failure | undefined;
  /** Of what was last said to block us. */
  #told: { readonly reason: Failure['reason']; readonly byLook: boolean } | undefined;
  #failures = 0;
  #wake: () => void = () => undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
    const { marker, manifest, stable } = options.settings;
    const stableMs = marker === undefined && manifest === undefined ? stable : 0;
    this.#ripeness = new Ripeness({ clock: options.clock, stableMs });
  }

  async run(): Promise<CaseFigures & { readonly blocked?: Failure }> {
    const { drain, folder } = this.#options;
    const stopWatching = folder.onChange(() => this.#wake());
    const onDrain = (): void => this.#wake();
    drain.addEventListener('abort', onDrain, { once: true });
    try {
      while (!drain.aborted) {
        if (this.#options.once && this.#blocked && this.#active.size === 0) break;
        const started = await this.#look();
        if (this.#options.once && started === 0 && this.#active.size === 0 && !this.#awaitsAny) break;
        await this.#pause();
      }
    } finally {
      stopWatching();
      drain.removeEventListener('abort', onDrain);
      await Promise.all(this.#active.values());
    }
    return { ...this.#tally.figures(), ...(this.#blocked && { blocked: this.#blocked }) };
  }

  /** With `once`: something may be whole soon. What changes while we look at it is left to the next one. */
  get #awaitsAny(): boolean {
    return !this.#blocked && this.#ripeness.hasUnchanged;
  }

  /** Returns how many runs it has begun or taken up. */
  async #look(): Promise<number> {
    const { folder, claims, runs } = this.#options;
    const [scanned, claimed, ready] = [await folder.scan(), await claims.list(), await runs.ready()];
    if (!scanned.ok) return this.#block(scanned.failure, true);
    if (!claimed.ok) return this.#block(claimed.failure, true);
    if (!ready.ok) return this.#block(ready.failure, true);
    this.#blocked = undefined;
    if (this.#told?.byLook === true) this.#unblock();
    for (const { name, reason } of scanned.value.refused) {
      this.#say(name, { type: 'case.refused', case: name, reason });
    }
    const seen = new Map(scanned.value.cases.map((each) => [each.name, each]));
    this.#forgetAllBut(seen, scanned.value.refused);
    const considered = await this.#decide(seen, claimed.value);
    const resumed = await this.#takeUp(considered);
    return resumed + (await this.#takeNew(considered));
  }

  async #decide(
    seen: ReadonlyMap<string, SeenCase>,
    claims: ReadonlyMap<string, CaseClaim>,
  ): Promise<readonly Considered[]> {
    const { runs, holder } = this.#options;
    const considered: Considered[] = [];
    for (const name of new Set([...claims.keys(), ...seen.keys()])) {
      if (this.#active.has(name)) continue;
      const [here, claim] = [seen.get(name), claims.get(name)];
      const asked =
        claim?.holder === holder ? await runs.look(claim.run_id) : ok({ state: 'unborn' as const });
      // What cannot be read is not run again for that.
      if (!asked.ok) {
        this.#say(name, { type: 'case.waiting', case: name, reason: `run ${claim?.run_id} cannot be read` });
        continue;
      }
      const step = decideCase(here, claim, asked.value, holder);
      considered.push({ name, step, ...(here && { seen: here }), ...(claim && { claim }) });
    }
    return considered;
  }

  /** What was begun before comes before what is new: the oldest claim first. */
  async #takeUp(considered: readonly Considered[]): Promise<number> {
    let started = 0;
    const claimed = considered.flatMap(({ claim, ...rest }) => (claim ? [{ ...rest, claim }] : []));
    for (const { name, step, seen, claim } of claimed.toSorted(byTaking)) {
      if (step.step === 'forget') await this.#forget(claim);
      if (step.step === 'settle') await this.#settle(claim, step.run, step.stamp);
      if (step.step === 'leave' && step.reason !== undefined && seen) {
        this.#say(name, { type: 'case.waiting', case: name, reason: step.reason });
      }
      if (step.step !== 'start' && step.step !== 'continue') continue;
      if (!this.#hasRoom()) continue;
      if (step.step === 'continue') this.#drive(claim, (runs) => runs.continue(claim.run_id), 'continued');
      else if (seen) await this.#startAgain(claim, seen);
      // Claimed, never begun, and taken away by somebody: there is nothing to run.
      else await this.#options.claims.remove(claim);
      started += 1;
    }
    return started;
  }

  async #forget(claim: CaseClaim): Promise<void> {
    const { claims, folder } = this.#options;
    // First, so that a crash in between leaves a claim that says what there is to remove.
    await folder.removeMarker(claim.case, claim.stamp);
    await claims.remove(claim);
  }

  async #startAgain(claim: CaseClaim, seen: SeenCase): Promise<void> {
    const { claims, runs } = this.#options;
    // The folder of the run that never began may be there: its id is not used again.
    const renewed = { ...claim, run_id: runs.newId(), identity: seen.identity, stamp: seen.stamp };
    const written = await claims.replace(renewed);
    if (written.ok) this.#begin(renewed, seen, false);
    else this.#block(written.failure);
  }

  async #takeNew(considered: readonly Considered[]): Promise<number> {
    const whole: Ripe[] = [];
    for (const { name, step, seen, claim } of considered) {
      if (step.step !== 'take' || !seen) continue;
      const priority = await this.#wholeness(name, seen);
      if (priority !== undefined) whole.push({ seen, priority, again: step.again, claim });
    }
    let started = 0;
    for (const ripe of whole.toSorted(this.#byTurn)) {
      if (!this.#hasRoom()) break;
      if (await this.#take(ripe)) started += 1;
    }
    return started;
  }

  /** Its priority, or undefined with the reason said. */
  async #wholeness(name: string, seen: SeenCase): Promise<number | undefined> {
    this.#say(`found ${name}`, { type: 'case.found', case: name, path: seen.path });
    const refusal = await this.#options.runs.refuses(seen);
    if (refusal !== undefined) {
      this.#say(name, { type: 'case.refused', case: name, reason: refusal });
      return undefined;
    }
    const inspection = await this.#options.folder.inspect(seen);
    if (!inspection) return undefined;
    const changing = this.#ripeness.reasonToWait(name, seen.stamp + inspection.tree);
    const reason = inspection.missing ?? changing;
    if (reason === undefined) return inspection.priority;
    this.#say(name, { type: 'case.waiting', case: name, reason });
    return undefined;
  }

  async #take({ seen, again, claim }: Ripe): Promise<boolean> {
    const { claims, clock, holder, runs } = this.#options;
    const { name, identity, stamp } = seen;
    const next: CaseClaim = {
      case: name,
      run_id: runs.newId(),
      holder,
      found_at: this.#ripeness.foundAt(name),
      taken_at: clock.now(),
      identity,
      stamp,
    };
    const taken = claim ? await claims.replace(next) : await claims.take(next);
    if (!taken.ok) this.#block(taken.failure);
    if (!taken.ok || taken.value === false) return false;
    this.#begin(next, seen, again);
    return true;
  }

  #begin(claim: CaseClaim, seen: SeenCase, again: boolean): void {
    this.#options.emit({ type: 'case.taken', case: claim.case, run_id: claim.run_id, again });
    this.#drive(claim, (runs) => runs.start(claim.run_id, seen), 'taken');
  }

  #drive(
    claim: CaseClaim,
    work: (runs: CaseRuns) => Promise<Result<RunState>>,
    how: 'taken' | 'continued',
  ): void {
    const { emit, runs } = this.#options;
    if (how === 'continued') emit({ type: 'case.continued', case: claim.case, run_id: claim.run_id });
    this.#ripeness.forget(claim.case);
    const driving = async (): Promise<void> => {
      const result = await work(runs);
      if (result.ok) await this.#settle(claim, result.value);
      // Somebody else took it up: theirs is the end of it.
      else if (result.failure.reason !== 'run-owned') this.#block(result.failure);
    };
    const done = driving().finally(() => {
      this.#active.delete(claim.case);
      this.#wake();
    });
    this.#active.set(claim.case, done);
  }

  /** Writes down that its run has ended, with what stands in the folder now: a change of that is a new case. */
  async #settle(claim: CaseClaim, run: RunState, known?: string | null): Promise<void> {
    this.#unblock();
    const { claims, clock, folder, emit } = this.#options;
    if (hasEnded(run)) {
      const stamp = known === undefined ? stampAtEnd(await this.#seen(folder, claim.case), claim) : known;
      const ended = { at: run.finished_at ?? clock.now(), status: run.status, stamp };
      const written = await claims.replace({ ...claim, ended });
      if (!written.ok) this.#block(written.failure);
    }
    const event: CaseEvent = {
      type: 'case.finished',
      case: claim.case,
      run_id: run.run_id,
      status: run.status,
      duration_ms: run.duration_ms ?? run.spent_ms,
      processing_ms: Math.max(0, Date.parse(run.finished_at ?? clock.now()) - Date.parse(claim.found_at)),
      ...(run.failure && { failure: run.failure }),
    };
    this.#tally.add(event);
    emit(event);
  }

  async #seen(folder: CaseFolder, name: string): Promise<SeenCase | undefined> {
    const scanned = await folder.scan();
    return scanned.ok ? scanned.value.cases.find((each) => each.name === name) : undefined;
  }

  readonly #byTurn = (a: Ripe, b: Ripe): number => {
    const byAge = this.#options.settings.order === 'age' ? a.seen.modified_at_ms - b.seen.modified_at_ms : 0;
    return b.priority - a.priority || byAge || (a.seen.name < b.seen.name ? -1 : 1);
  };

  #hasRoom(): boolean {
    const { drain, settings } = this.#options;
    return !this.#blocked && !drain.aborted && this.#active.size < settings.max_parallel;
  }

  /** `byLook`: the next look tells whether it is over; otherwise a run that comes through does. */
  #block(failure: Failure, byLook = false): 0 {
    this.#failures += 1;
    this.#blocked = failure;
    if (this.#told?.reason !== failure.reason) this.#options.emit({ type: 'watch.blocked', failure });
    this.#told = { reason: failure.reason, byLook };
    return 0;
  }

  #unblock(): void {
    this.#failures = 0;
    if (this.#told) this.#options.emit({ type: 'watch.unblocked' });
    this.#told = undefined;
  }

  #say(key: string, event: CaseEvent): void {
    const text = JSON.stringify(event);
    if (this.#said.get(key) === text) return;
    this.#said.set(key, text);
    this.#options.emit(event);
  }

  #forgetAllBut(seen: ReadonlyMap<string, SeenCase>, refused: readonly { readonly name: string }[]): void {
    const there = new Set([...seen.keys(), ...refused.map(({ name }) => name)]);
    for (const key of this.#said.keys()) {
      if (!there.has(key.startsWith('found ') ? key.slice('found '.length) : key)) this.#said.delete(key);
    }
    this.#ripeness.keepOnly(seen);
  }

  /** Until the next look is due, something changes, a run ends, or we are asked to stop. */
  async #pause(): Promise<void> {
    const { clock, settings, drain } = this.#options;
    const backoffMs = this.#blocked ? Math.min(LONGEST_BACKOFF_MS, settings.poll * 2 ** this.#failures) : 0;
    const gap = new AbortController();
    const { promise: woken, resolve } = Promise.withResolvers<void>();
    this.#wake = () => {
      if (!this.#blocked || drain.aborted) resolve();
    };
    if (drain.aborted) return;
    const dueMs = Math.max(backoffMs, Math.min(settings.poll, this.#ripeness.soonestMs ?? settings.poll));
    await Promise.race([woken, clock.sleep(dueMs, gap.signal)]);
    gap.abort();
    await clock.sleep(Math.min(LEAST_GAP_MS, settings.poll), drain);
  }
}

interface Considered {
  readonly name: string;
  readonly step: CaseStep;
  readonly seen?: SeenCase;
  readonly claim?: CaseClaim;
}

interface Ripe {
  readonly seen: SeenCase;
  readonly priority: number;
  readonly again: boolean;
  readonly claim: CaseClaim | undefined;
}

function byTaking(a: { readonly claim: CaseClaim }, b: { readonly claim: CaseClaim }): number {
  return Date.parse(a.claim.taken_at) - Date.parse(b.claim.taken_at);
}
