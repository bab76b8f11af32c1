import { isObject } from '../../core/json.ts';
import { modelRecipient } from '../../core/settings/testgen.ts';
import { type Ask, type Asked, refused } from './ask.ts';

/** Of an answer that is read. */
const MAX_BYTES = 4 * 1024 * 1024;
/** Of what a provider says about an error. */
const MAX_DETAIL = 300;

/** An HTTP provider's way to say a question, and where its answer has what. */
interface Protocol {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
  readonly read: (answer: Readonly<Record<string, unknown>>) => {
    readonly text: string | undefined;
    /** It ended before it was complete, or was held back: in words. */
    readonly problem?: string;
    readonly input: unknown;
    readonly output: unknown;
  };
}

/** Posts the question as JSON and reads the answer. 429, 408 and 5xx are worth another try, everything else is not. */
export async function post(
  { timeoutMs, signal }: Parameters<Ask>[0],
  { model, http }: Parameters<Ask>[1],
  protocol: Protocol,
): Promise<Asked> {
  const answer = await http.request(protocol.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': 'pipewright', ...protocol.headers },
    body: JSON.stringify(protocol.body),
    timeoutMs,
    maxBytes: MAX_BYTES,
    signal,
  });
  const recipient = modelRecipient(model);
  if (!answer.ok) {
    const { failure } = answer;
    return { ok: false, failure, again: failure.reason === 'executor-unreachable' };
  }
  const { status, headers, body } = answer.value;
  if (status < 200 || status > 299) return problemOf(recipient, status, headers, body);
  const parsed = parse(body);
  if (!parsed) return refused(`${recipient} answered with something that is no JSON object`);
  const { text, problem, input, output } = protocol.read(parsed);
  if (problem !== undefined) return refused(`the answer of ${recipient} ${problem}`);
  if (text === undefined || text.trim() === '') return refused(`the answer of ${recipient} holds no text`);
  return {
    ok: true,
    answer: {
      text,
      model: typeof parsed['model'] === 'string' ? parsed['model'].slice(0, 200) : recipient,
      ...(typeof input === 'number' && { input_tokens: input }),
      ...(typeof output === 'number' && { output_tokens: output }),
    },
  };
}

function problemOf(
  recipient: string,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): Asked {
  const said = messageIn(body);
  const detail = `HTTP ${status}${said === '' ? '' : `: ${said}`}`;
  if (status === 401 || status === 403) {
    return { ok: false, failure: { reason: 'authentication', executor: recipient, detail }, again: false };
  }
  const again = status === 408 || status === 429 || status >= 500;
  const seconds = Number(headers['retry-after'] ?? Number.NaN);
  return {
    ok: false,
    failure: { reason: 'reported', message: `${recipient} answered with ${detail}`, retryable: again },
    again,
    ...(Number.isFinite(seconds) && seconds >= 0 && { retryAfterMs: seconds * 1000 }),
  };
}

/** `{"error":{"message":…}}`, which both protocols use; otherwise the beginning of the text. */
function messageIn(body: string): string {
  const error = parse(body)?.['error'];
  const said = isObject(error) ? error['message'] : error;
  return (typeof said === 'string' ? said : body).trim().replaceAll(/\s+/g, ' ').slice(0, MAX_DETAIL);
}

function parse(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
