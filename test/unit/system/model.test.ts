import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ModelRequest } from '../../../src/core/model.ts';
import { defaultSettings } from '../../../src/core/settings/index.ts';
import { testgenSchema } from '../../../src/core/settings/testgen.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { systemHttp } from '../../../src/system/http.ts';
import { openModel } from '../../../src/system/model.ts';
import { createSecrets } from '../../../src/system/secrets.ts';
import {
  anthropicAnswer,
  type ModelServer,
  openAiAnswer,
  type Reply,
  startModelServer,
} from '../../support/model-server.ts';

const ECHO = path.resolve('test/fixtures/models/echo.mjs');
const KEY = 'key-of-this-test';

let folder = '';
let servers: ModelServer[] = [];
let waits: number[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-model-'));
  mkdirSync(path.join(folder, 'logs'));
  servers = [];
  waits = [];
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(servers.map((server) => server.close()));
  rmSync(folder, { recursive: true, force: true });
});

function open(model: object) {
  return openModel({
    folder,
    project: folder,
    settings: { ...defaultSettings('shop'), testgen: testgenSchema.parse({ model }) },
    hiddenVariables: ['DEPLOY_TOKEN'],
    http: systemHttp,
    secrets: createSecrets({ env: { KEY }, project: folder }),
    clock: {
      ...systemClock,
      sleep: (delayMs) => {
        waits.push(delayMs);
        return Promise.resolve(true);
      },
    },
  });
}

function ask(model: object, request: Partial<ModelRequest> = {}) {
  const signal = new AbortController().signal;
  return open(model).complete({ system: 'You test.', prompt: 'What is 1 + 1?', signal, ...request });
}

async function serving(...replies: readonly Reply[]) {
  const server = await startModelServer(...replies);
  servers.push(server);
  return server;
}

function anthropic({ url }: ModelServer, change: object = {}) {
  return { provider: 'anthropic', model: 'm', api_key: 'env:KEY', url, ...change };
}

function calls(): readonly object[] {
  const text = readFileSync(path.join(folder, 'logs/model.ndjson'), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line): object => JSON.parse(line));
}

test('without a provider nobody is asked', async () => {
  const model = open({});
  expect(model).toMatchObject({ isConfigured: false, recipient: 'nobody' });
  expect(await ask({})).toMatchObject({ ok: false, failure: { reason: 'reported', retryable: false } });
});

test('the Messages API is asked as its reference says', async () => {
  const server = await serving(anthropicAnswer('two'));
  expect(await ask(anthropic(server), { max_tokens: 100 })).toEqual({
    ok: true,
    value: { text: 'two', model: 'claude-test-1', input_tokens: 12, output_tokens: 34 },
  });
  expect(server.asked).toMatchObject([
    {
      url: '/v1/messages',
      headers: { 'x-api-key': KEY, 'anthropic-version': '2023-06-01', 'content-type': 'application/json' },
      body: {
        model: 'm',
        max_tokens: 100,
        system: 'You test.',
        messages: [{ role: 'user', content: 'What is 1 + 1?' }],
      },
    },
  ]);
});

test('the Chat Completions API is asked as its reference says', async () => {
  const server = await serving(openAiAnswer('two'));
  const model = { provider: 'openai', model: 'm', api_key: 'env:KEY', url: `${server.url}/v1/` };
  expect(await ask(model)).toMatchObject({ ok: true, value: { text: 'two', output_tokens: 34 } });
  expect(server.asked).toMatchObject([
    {
      url: '/v1/chat/completions',
      headers: { authorization: `Bearer ${KEY}` },
      body: { model: 'm', max_tokens: 8000, messages: [{ role: 'system' }, { role: 'user' }] },
    },
  ]);
});

test('a provider that is busy is asked again when it says, and one that is broken a little later', async () => {
  const busy = { status: 429, headers: { 'retry-after': '7' }, body: { error: { message: 'slow down' } } };
  const server = await serving(busy, { status: 500, body: 'oops' }, anthropicAnswer('two'));
  expect(await ask(anthropic(server))).toMatchObject({ ok: true, value: { text: 'two' } });
  expect(waits).toEqual([7000, 2000]);
  expect(calls()).toMatchObject([
    { type: 'asked', recipient: expect.stringContaining('m at 127.0.0.1') },
    { type: 'failed', reason: 'reported' },
    { type: 'asked' },
    { type: 'failed' },
    { type: 'asked' },
    { type: 'answered', input_tokens: 12, output_tokens: 34 },
  ]);
});

test('a provider that stays busy is a failure that may heal, one that asks for minutes is not waited for', async () => {
  const server = await serving({ status: 429, body: { error: { message: 'slow down' } } });
  expect(await ask(anthropic(server))).toMatchObject({
    failure: { reason: 'reported', message: expect.stringContaining('HTTP 429: slow down'), retryable: true },
  });
  expect(server.asked).toHaveLength(4);
  const later = await serving({ status: 529, headers: { 'retry-after': '300' }, body: 'overloaded' });
  expect(await ask(anthropic(later))).toMatchObject({ failure: { retryable: true } });
  expect(later.asked).toHaveLength(1);
});

test.each([
  ['a key that is refused', { status: 401, body: { error: { message: `bad ${KEY}` } } }, 'authentication'],
  ['a question that is refused', { status: 400, body: { error: { message: 'too long' } } }, 'reported'],
  ['an answer that was cut off', anthropicAnswer('tw', 'max_tokens'), 'reported'],
  ['a refusal', anthropicAnswer('no', 'refusal'), 'reported'],
  ['an answer that is no JSON', { body: '<html>' }, 'reported'],
  ['an answer without text', { body: { content: [{ type: 'image' }] } }, 'reported'],
])('%s is not asked for again', async (_what, reply, reason) => {
  const server = await serving(reply);
  const answer = await ask(anthropic(server));
  expect(answer).toMatchObject({ ok: false, failure: { reason } });
  expect(server.asked).toHaveLength(1);
  expect(JSON.stringify(answer)).not.toContain(KEY);
});

test('an answer of the Chat Completions API that was cut off is none', async () => {
  const server = await serving(openAiAnswer('tw', 'length'));
  const answer = await ask({ provider: 'openai', model: 'm', url: server.url });
  expect(answer).toMatchObject({ failure: { message: expect.stringContaining('cut off') } });
});

test('a program gets the question as its input; secrets are neither in it nor around it', async () => {
  vi.stubEnv('DEPLOY_TOKEN', 'token-of-deploys');
  const command = [process.execPath, ECHO];
  const prompt = `AKIAABCDEFGHIJKLMNOP and token-of-deploys and -----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----!`;
  expect(await ask({ provider: 'command', command }, { prompt })).toEqual({
    ok: true,
    value: {
      text: 'You test.\n\n[an AWS access key, left out] and *** and [a private key, left out]!',
      model: `the program ${process.execPath}`,
    },
  });
  const around = await ask({ provider: 'command', command: [...command, 'environment'] });
  expect(around).toMatchObject({ ok: true, value: { text: expect.not.stringContaining('DEPLOY_TOKEN') } });
});

test.each([
  [['fail'], { reason: 'reported', message: expect.stringContaining('exited with code 3: no such model') }],
  [['flood'], { reason: 'reported', message: expect.stringContaining('more than 4 MiB') }],
  [['silent'], { reason: 'reported', message: expect.stringContaining('printed nothing') }],
])('a program that does not answer is a failure: %j', async (manner, failure) => {
  const command = [process.execPath, ECHO, ...manner];
  expect(await ask({ provider: 'command', command })).toMatchObject({ ok: false, failure });
});

test('a program that is not there, hangs or is no longer wanted is a failure', async () => {
  const hang = { provider: 'command', command: [process.execPath, ECHO, 'hang'] };
  expect(await ask({ provider: 'command', command: ['no-such-program-here'] })).toMatchObject({
    failure: { message: 'the program no-such-program-here is not on PATH' },
  });
  expect(await ask(hang, { timeout_ms: 300 })).toMatchObject({
    failure: { reason: 'timed-out', limit_ms: 300 },
  });
  const stop = new AbortController();
  const asked = ask(hang, { signal: stop.signal });
  stop.abort();
  expect(await asked).toMatchObject({ failure: { reason: 'cancelled' } });
});

test('the budget of a run holds for all that ask at once, and for the process that continues it', async () => {
  const server = await serving(anthropicAnswer('two'));
  const settings = anthropic(server, { max_calls: 3 });
  const model = open(settings);
  const request = { system: 's', prompt: 'p', signal: new AbortController().signal };
  const answers = await Promise.all([1, 2, 3, 4, 5].map(() => model.complete(request)));
  expect(answers.filter(({ ok }) => ok)).toHaveLength(3);
  expect(await ask(settings)).toMatchObject({
    failure: { message: 'the run may ask 3 times (testgen.model.max_calls), and has' },
  });
  expect(server.asked).toHaveLength(3);
});

test('a prompt over the limit is not sent, nor one without its key', async () => {
  const server = await serving(anthropicAnswer('two'));
  const long = await ask(anthropic(server, { max_input_tokens: 100 }), { prompt: 'x'.repeat(500) });
  expect(long).toMatchObject({ failure: { message: expect.stringContaining('over the limit of 100') } });
  expect(await ask(anthropic(server, { api_key: 'env:OTHER' }))).toMatchObject({
    failure: { reason: 'secret-unavailable' },
  });
  expect(server.asked).toEqual([]);
});
