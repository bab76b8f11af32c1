import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryProject, type TemporaryProject } from '../support/cli.ts';
import { parseMetrics, type Serving, signed, startServing } from '../support/serve.ts';

/* One server for the reading half and for hooks; the tests run in order. */

const KEY = 'a secret of twenty-four.';
const TOKEN = 'a token of twenty letters';
const HOSTILE = String.raw`pipe"line\ <img src=x onerror=alert(1)>`;

const PROJECT = `
serve:
  request_timeout: 1s
  max_body: 2KiB
  max_waiting: 2
  hooks:
    hub: {kind: github, secret: 'env:HOOK_KEY', pipeline: hello, branches: [main, 'release/*'], params: {who: head_commit.message}}
    lab: {kind: gitlab, secret: 'env:HOOK_KEY', pipeline: hello, params: {who: user_name}}
    any: {kind: generic, secret: 'env:HOOK_KEY', pipeline: hello, branch: branch, params: {who: name}, signature_header: X-Sign}
    slow: {kind: generic, secret: 'env:HOOK_KEY', pipeline: gated, branch: branch, newest_only: true}
    broken: {kind: generic, secret: 'env:HOOK_KEY', pipeline: hello, update: 'echo no such remote >&2; exit 3'}
`;

const FILES = {
  'pipewright.yaml': PROJECT,
  'pipelines/hello.yaml': `
params: {who: {type: string, default: world}}
stages:
  - {name: greet, steps: [{name: say, command: "printf '%s\\\\n' hello:{{.who}}; env | grep -c HOOK_KEY || true"}]}
`,
  'pipelines/gated.yaml': `
stages:
  - {name: gate, steps: [{name: wait, command: "until test -e go; do sleep 0.05; done; echo through"}]}
`,
  'pipelines/hostile.yaml': `
name: ${JSON.stringify(HOSTILE)}
stages:
  - {name: red, steps: [{name: fail, command: "printf 'a\\\\033]0;title\\\\007b\\\\n'; false"}]}
`,
};

let project: TemporaryProject;
let serving: Serving;

beforeAll(async () => {
  project = temporaryProject(FILES);
  serving = await startServing(project, { HOOK_KEY: KEY }, ['--log-format', 'json', '--log-level', 'info']);
});

afterAll(async () => {
  // Runs that a failed test left waiting would outlive their server, as they should.
  project.write('go', '');
  await serving.stop('SIGKILL');
  project[Symbol.dispose]();
});

interface Posted {
  readonly status: number;
  readonly body: {
    readonly status?: string;
    readonly run_id?: string;
    readonly error?: { readonly message: string };
  };
}

async function post(
  hook: string,
  payload: object | string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Posted> {
  const body = typeof payload === 'string' ? payload : JSON.stringify(payload);
  const answer = await fetch(`${serving.url}/hooks/${hook}`, {
    method: 'POST',
    body,
    headers: { 'X-Sign': signed(KEY, body), 'X-Signature-256': signed(KEY, body), ...headers },
  });
  return { status: answer.status, body: JSON.parse(await answer.text()) };
}

function hub(payload: object, id: string, more: Readonly<Record<string, string>> = {}): Promise<Posted> {
  const signature = { 'X-Hub-Signature-256': signed(KEY, JSON.stringify(payload)) };
  return post('hub', payload, { 'X-GitHub-Event': 'push', 'X-GitHub-Delivery': id, ...signature, ...more });
}

async function get(where: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(`${serving.url}${where}`, { headers });
}

async function text(where: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  return (await get(where, headers)).text();
}

async function json(where: string): Promise<Record<string, unknown>> {
  return JSON.parse(await text(where));
}

/** Until the run has ended or waits; the events tell. */
async function ended(runId: string): Promise<void> {
  await expect
    .poll(async () => (await json('/deliveries'))['deliveries'], { interval: 50 })
    .toContainEqual(
      expect.objectContaining({ run_id: runId, status: expect.not.stringMatching(/waiting|running/) }),
    );
}

const push = (message: string, ref = 'refs/heads/main'): object => ({ ref, head_commit: { message } });

test('a signed push starts a run whose id is answered, and what came with it is data', async () => {
  const message = 'it\'s "$(touch owned)" `id` --yes\n; rm';
  const { status, body } = await hub(push(message), 'one');
  expect({ status, body }).toMatchObject({ status: 202, body: { status: 'accepted', pipeline: 'hello' } });
  const runId = body.run_id ?? '';
  expect(runId).toMatch(/^\d{8}-\d{6}-[0-9a-f]{7}$/);
  await ended(runId);
  expect(await json(`/runs/${runId}`)).toMatchObject({
    status: 'success',
    trigger: 'webhook',
    params: { who: message },
  });
  // The second line counts variables with the secret of the hook: none.
  expect(await text(`/runs/${runId}/logs/greet`)).toBe(`hello:${message}\n0\n`);
  expect(existsSync(path.join(project.root, 'owned'))).toBe(false);
  const again = await hub(push(message), 'one');
  expect(again).toMatchObject({ status: 200, body: { status: 'duplicate', run_id: runId } });
  // The id is not signed: another one does not make it another delivery.
  expect(await hub(push(message), 'two')).toMatchObject({ body: { status: 'duplicate', run_id: runId } });
});

test('who does not know the secret starts nothing', async () => {
  const payload = push('evil');
  const wrong = { 'X-Hub-Signature-256': signed('another secret, as long', JSON.stringify(payload)) };
  expect(await hub(payload, 'e1', wrong)).toMatchObject({ status: 401 });
  expect(await hub(payload, 'e2', { 'X-Hub-Signature-256': '' })).toMatchObject({ status: 401 });
  expect(await hub(payload, 'e3', { 'X-Hub-Signature-256': 'sha256=' })).toMatchObject({ status: 401 });
  const other = { 'X-Hub-Signature-256': signed(KEY, JSON.stringify(push('good'))) };
  expect(await hub(payload, 'e4', other)).toMatchObject({ status: 401 });
  expect(await post('lab', { object_kind: 'push' })).toMatchObject({ status: 401 });
  expect(await post('lab', { object_kind: 'push' }, { 'X-Gitlab-Token': `${KEY}x` })).toMatchObject({
    status: 401,
  });
  expect(await post('any', { name: 'x' }, { 'X-Sign': '' })).toMatchObject({ status: 401 });
  expect(await post('nobody', {})).toMatchObject({ status: 404 });
  expect(await post('constructor', {})).toMatchObject({ status: 404 });
  expect((await get('/hooks/hub')).status).toBe(405);
});

test('what a hook does not mean is ignored, what it cannot use is refused', async () => {
  expect(await hub(push('x', 'refs/heads/feature/main'), 'i1')).toMatchObject({
    body: { status: 'ignored' },
  });
  expect(await hub(push('y'), 'i2', { 'X-GitHub-Event': 'star' })).toMatchObject({
    body: { status: 'ignored' },
  });
  expect(await hub({ ...push('z'), deleted: true }, 'i3')).toMatchObject({ body: { status: 'ignored' } });
  expect(await hub({ zen: 'ok' }, 'i4', { 'X-GitHub-Event': 'ping' })).toMatchObject({
    body: { status: 'pong' },
  });
  expect(await hub({ ref: 'refs/heads/main' }, 'i5')).toMatchObject({
    status: 422,
    body: { error: { message: expect.stringContaining('head_commit.message') } },
  });
  expect(await hub(push('a\0b'), 'i6')).toMatchObject({ status: 422 });
  expect(await post('any', '[]')).toMatchObject({ status: 400 });
  expect(await post('any', '{"__proto__":{"name":1}')).toMatchObject({ status: 400 });
  expect(await post('any', { name: { toString: 'x' } })).toMatchObject({ status: 422 });
});

test('forms of GitHub, tokens of GitLab and headers of others are understood', async () => {
  const form = `payload=${encodeURIComponent(JSON.stringify(push('by form', 'refs/heads/release/1')))}`;
  const answers = [
    await post('hub', form, {
      'Content-Type': 'application/x-www-form-urlencoded',
      'X-GitHub-Event': 'push',
      'X-Hub-Signature-256': signed(KEY, form),
    }),
    await post(
      'lab',
      { object_kind: 'push', user_name: 'Ann' },
      { 'X-Gitlab-Token': KEY, 'X-Gitlab-Event-UUID': 'u1' },
    ),
    await post('any', { name: 7 }),
  ];
  expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
  for (const { body } of answers) await ended(body.run_id ?? '');
  const logs = await Promise.all(
    answers.map(async ({ body }) => text(`/runs/${body.run_id}/logs/greet?lines=2`)),
  );
  expect(logs.map((log) => log.split('\n')[0])).toEqual(['hello:by form', 'hello:Ann', 'hello:7']);
  expect(await post('any', { name: 7 })).toMatchObject({ body: { status: 'duplicate' } });
});

test('an update that fails starts no run and says why', async () => {
  const { body } = await post('broken', { n: 1 });
  await ended(body.run_id ?? '');
  expect((await json('/deliveries'))['deliveries']).toContainEqual(
    expect.objectContaining({
      run_id: body.run_id,
      status: 'refused',
      detail: 'update: exit 3: no such remote',
    }),
  );
  expect((await get(`/runs/${body.run_id}`)).status).toBe(404);
});

test('a run is followed live, and after a break from where it was', async () => {
  const { body } = await post('slow', { branch: 'live', n: 1 });
  const runId = body.run_id ?? '';
  await expect.poll(async () => (await get(`/runs/${runId}`)).status).toBe(200);
  const follow = await get(`/runs/${runId}/events`, { Accept: 'text/event-stream' });
  expect(follow.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  let seen = '';
  const decoder = new TextDecoder();
  for await (const piece of follow.body ?? []) {
    seen += decoder.decode(piece, { stream: true });
    // Only now can the run go on: what came before was live.
    if (seen.includes('event: step.started')) project.write('go', '');
  }
  const numbers = [...seen.matchAll(/^id: (\d+)$/gm)].map(([, number]) => Number(number));
  expect(numbers).toEqual(numbers.map((_, index) => index));
  expect(seen).toMatch(/event: end\ndata: \{"status":"success"\}\n\n$/);
  const rest = await text(`/runs/${runId}/events`, { Accept: 'text/event-stream', 'Last-Event-ID': '3' });
  expect([...rest.matchAll(/^id: (\d+)$/gm)].map(([, number]) => Number(number))).toEqual(numbers.slice(4));
  const document = await json(`/runs/${runId}/events?from=2`);
  expect(document).toMatchObject({ pipeline_id: runId, next: null });
  expect(document['events']).toHaveLength(numbers.length - 2);
  expect((await get(`/runs/${runId}/events?from=-1`)).status).toBe(400);
});

test('the queue is bounded, and a newer delivery takes the place of one that waits', async () => {
  rmSync(path.join(project.root, 'go'), { force: true });
  const running = await post('slow', { branch: 'a', n: 2 });
  await expect.poll(async () => (await get(`/runs/${running.body.run_id}`)).status).toBe(200);
  const older = await post('slow', { branch: 'b', n: 3 });
  const waits = await post('any', { name: 'waits' });
  expect(await post('any', { name: 'too many' })).toMatchObject({ status: 503 });
  const newer = await post('slow', { branch: 'b', n: 4 });
  expect([older, waits, newer].map(({ status }) => status)).toEqual([202, 202, 202]);
  expect(await (await get(`/runs/${older.body.run_id}`)).json()).toMatchObject({
    error: { reason: 'run-not-found' },
    delivery: { status: 'superseded' },
  });
  expect(await text('/metrics')).toContain('\npipewright_webhook_queue 2\n');
  project.write('go', '');
  for (const { body } of [running, waits, newer]) await ended(body.run_id ?? '');
  expect(await json(`/runs/${newer.body.run_id}`)).toMatchObject({ status: 'success', pipeline: 'gated' });
});

test('the answers are what the command line prints', async () => {
  await project.run(['run', 'hostile']);
  expect(await json('/runs?limit=3')).toEqual(await project.json(['runs', '--limit', '3']));
  expect(await json(`/runs?status=failed&pipeline=${encodeURIComponent(HOSTILE)}`)).toEqual(
    await project.json(['runs', '--status', 'failed', '--pipeline', HOSTILE]),
  );
  expect(await json('/runs/last')).toEqual(await project.json(['show', 'last']));
  expect((await get('/runs?limit=0')).status).toBe(400);
  expect((await get('/runs?status=odd')).status).toBe(400);
});

test('logs are harmless text, and bytes in ranges of the same length as the file', async () => {
  const address = '/runs/last/logs/red';
  expect(await text(address)).toBe('ab\n');
  expect(await text(`${address}?raw=1`)).toBe('a?]0;title?b\n');
  const part = await get(`${address}?raw=1`, { Range: 'bytes=-3' });
  expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([
    206,
    'bytes 10-12/13',
    '?b\n',
  ]);
  const none = await get(`${address}?raw=1`, { Range: 'bytes=99-' });
  expect([none.status, none.headers.get('content-range')]).toEqual([416, 'bytes */13']);
  expect((await get(`${address}?lines=x`)).status).toBe(400);
});

test.each([
  '/runs/..%2f..%2fpipewright.yaml',
  '/runs/%2e%2e/%2e%2e/etc/passwd',
  '/runs/last/logs/..%2f..%2f..%2f..%2fpipewright.yaml?raw=1',
  '/runs/last/logs/%2fetc%2fpasswd?raw=1',
  '/runs/last%00/events',
  '/runs/%ff',
  '/../../../../etc/passwd',
  '//etc/passwd',
  '/page.js/../../../package.json',
  '/constructor',
  '/runs/last/constructor',
])('%s leads nowhere', async (target) => {
  const { port } = new URL(serving.url);
  const request = http.get({ host: '127.0.0.1', port, path: target });
  const [answer]: http.IncomingMessage[] = await once(request, 'response');
  expect([400, 404]).toContain(answer?.statusCode);
  answer?.resume();
});

test('metrics are in the format of Prometheus, whatever names there are', async () => {
  const answer = await get('/metrics');
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const samples = parseMetrics(await answer.text());
  const value = (name: string, labels: object = {}): number | undefined =>
    samples.find(
      (each) =>
        each.name === name && Object.entries(labels).every(([key, text_]) => each.labels[key] === text_),
    )?.value;
  const index = await json('/runs');
  const stats = JSON.parse(JSON.stringify(index['stats']));
  expect(value('pipewright_total_pipelines')).toBe(stats.total_runs);
  expect(value('pipewright_success_rate')).toBeCloseTo(stats.success_rate);
  expect(value('pipewright_stage_failures_total', { pipeline: HOSTILE, stage: 'red' })).toBe(1);
  expect(value('pipewright_runs_total', { pipeline: HOSTILE, status: 'failed' })).toBe(1);
  expect(value('pipewright_consecutive_failures', { pipeline: HOSTILE })).toBe(1);
  const ends = value('pipewright_runs_total', { pipeline: 'hello', status: 'success' });
  expect(value('pipewright_run_duration_seconds_count', { pipeline: 'hello' })).toBe(ends);
  expect(value('pipewright_run_duration_seconds_bucket', { pipeline: 'hello', le: '+Inf' })).toBe(ends);
  expect(value('pipewright_webhook_deliveries_total', { hook: 'hub', outcome: 'unsigned' })).toBe(4);
});

test('a body that is too large is refused before it is read', async () => {
  expect(await post('any', { name: 'x'.repeat(3000) })).toMatchObject({ status: 413 });
  const { port } = new URL(serving.url);
  const socket = net.connect(Number(port), '127.0.0.1');
  socket.write('POST /hooks/any HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n');
  for (let sent = 0; sent < 4; sent += 1) socket.write(`400\r\n${'x'.repeat(1024)}\r\n`);
  expect(await answerOf(socket)).toMatch(/^HTTP\/1\.1 413 /);
});

test.each([
  ['headers', 'GET /runs HTTP/1.1\r\nHost: localhost\r\nX-Slow: '],
  ['a body', 'POST /hooks/any HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{'],
])('a request that never sends the rest of %s is ended', async (_what, begin) => {
  const socket = net.connect(Number(new URL(serving.url).port), '127.0.0.1');
  socket.write(begin);
  expect(await answerOf(socket)).toMatch(/^(HTTP\/1\.1 408 |$)/);
});

/** All that comes until the other side ends the connection. */
async function answerOf(socket: net.Socket): Promise<string> {
  let got = '';
  socket.setEncoding('utf8').on('data', (piece: string) => {
    got += piece;
  });
  socket.on('error', () => socket.destroy());
  await once(socket, 'close');
  return got;
}

test('the page runs nothing but its own script, and no name stands in it', async () => {
  const answer = await get('/');
  const policy = answer.headers.get('content-security-policy') ?? '';
  expect(policy).toContain("default-src 'none'; script-src 'self';");
  expect(policy).not.toContain('unsafe');
  const page = await answer.text();
  expect(page).not.toContain('onerror');
  expect(page).not.toMatch(/<script>|style=|https?:/);
  for (const file of ['page.js', 'page.css']) expect((await get(`/${file}`)).status).toBe(200);
  expect(await text('/page.js')).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval/);
});

test('nobody is answered who asks by another name or through a proxy, since there is no token', async () => {
  const { port } = new URL(serving.url);
  const ask = async (
    headers: Readonly<Record<string, string>>,
    where = '/runs',
  ): Promise<number | undefined> => {
    const [answer]: http.IncomingMessage[] = await once(
      http.get({ host: '127.0.0.1', port, path: where, headers }),
      'response',
    );
    answer?.resume();
    return answer?.statusCode;
  };
  expect(await ask({ Host: 'evil.example.org' })).toBe(403);
  expect(await ask({ Host: `localhost:${port}` })).toBe(200);
  expect(await ask({ 'X-Forwarded-For': '203.0.113.7' })).toBe(403);
  expect(await ask({ Host: 'evil.example.org' }, '/health')).toBe(200);
  const answer = await get('/runs');
  expect(answer.headers.get('access-control-allow-origin')).toBe(null);
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  expect((await fetch(`${serving.url}/runs`, { method: 'DELETE' })).status).toBe(405);
});

test('health tells what would keep runs from beginning', async () => {
  const answer = await get('/health');
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({
    live: true,
    ready: true,
    checks: ['state', 'disk', 'stuck_runs', 'locks'].map((name) => expect.objectContaining({ name })),
  });
  expect(await json('/health/live')).toEqual({ status: 'pass', live: true });
});

test('two servers do not share one state folder', async () => {
  const second = await project.run(['serve', '--port', '0'], { env: { HOOK_KEY: KEY } });
  expect(second).toMatchObject({ code: 2, stderr: expect.stringContaining('has this state folder') });
});

test('what was accepted survives kill -9 and is run by the next server; what ran goes on', async () => {
  rmSync(path.join(project.root, 'go'), { force: true });
  const running = await post('slow', { branch: 'k', n: 5 });
  await expect.poll(async () => (await get(`/runs/${running.body.run_id}`)).status).toBe(200);
  const waits = await post('any', { name: 'after the kill' });
  expect(waits.status).toBe(202);
  await serving.stop('SIGKILL');
  serving = await startServing(project, { HOOK_KEY: KEY }, ['--log-format', 'json', '--log-level', 'info']);
  expect(await post('any', { name: 'after the kill' })).toMatchObject({
    body: { status: 'duplicate', run_id: waits.body.run_id },
  });
  // The one that runs still counts: nothing begins beside it.
  expect((await get(`/runs/${waits.body.run_id}`)).status).toBe(404);
  project.write('go', '');
  await ended(running.body.run_id ?? '');
  await ended(waits.body.run_id ?? '');
  expect(await json(`/runs/${running.body.run_id}`)).toMatchObject({ status: 'success' });
  expect(await json(`/runs/${waits.body.run_id}`)).toMatchObject({
    status: 'success',
    params: { who: 'after the kill' },
  });
});

test('SIGTERM ends it in good order, followers too; each line on stderr is JSON', async () => {
  rmSync(path.join(project.root, 'go'), { force: true });
  const { body } = await post('slow', { branch: 'end', n: 6 });
  await expect.poll(async () => (await get(`/runs/${body.run_id}`)).status).toBe(200);
  const follow = await get(`/runs/${body.run_id}/events`, { Accept: 'text/event-stream' });
  const { code, stderr } = await serving.stop();
  expect(code).toBe(0);
  expect(await follow.text()).not.toContain('event: end');
  const lines = stderr
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
  expect(lines).toContainEqual(
    expect.objectContaining({ level: 'info', event: 'request', path: `/runs/${body.run_id}/events` }),
  );
  expect(lines.at(-1)).toMatchObject({ event: 'server.stopped' });
  // Its run is none of its children's business: it goes on.
  project.write('go', '');
  serving = await startServing(project, { HOOK_KEY: KEY, TOKEN }, []);
  await ended(body.run_id ?? '');
  expect(await json(`/runs/${body.run_id}`)).toMatchObject({ status: 'success' });
});

test('other machines need a token; it comes as Bearer or as the password of Basic', async () => {
  const open = await project.run(['serve', '--port', '0', '--host', '0.0.0.0', '--state', 'state2'], {
    env: { HOOK_KEY: KEY },
  });
  expect(open).toMatchObject({ code: 2, stderr: expect.stringContaining('serve.token') });
  const weak = await project.run(['serve', '--port', '0', '--state', 'state2'], {
    env: { HOOK_KEY: 'short' },
  });
  expect(weak).toMatchObject({ code: 2, stderr: expect.stringContaining('shorter than 16') });
  await serving.stop();
  project.write('pipewright.yaml', PROJECT.replace('serve:\n', "serve:\n  token: 'env:TOKEN'\n"));
  serving = await startServing(project, { HOOK_KEY: KEY, TOKEN }, ['--host', '0.0.0.0']);
  const basic = Buffer.from(`anybody:${TOKEN}`).toString('base64');
  const statuses = await Promise.all(
    [
      {},
      { Authorization: `Bearer ${TOKEN}x` },
      { Authorization: `Bearer ${TOKEN}` },
      { Authorization: `Basic ${basic}` },
    ].map(async (headers) => (await get('/runs', headers)).status),
  );
  expect(statuses).toEqual([401, 401, 200, 200]);
  expect(await json('/health')).toEqual({ status: 'pass', live: true, ready: true });
  expect(await post('any', { name: 'no token needed' })).toMatchObject({ status: 202 });
});
