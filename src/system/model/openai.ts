import { isObject } from '../../core/json.ts';
import { modelAddress } from '../../core/settings/testgen.ts';
import type { Ask } from './ask.ts';
import { post } from './http.ts';

/**
 * The Chat Completions API. Source: platform.openai.com, API reference, POST /chat/completions. Its newer models want
 * `max_completion_tokens`, which servers that imitate it (Ollama, vLLM, llama.cpp) may not know: they get `max_tokens`.
 */
export const askOpenAi: Ask = (question, place) => {
  const { model } = place;
  const limit = model.url === undefined ? 'max_completion_tokens' : 'max_tokens';
  return post(question, place, {
    url: `${modelAddress(model)}/chat/completions`,
    headers: { ...(question.apiKey !== undefined && { authorization: `Bearer ${question.apiKey}` }) },
    body: {
      model: model.model,
      [limit]: question.maxTokens,
      messages: [
        { role: 'system', content: question.system },
        { role: 'user', content: question.prompt },
      ],
    },
    read: ({ choices, usage }) => {
      const list: readonly unknown[] = Array.isArray(choices) ? choices : [];
      const [choice] = list;
      const { message, finish_reason: finish } = isObject(choice) ? choice : {};
      const text = isObject(message) ? message['content'] : undefined;
      return {
        text: typeof text === 'string' ? text : undefined,
        ...(finish === 'length' && { problem: 'was cut off at max_tokens' }),
        ...(finish === 'content_filter' && { problem: 'was held back by its content filter' }),
        input: isObject(usage) ? usage['prompt_tokens'] : undefined,
        output: isObject(usage) ? usage['completion_tokens'] : undefined,
      };
    },
  });
};
