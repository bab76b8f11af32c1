import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import http from 'node:http';
import { once } from 'node:events';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Notice } from '../../../src/core/notify.ts';
import { type NotifySettings, notifySchema } from '../../../src/core/settings/notify.ts';
import { describeFailure } from '../../../src/reporters/describe-failure.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { systemHttp } from '../../../src/system/http.ts';
import { createNotifier } from '../../../src/system/notifier.ts';
import { createSecrets } from '../../../src/system/secrets.ts';
import { startSmtpServer } from '../../support/smtp-server.ts';

const NOTICE: Notice = {
  event: 'failure',
  events: ['failure'],
  project: 'shop',
  pipeline: 'release',
  environment: 'production',
  run_id: '20260206-160000-a1b2c3d',
  status: 'failed',
  trigger: 'manual',
  by: 'ann@desk',
  commits: ['a1b2c3d4e5f60718293a4b5c6d7e8f9001122334'],
  started_at: '2026-02-06T16:00:00.000+09:00',
  duration_ms: 61_000,
  stages: [
    {
      name: 'unit',
      status: 'failed',
      failure: { reason: 'reported', message: 'two tests\u001b]0;title\u0007\nfailed', retryable: false },
    },
  ],
};

let folder = '';
let warnings: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-notify-'));
  warnings = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function send(settings: object, env: Record<string, string> = {}, signal = new AbortController().signal) {
  const parsed: NotifySettings = notifySchema.parse(settings);
  const notifier = createNotifier({
    clock: { ...systemClock, sleep: (delayMs, stop) => systemClock.sleep(delayMs / 50, stop) },
    http: systemHttp,
    secrets: createSecrets({ env, project: folder }),
    env: { PATH: process.env['PATH'] ?? '' },
    project: folder,
    runFolder: (runId) => path.join(folder, 'runs', runId),
    describeFailure,
    warn: (line) => void warnings.push(line),
  });
  return notifier.send(NOTICE, parsed, signal);
}

function logText(): string {
  return readFileSync(path.join(folder, 'runs', NOTICE.run_id, 'logs/notify.log'), 'utf8');
}

async function listening(server: net.Server | http.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

test('a command gets the text as its input and the facts as variables', async () => {
  const command =
    'cat > text; printf "%s|%s|%s|%s" "$PIPEWRIGHT_EVENT" "$PIPEWRIGHT_RUN_ID" "$PIPEWRIGHT_STAGES" "$PIPEWRIGHT_TITLE" > facts; printf %s "$PIPEWRIGHT_NOTICE" > notice';
  expect(await send({ command })).toMatchObject([{ channel: 'command', ok: true, tries: 1 }]);
  const text = readFileSync(path.join(folder, 'text'), 'utf8');
  expect(text).toMatch(/^release failed \(production\)\.\n/);
  expect(text).toContain('unit: failed: two tests failed');
  expect(text).toContain('pipewright why 20260206-160000-a1b2c3d');
  expect(readFileSync(path.join(folder, 'facts'), 'utf8')).toBe(
    'failure|20260206-160000-a1b2c3d|unit|release failed (production)',
  );
  expect(JSON.parse(readFileSync(path.join(folder, 'notice'), 'utf8'))).toEqual(NOTICE);
  expect(logText()).toMatch(/^\S+ failure by command: sent\n$/);
  expect(statSync(path.join(folder, 'runs', NOTICE.run_id, 'logs/notify.log')).mode & 0o777).toBe(0o600);
  expect(warnings).toEqual([]);
});

test('a command that fails, hangs with children, or reads nothing is reported and not repeated', async () => {
  const failing = await send({ command: 'echo no route >&2; exit 3' });
  expect(failing).toMatchObject([
    { ok: false, tries: 1, detail: 'its command exited with code 3: no route' },
  ]);
  const hanging = await send({ command: 'sleep 1000 & echo $! > child; wait', timeout: '300ms' });
  expect(hanging).toMatchObject([{ ok: false, tries: 1, detail: 'its command took longer than 0.3 s' }]);
  const child = Number(readFileSync(path.join(folder, 'child'), 'utf8'));
  await expect.poll(() => isAlive(child)).toBe(false);
  expect(await send({ command: 'exec <&-; true' })).toMatchObject([{ ok: true }]);
  expect(warnings).toEqual([
    'pipewright: the notification by command did not arrive: its command exited with code 3: no route',
    'pipewright: the notification by command did not arrive: its command took longer than 0.3 s',
  ]);
});

/** What nobody has waited for yet is dead all the same. */
function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

test('a webhook gets the notice as JSON; busy is tried again, refused is not, secrets are in no record', async () => {
  const seen: { readonly body: string; readonly token: string | undefined }[] = [];
  const answers = [503, 200, 403];
  const server = http.createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      seen.push({ body, token: request.headers.authorization });
      response.statusCode = answers.shift() ?? 200;
      response.end();
    });
  });
  const port = await listening(server);
  const webhook = { url: 'env:HOOK', headers: { authorization: 'env:TOKEN' } };
  const env = { HOOK: `http://127.0.0.1:${port}/secret-path`, TOKEN: 'Bearer hunter22' };
  expect(await send({ webhook }, env)).toMatchObject([{ ok: true, tries: 2 }]);
  expect(JSON.parse(seen[0]?.body ?? '')).toEqual({ text: 'release failed (production)', ...NOTICE });
  expect(seen[0]?.token).toBe('Bearer hunter22');
  expect(await send({ webhook }, env)).toMatchObject([
    { ok: false, tries: 1, detail: 'it answered with HTTP 403' },
  ]);
  server.close();
  server.closeAllConnections();
  const refused = await send({ webhook }, env);
  expect(refused).toMatchObject([{ ok: false, tries: 3, detail: 'ECONNREFUSED' }]);
  const missing = await send({ webhook }, {});
  expect(missing).toMatchObject([{ ok: false, tries: 1, detail: 'environment variable HOOK is not set' }]);
  expect(logText() + warnings.join('\n')).not.toMatch(/secret-path|hunter22/);
});

test('a mail reaches every recipient, with a login by reference', async () => {
  await using server = await startSmtpServer({ login: { user: 'ci', password: 'hunter22' } });
  const email = {
    to: ['a@example.org', 'b@example.org'],
    from: 'ci@example.org',
    host: '127.0.0.1',
    port: server.port,
    user: 'ci',
    password: 'env:SMTP',
  };
  expect(await send({ email }, { SMTP: 'hunter22' })).toMatchObject([
    { channel: 'email', ok: true, tries: 1 },
  ]);
  expect(server.mails).toMatchObject([{ from: 'ci@example.org', to: ['a@example.org', 'b@example.org'] }]);
  expect(server.mails[0]?.data).toContain('Subject: [pipewright] release failed (production)');
  expect(server.mails[0]?.data).toContain('unit: failed: two tests failed');
  const wrong = await send({ email }, { SMTP: 'wrong-password' });
  expect(wrong).toMatchObject([{ ok: false, tries: 1 }]);
  expect(logText() + warnings.join('\n')).not.toMatch(/hunter22|wrong-password/);
});

test('a mail server that is busy is asked again, one that refuses is not, one that is away or hangs is given up', async () => {
  const mailTo = (port: number) => ({
    to: ['a@example.org'],
    from: 'ci@example.org',
    host: '127.0.0.1',
    port,
  });
  await using busy = await startSmtpServer({ kind: 'busy', times: 2 });
  expect(await send({ email: mailTo(busy.port) })).toMatchObject([{ ok: true, tries: 3 }]);
  expect(busy.mails).toHaveLength(1);
  await using refusing = await startSmtpServer({ kind: 'refuse' });
  expect(await send({ email: mailTo(refusing.port) })).toMatchObject([{ ok: false, tries: 1 }]);
  await using hanging = await startSmtpServer({ kind: 'hang' });
  expect(await send({ email: mailTo(hanging.port), timeout: '200ms' })).toMatchObject([
    { ok: false, tries: 3, detail: 'no answer within 0.2 s' },
  ]);
  expect(hanging.connections()).toBe(3);
  const closed = net.createServer();
  const port = await listening(closed);
  closed.close();
  await once(closed, 'close');
  expect(await send({ email: mailTo(port) })).toMatchObject([{ ok: false, tries: 3 }]);
});

test('a password does not leave this machine in the clear', async () => {
  const host = '127.0.0.2';
  await using server = await startSmtpServer({ host, login: { user: 'ci', password: 'hunter22' } });
  const email = {
    to: ['a@example.org'],
    from: 'ci@example.org',
    host,
    port: server.port,
    user: 'ci',
    password: 'env:SMTP',
  };
  const [delivery] = await send({ email }, { SMTP: 'hunter22' });
  expect(delivery).toMatchObject({ ok: false, tries: 1, detail: expect.stringContaining('STARTTLS') });
  expect(server.mails).toEqual([]);
});

test('every way is tried at once, and one that fails takes no other along', async () => {
  await using server = await startSmtpServer();
  const email = { to: ['a@example.org'], from: 'ci@example.org', host: '127.0.0.1', port: server.port };
  const deliveries = await send({ command: 'exit 1', webhook: { url: 'http://127.0.0.1:9/' }, email });
  expect(deliveries.map(({ channel, ok }) => [channel, ok])).toEqual([
    ['command', false],
    ['webhook', false],
    ['email', true],
  ]);
  const kept = JSON.parse(
    readFileSync(path.join(folder, 'runs', NOTICE.run_id, 'artifacts/notify.json'), 'utf8'),
  );
  expect(kept).toMatchObject({ event: 'failure', deliveries: [{ ok: false }, { ok: false }, { ok: true }] });
});

test('whoever stops waiting stops the tries', async () => {
  await using hanging = await startSmtpServer({ kind: 'hang' });
  const stop = new AbortController();
  const email = { to: ['a@example.org'], from: 'ci@example.org', host: '127.0.0.1', port: hanging.port };
  const sending = send({ email, timeout: '1m' }, {}, stop.signal);
  await expect.poll(() => hanging.connections()).toBe(1);
  stop.abort();
  expect(await sending).toMatchObject([{ ok: false, tries: 1 }]);
});
