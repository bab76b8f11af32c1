import { appendFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { errorCode } from '../core/error-code.ts';
import { failed, type Failure, ok, reported, type Result } from '../core/failure.ts';
import type { Model, ModelAnswer, ModelRequest } from '../core/model.ts';
import type { Clock, Secrets } from '../core/ports.ts';
import { leaveOutKeys } from '../core/secret-reference.ts';
import { modelRecipient, type ModelSettings } from '../core/settings/testgen.ts';
import type { StageSettings } from '../core/settings/index.ts';
import type { Http } from '../core/stage-ports.ts';
import { askAnthropic } from './model/anthropic.ts';
import type { Ask, Question } from './model/ask.ts';
import { askCommand } from './model/command.ts';
import { askOpenAi } from './model/openai.ts';

interface ModelDeps {
  /** `state/runs/<id>`: the calls are noted in `logs/model.ndjson` there. */
  readonly folder: string;
  readonly project: string;
  readonly settings: StageSettings;
  /** Variables of our environment that hold secrets: a program does not get them, a prompt neither. */
  readonly hiddenVariables: readonly string[];
  readonly http: Http;
  readonly secrets: Secrets;
  readonly clock: Clock;
}

const PROVIDERS = { command: askCommand, anthropic: askAnthropic, openai: askOpenAi } as const;

/** Tries of one question, the first included. */
const MAX_TRIES = 4;
/** Longest that is waited between two of them, milliseconds; a provider that asks for more gets no more tries. */
const LONGEST_WAIT_MS = 60_000;
/** Rough, and on the safe side for source code. */
const BYTES_PER_TOKEN = 4;
/** Shorter values of variables stand in too many texts by chance. */
const SHORTEST_SECRET = 8;

/** The model that the settings name, with the budget of one run; tries of an earlier process of that run count. */
export function openModel(deps: ModelDeps): Model {
  const { model } = deps.settings.testgen;
  const recipient = modelRecipient(model);
  const { provider } = model;
  if (provider === 'none') {
    const failure = reported('no language model is configured: testgen.model.provider is none');
    return { isConfigured: false, recipient, complete: () => Promise.resolve(failure) };
  }
  const calls = new CallLog(path.join(deps.folder, 'logs', 'model.ndjson'), deps.clock);
  return {
    isConfigured: true,
    recipient,
    complete: (request) => complete({ deps, model, calls, ask: PROVIDERS[provider] }, request),
  };
}

interface Opened {
  readonly deps: ModelDeps;
  readonly model: ModelSettings;
  readonly calls: CallLog;
  readonly ask: Ask;
}

async function complete(opened: Opened, request: ModelRequest): Promise<Result<ModelAnswer>> {
  const { deps, model } = opened;
  const key = model.api_key;
  const secret = key === undefined ? ok(undefined) : await deps.secrets.resolve('testgen.model.api_key', key);
  if (!secret.ok) return secret;
  const hidden = hiddenValues(deps);
  const question: Question = {
    system: request.system,
    prompt: without(hidden, leaveOutKeys(request.prompt)),
    maxTokens: Math.min(request.max_tokens ?? model.max_tokens, model.max_tokens),
    timeoutMs: Math.min(request.timeout_ms ?? model.timeout, model.timeout),
    signal: request.signal,
    ...(secret.value !== undefined && { apiKey: secret.value }),
  };
  const tokens = Math.ceil(Buffer.byteLength(question.system + question.prompt) / BYTES_PER_TOKEN);
  if (tokens > model.max_input_tokens) {
    return reported(
      `the prompt of about ${tokens} tokens is over the limit of ${model.max_input_tokens} (testgen.model.max_input_tokens)`,
    );
  }
  return askUntilAnswered(opened, question, [
    ...hidden,
    ...(secret.value === undefined ? [] : [secret.value]),
  ]);
}

async function askUntilAnswered(
  { deps, model, calls, ask }: Opened,
  question: Question,
  secrets: readonly string[],
): Promise<Result<ModelAnswer>> {
  const { clock } = deps;
  const environment = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !deps.hiddenVariables.includes(name)),
  );
  for (let tries = 1; ; tries += 1) {
    if (!(await calls.take(model, question))) {
      return reported(`the run may ask ${model.max_calls} times (testgen.model.max_calls), and has`);
    }
    const beganMs = clock.monotonicMs();
    const asked = await ask(question, { model, http: deps.http, project: deps.project, environment });
    await calls.note(asked, clock.monotonicMs() - beganMs);
    if (asked.ok) return ok({ ...asked.answer, text: without(secrets, asked.answer.text) });
    const waitMs = asked.retryAfterMs ?? 1000 * 2 ** (tries - 1);
    const isOver = !asked.again || tries === MAX_TRIES || waitMs > LONGEST_WAIT_MS;
    if (isOver) return failed(spoken(asked.failure, secrets));
    if (!(await clock.sleep(waitMs, question.signal))) return failed({ reason: 'cancelled', by: 'signal' });
  }
}

function spoken(failure: Failure, secrets: readonly string[]): Failure {
  if (failure.reason === 'reported') return { ...failure, message: without(secrets, failure.message) };
  return 'detail' in failure ? { ...failure, detail: without(secrets, failure.detail) } : failure;
}

function hiddenValues({ hiddenVariables }: ModelDeps): readonly string[] {
  return hiddenVariables.flatMap((name) => {
    const value = process.env[name] ?? '';
    return value.length >= SHORTEST_SECRET ? [value] : [];
  });
}

function without(secrets: readonly string[], text: string): string {
  return secrets.reduce((left, secret) => left.replaceAll(secret, '***'), text);
}

/** Every try of a run, without its text: the budget, and what somebody who audits it looks at. */
class CallLog {
  readonly #file: string;
  readonly #clock: Clock;
  #taken: Promise<number> | undefined;

  constructor(file: string, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
  }

  /** False when the run has asked as often as it may. */
  async take(model: ModelSettings, { system, prompt, maxTokens }: Question): Promise<boolean> {
    this.#taken ??= this.#count();
    const mine = this.#taken.then((taken) => taken + 1);
    this.#taken = mine.then((taken) => Math.min(taken, model.max_calls));
    if ((await mine) > model.max_calls) return false;
    await this.#write({
      type: 'asked',
      recipient: modelRecipient(model),
      prompt_bytes: Buffer.byteLength(system + prompt),
      max_tokens: maxTokens,
    });
    return true;
  }

  async note(asked: Awaited<ReturnType<Ask>>, durationMs: number): Promise<void> {
    await this.#write({
      type: asked.ok ? 'answered' : 'failed',
      duration_ms: Math.round(durationMs),
      ...(asked.ok
        ? { input_tokens: asked.answer.input_tokens, output_tokens: asked.answer.output_tokens }
        : { reason: asked.failure.reason }),
    });
  }

  async #count(): Promise<number> {
    try {
      return (await readFile(this.#file, 'utf8')).split('"type":"asked"').length - 1;
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return 0;
      throw error;
    }
  }

  async #write(line: Readonly<Record<string, string | number | undefined>>): Promise<void> {
    await appendFile(this.#file, `${JSON.stringify({ at: this.#clock.now(), ...line })}\n`, { mode: 0o600 });
  }
}
