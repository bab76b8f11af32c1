import { z } from 'zod';
import { timeoutSchema } from '../quantities.ts';
import { secretReferenceSchema } from '../secret-reference.ts';

/** Test frameworks that tests are written for. */
export const FRAMEWORKS = ['vitest', 'jest', 'mocha', 'node', 'pytest', 'unittest', 'go', 'junit'] as const;
export type Framework = (typeof FRAMEWORKS)[number];

const modelSchema = z
  .strictObject({
    provider: z
      .enum(['none', 'command', 'anthropic', 'openai'])
      .default('none')
      .describe(
        'Who answers: a program of this machine, the Messages API of Anthropic, or the Chat Completions API that OpenAI, Ollama, vLLM and others speak. Default: none, and nothing leaves the machine.',
      ),
    command: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe(
        'Of provider command: program and arguments, started without a shell. The prompt is its input, the answer what it prints: [ollama, run, qwen3-coder]. Default: none.',
      ),
    url: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe(
        'Of the HTTP providers: the address before /v1/messages, or before /chat/completions. Default: https://api.anthropic.com, https://api.openai.com/v1.',
      ),
    model: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe('Of the HTTP providers: which model. Default: none.'),
    api_key: secretReferenceSchema
      .optional()
      .describe('Of the HTTP providers, as a reference. Default: none is sent.'),
    max_tokens: z
      .int()
      .min(1)
      .max(200_000)
      .default(8000)
      .describe('Longest answer, in tokens. Default: 8000.'),
    max_input_tokens: z
      .int()
      .min(100)
      .max(2_000_000)
      .default(60_000)
      .describe(
        'Longest prompt, in tokens of about four characters; a longer one is not sent. Default: 60000.',
      ),
    max_calls: z
      .int()
      .min(0)
      .max(10_000)
      .default(50)
      .describe('Questions in one run, tries again included. Default: 50.'),
    timeout: timeoutSchema.default(120_000).describe('Of one question. Default: 2m.'),
  })
  .describe('The language model that helps, if any. Default: none; rules alone write the tests.');

/** `testgen` of pipewright.yaml: how tests are generated from commits. */
export const testgenSchema = z
  .strictObject({
    model: modelSchema.prefault({}),
    frameworks: z
      .partialRecord(z.enum(['javascript', 'typescript', 'python', 'go', 'java']), z.enum(FRAMEWORKS))
      .default({})
      .describe('Test framework by language. Default: what the project uses.'),
    max_files: z
      .int()
      .min(1)
      .max(1000)
      .default(50)
      .describe('Changed files that get strategies; those with the highest risk come first. Default: 50.'),
    max_strategies: z.int().min(1).max(1000).default(100).describe('Strategies of one run. Default: 100.'),
    verify: z
      .strictObject({
        runs: z
          .int()
          .min(1)
          .max(20)
          .default(3)
          .describe('A test must pass so many times in a row. Default: 3.'),
        revert: z
          .boolean()
          .default(true)
          .describe('Also run it against the code before the change, where it should fail. Default: true.'),
        timeout: timeoutSchema.default(60_000).describe('Of one run of one test file. Default: 60s.'),
      })
      .prefault({})
      .describe('How a generated test is judged, in a copy of the project. Default: the values below.'),
    scenarios: z
      .strictObject({
        formats: z
          .array(z.enum(['md', 'xlsx', 'json']))
          .min(1)
          .default(['md', 'xlsx', 'json'])
          .describe('Files that are written. Default: md, xlsx, json.'),
      })
      .prefault({})
      .describe('Test scenarios for people. Default: the values below.'),
  })
  .describe('How tests are generated from commits. Default: by rules, without a model.');

export type TestgenSettings = z.output<typeof testgenSchema>;
export type ModelSettings = TestgenSettings['model'];

const ADDRESSES = { anthropic: 'https://api.anthropic.com', openai: 'https://api.openai.com/v1' } as const;

/** Where an HTTP provider is reached, without a slash at the end. */
export function modelAddress({ provider, url }: ModelSettings): string {
  const address = url ?? ADDRESSES[provider === 'openai' ? 'openai' : 'anthropic'];
  return address.replace(/\/+$/, '');
}

/** Who gets the prompts, for people. */
export function modelRecipient(model: ModelSettings): string {
  if (model.provider === 'none') return 'nobody';
  if (model.provider === 'command') return `the program ${model.command?.[0] ?? ''}`;
  return `${model.model ?? 'a model'} at ${URL.parse(modelAddress(model))?.host ?? ''}`;
}
