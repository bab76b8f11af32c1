import { isObject } from '../../core/json.ts';
import { modelAddress } from '../../core/settings/testgen.ts';
import type { Ask } from './ask.ts';
import { post } from './http.ts';

/** The Messages API. Source: docs.anthropic.com, API reference, POST /v1/messages. */
export const askAnthropic: Ask = (question, place) =>
  post(question, place, {
    url: `${modelAddress(place.model)}/v1/messages`,
    headers: {
      'anthropic-version': '2023-06-01',
      ...(question.apiKey !== undefined && { 'x-api-key': question.apiKey }),
    },
    body: {
      model: place.model.model,
      max_tokens: question.maxTokens,
      system: question.system,
      messages: [{ role: 'user', content: question.prompt }],
    },
    read: ({ content, stop_reason: stop, usage }) => ({
      text: textOf(content),
      ...(stop === 'max_tokens' && { problem: 'was cut off at max_tokens' }),
      ...(stop === 'refusal' && { problem: 'is a refusal' }),
      input: isObject(usage) ? usage['input_tokens'] : undefined,
      output: isObject(usage) ? usage['output_tokens'] : undefined,
    }),
  });

function textOf(content: unknown): string | undefined {
  if (!Array.isArray(content)) return undefined;
  const parts: readonly unknown[] = content;
  return parts
    .map((part) =>
      isObject(part) && part['type'] === 'text' && typeof part['text'] === 'string' ? part['text'] : '',
    )
    .join('');
}
