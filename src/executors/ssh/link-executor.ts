import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Failure, failed, ok, type Result } from '../../core/failure.ts';
import type { Command, CommandOutcome, CommandOutput, Recovered } from '../../core/ports.ts';
import { lineProblem } from '../host/script-line.ts';
import { captureOf } from '../local/capture.ts';
import { stopFailure } from '../local/outcome.ts';
import { exitFailure, isStepToken, parseExitRecord, type StepFiles, stepFiles } from '../local/records.ts';
import { limitAddressSpace } from '../local/shim.ts';
import { endOf, type Followed, followStep, type StepLink } from './step-channel.ts';
import { StepOutput } from './step-output.ts';
import { attachLine, launchLine, type StepPlace } from './step-program.ts';

/** A run whose commands are executed at the other end of something that breaks. */
export interface LinkExecutorOptions {
  readonly runId: string;
  /** `state/runs/<id>`, absolute. */
  readonly folder: string;
  readonly link: StepLink;
  /** Ends what the run left there; says what it was. */
  readonly stop: (graceMs: number) => Promise<readonly string[]>;
  /** Between TERM and KILL. Default 5000. */
  readonly graceMs?: number | undefined;
  /** How long a step goes on there without us before it is ended. Default 60 s. */
  readonly leaseMs?: number | undefined;
}

const DEFAULT_GRACE_MS = 5000;
/** A step goes on without us for so long, milliseconds. */
export const DEFAULT_LEASE_MS = 60_000;
/** After the lease: what it takes there to end the step. */
const LEASE_MARGIN_MS = 15_000;

/** One try of a step. */
interface Step {
  readonly command: Command;
  readonly output: CommandOutput;
  readonly signal: AbortSignal;
  readonly files: StepFiles;
  readonly copy: StepOutput;
  readonly place: StepPlace;
}

/** The last word of a step's program, or why there is none. */
type Word =
  | { readonly type: 'said'; readonly word: string }
  /** Nothing began. */
  | { readonly type: 'unopened'; readonly failure: Failure }
  /** No way back to the host for longer than the step may live without us. */
  | { readonly type: 'gone'; readonly detail: string };

export class LinkExecutor {
  readonly #options: LinkExecutorOptions;
  readonly #steps: string;
  readonly #graceMs: number;
  readonly #leaseMs: number;

  constructor(options: LinkExecutorOptions) {
    this.#options = options;
    this.#steps = path.join(options.folder, 'steps');
    this.#graceMs = options.graceMs ?? DEFAULT_GRACE_MS;
    this.#leaseMs = options.leaseMs ?? DEFAULT_LEASE_MS;
  }

  async run(command: Command, output: CommandOutput, signal: AbortSignal): Promise<CommandOutcome> {
    if (signal.aborted) return { failure: stopFailure(signal.reason) };
    const limit = limitOf(command, this.#options.link.name);
    if (!limit.ok) return { failure: limit.failure };
    const step = this.#prepare(command, output, signal);
    if (!step.ok) return { failure: step.failure };
    const { place, copy } = step.value;
    try {
      const { script, env, workdir } = command;
      const line = launchLine(place, { script, env, workdir, limit: limit.value });
      const first = await this.#follow(step.value, line);
      const last = first.type === 'lost' ? await this.#takeUp(step.value) : first;
      return this.#outcome(step.value, last);
    } finally {
      copy.close();
    }
  }

  async recover(command: Command, output: CommandOutput, signal: AbortSignal): Promise<Recovered> {
    const step = this.#prepare(command, output, signal);
    if (!step.ok)
      return { state: 'lost', detail: `the step cannot be read: ${JSON.stringify(step.failure)}` };
    try {
      const last = await this.#takeUp(step.value);
      if (last.type === 'unopened') return { state: 'lost', detail: detailOf(last.failure) };
      if (last.type === 'gone') return { state: 'lost', detail: last.detail };
      if (last.word === 'never-ran') return this.#neverRan(step.value);
      const record = recordOf(last.word);
      if (record?.type === 'orphan-killed' && !signal.aborted) return { state: 'lost', detail: ORPHAN };
      if (!record && !signal.aborted) return { state: 'lost', detail: NO_RECORD };
      return { state: 'finished', outcome: this.#outcome(step.value, last) };
    } finally {
      step.value.copy.close();
    }
  }

  async stopLeftovers(): Promise<readonly string[]> {
    // A run that never came to this host does not connect to it for that.
    if (!existsSync(this.#mark())) return [];
    const { stop } = this.#options;
    return stop(Math.min(this.#graceMs, 1000));
  }

  /** Exists once a step of the run was sent there. */
  #mark(): string {
    return path.join(this.#steps, `on-${this.#options.link.name}`);
  }

  #prepare(command: Command, output: CommandOutput, signal: AbortSignal): Result<Step> {
    const { runId } = this.#options;
    const { token, script, env, workdir, orphan } = command;
    const problem = lineProblem({ script, env, workdir, isWatched: false });
    if (!isStepToken(token) || !isStepToken(runId))
      return invalid(`not a step token: ${JSON.stringify(token)}`);
    if (problem !== undefined) return invalid(problem);
    const files = stepFiles(this.#steps, token);
    const copy = new StepOutput(output, files);
    const obstacle = copy.open();
    if (obstacle !== undefined) {
      copy.close();
      return failed({ reason: 'state-unwritable', path: output.logFile, detail: obstacle });
    }
    if (!existsSync(this.#mark())) {
      mkdirSync(this.#steps, { recursive: true, mode: 0o700 });
      writeFileSync(this.#mark(), '', { mode: 0o600 });
    }
    const place: StepPlace = {
      runId,
      token,
      nonce: randomBytes(12).toString('hex'),
      ...(this.#options.link.records !== undefined && { records: this.#options.link.records }),
      isCaptured: output.capture !== undefined,
      leaseSeconds: orphan.policy === 'keep' ? undefined : Math.ceil(this.#leaseMs / 1000),
    };
    return ok({ command, output, signal, files, copy, place });
  }

  #follow(step: Step, line: string): Promise<Followed> {
    const { place, copy: output, signal } = step;
    const { link } = this.#options;
    const { nonce, isCaptured } = place;
    return followStep({ link, line, nonce, isCaptured, output, signal, graceMs: this.#graceMs });
  }

  /** Again and again until the host answers, or the step cannot live any more; with an abort for as long as a stop takes. */
  async #takeUp(step: Step): Promise<Word> {
    let deadline = performance.now() + this.#leaseMs + LEASE_MARGIN_MS;
    let detail = '';
    const shorten = (): void => {
      deadline = Math.min(deadline, performance.now() + this.#graceMs + LEASE_MARGIN_MS);
    };
    step.signal.addEventListener('abort', shorten, { once: true });
    if (step.signal.aborted) shorten();
    try {
      for (let waitMs = 100; performance.now() < deadline; waitMs = Math.min(waitMs * 2, 5000)) {
        const followed = await this.#follow(step, attachLine(step.place, step.copy.offsets));
        if (followed.type === 'said') return followed;
        detail = followed.type === 'lost' ? followed.detail : detailOf(followed.failure);
        if (this.#isHopeless(followed)) break;
        await delay(Math.min(waitMs, Math.max(0, deadline - performance.now())));
      }
    } finally {
      step.signal.removeEventListener('abort', shorten);
    }
    return { type: 'gone', detail };
  }

  #isHopeless(followed: Followed): boolean {
    if (this.#options.link.isClosed) return true;
    return followed.type === 'unopened' && followed.failure.reason === 'authentication';
  }

  #outcome(step: Step, last: Word | Followed): CommandOutcome {
    const stopped = step.signal.aborted ? stopFailure(step.signal.reason) : undefined;
    if (last.type === 'unopened') return { failure: stopped ?? last.failure };
    if (last.type !== 'said') return { failure: stopped ?? this.#gone(step, last.detail) };
    const record = recordOf(last.word);
    const captured = captureOf(step);
    if (record?.type !== 'exited') {
      return { failure: stopped ?? this.#wordFailure(step, last.word), ...captured };
    }
    const failure = stopped ?? endFailure(step, record.exitCode);
    return { ...(failure && { failure }), exitCode: record.exitCode, usage: record.usage, ...captured };
  }

  #wordFailure({ command }: Step, word: string): Failure {
    const { name } = this.#options.link;
    if (recordOf(word)?.type === 'limit-unavailable') {
      return { reason: 'limit-unavailable', detail: `${name} does not let this user set it` };
    }
    if (recordOf(word)?.type === 'orphan-killed') return { reason: 'interrupted', detail: ORPHAN };
    switch (word) {
      case 'no-workdir':
        return { reason: 'invalid', message: `working folder does not exist: ${command.workdir}` };
      case 'claimed':
        return { reason: 'interrupted', detail: CLAIMED };
      case 'never-ran':
        return {
          reason: 'executor-unreachable',
          executor: name,
          detail: `the connection to ${name} broke before the step began there`,
        };
      case 'no-folder':
        return {
          reason: 'executor-unreachable',
          executor: name,
          detail: `${name}: ${this.#options.link.recordsName} cannot be written by this user`,
        };
      case 'no-setsid':
        return {
          reason: 'executor-unreachable',
          executor: name,
          detail: `${name} has neither setsid nor perl, which steps need to outlive the connection`,
        };
      default:
        return { reason: 'interrupted', detail: NO_RECORD };
    }
  }

  #gone({ command }: Step, detail: string): Failure {
    const { name } = this.#options.link;
    const fate =
      command.orphan.policy === 'keep'
        ? 'it may still run there'
        : 'it is ended there when nobody comes back to it';
    return {
      reason: 'interrupted',
      detail: `the connection to ${name} broke and did not come back (${detail}): ${fate}`,
    };
  }

  /** A restart of the host may have taken the claim with it. */
  #neverRan({ copy }: Step): Recovered {
    const { log, out } = copy.offsets;
    return log + out > 0
      ? { state: 'lost', detail: 'its claim is gone from the host, though it had begun' }
      : { state: 'never-ran' };
  }
}

const CLAIMED = 'this try was claimed before: another process ran it or called it off';
const NO_RECORD = 'it began, ended and left no exit record';
const ORPHAN = 'it was ended on the host because nobody came back to it';

function invalid(message: string): Result<never> {
  return failed({ reason: 'invalid', message });
}

function recordOf(word: string): ReturnType<typeof parseExitRecord> {
  return parseExitRecord(endOf(word)?.record ?? '');
}

function endFailure({ copy, output }: Step, exitCode: number): Failure | undefined {
  if (exitCode !== 0) return exitFailure(exitCode);
  const [code] = copy.lostOutput;
  return code === undefined ? undefined : { reason: 'state-unwritable', path: output.logFile, detail: code };
}

/** A login user has no control groups to make: memory is limited for each process, processor time cannot be. */
function limitOf({ limits }: Command, name: string): Result<string> {
  if (limits?.cpus !== undefined) {
    return failed({
      reason: 'limit-unavailable',
      detail: `processor time of a step cannot be limited on ${name}`,
    });
  }
  return ok(limits?.memory_bytes === undefined ? '' : limitAddressSpace(limits.memory_bytes));
}

function detailOf(failure: Failure): string {
  return 'detail' in failure ? failure.detail : failure.reason;
}
