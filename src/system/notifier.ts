import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Failure, Result } from '../core/failure.ts';
import type { Delivery, Notice, Notifier } from '../core/notify.ts';
import type { Clock, Secrets } from '../core/ports.ts';
import type { NotifySettings } from '../core/settings/notify.ts';
import type { Http } from '../core/stage-ports.ts';
import { sanitizeText } from '../core/terminal-text.ts';
import { attempts, type Tried } from './notify/attempts.ts';
import { runCommand } from './notify/command-channel.ts';
import { sendMail } from './notify/email-channel.ts';
import { noticeText, noticeTitle } from './notify/notice-text.ts';
import { postWebhook } from './notify/webhook-channel.ts';

interface NotifierOptions {
  readonly clock: Clock;
  readonly http: Http;
  readonly secrets: Secrets;
  /** What the command inherits. */
  readonly env: Readonly<Record<string, string>>;
  /** Where the command runs. */
  readonly project: string;
  readonly runFolder: (runId: string) => string;
  readonly describeFailure: (failure: Failure) => string;
  /** A line for whoever sits here. */
  readonly warn: (line: string) => void;
}

const REFERENCE = /^(?:env|file|cmd):/;
/** Shorter values would blacken half of a message. */
const SHORTEST_SECRET = 4;

/** Tells people by command, webhook and mail, all at the same time; secrets are resolved now and masked in what is kept. */
export function createNotifier(options: NotifierOptions): Notifier {
  return {
    send: async (notice, settings, signal) => {
      const deliveries = await sendAll(notice, settings, { ...options, signal });
      if (notice.event !== 'test') record(notice, deliveries, options);
      return deliveries;
    },
  };
}

type Sending = NotifierOptions & { readonly signal: AbortSignal };

async function sendAll(
  notice: Notice,
  settings: NotifySettings,
  sending: Sending,
): Promise<readonly Delivery[]> {
  const { command, webhook, email } = settings;
  const parts = {
    notice,
    title: noticeTitle(notice),
    text: noticeText(notice, sending.describeFailure),
    timeoutMs: settings.timeout,
    signal: sending.signal,
  };
  const channels: Promise<Delivery>[] = [];
  if (command !== undefined) {
    const { env, project: folder } = sending;
    channels.push(deliver('command', sending, () => runCommand(command, { ...parts, env, folder })));
  }
  if (webhook) {
    channels.push(
      deliver('webhook', sending, async (resolve) => {
        const url = await resolve('notify.webhook.url', webhook.url);
        const headers: Record<string, string> = {};
        for (const [name, value] of Object.entries(webhook.headers)) {
          headers[name] = await resolve(`notify.webhook.headers.${name}`, value);
        }
        if (!URL.canParse(url))
          return { ok: false, detail: 'notify.webhook.url is no address', again: false };
        return postWebhook(url, { ...parts, http: sending.http, headers });
      }),
    );
  }
  if (email) {
    channels.push(
      deliver('email', sending, async (resolve) => {
        const { password: reference } = email;
        const password =
          reference === undefined ? undefined : await resolve('notify.email.password', reference);
        return sendMail(email, { ...parts, password });
      }),
    );
  }
  return Promise.all(channels);
}

type Resolve = (name: string, text: string) => Promise<string>;

/** A secret that is not there: another try would not find it either. */
class Unavailable extends Error {}

async function deliver(
  channel: Delivery['channel'],
  { clock, signal, secrets }: Sending,
  send: (resolve: Resolve) => Promise<Tried>,
): Promise<Delivery> {
  const known = new Set<string>();
  const resolve: Resolve = async (name, text) => {
    if (!REFERENCE.test(text)) return text;
    const value: Result<string> = await secrets.resolve(name, text);
    if (!value.ok)
      throw new Unavailable('detail' in value.failure ? value.failure.detail : value.failure.reason);
    known.add(value.value);
    return value.value;
  };
  const delivery = await attempts(channel, { clock, signal }, () =>
    send(resolve).catch((error: unknown) => ({
      ok: false,
      detail: error instanceof Error ? error.message : String(error),
      again: false,
    })),
  );
  if (delivery.detail === undefined) return delivery;
  return { ...delivery, detail: masked(delivery.detail, known) };
}

function masked(detail: string, secrets: ReadonlySet<string>): string {
  const shown = [...secrets]
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    .toSorted((a, b) => b.length - a.length)
    .reduce((text, secret) => text.replaceAll(secret, '***'), detail);
  return sanitizeText(shown)
    .replaceAll(/\s*\n\s*/g, ' ')
    .slice(0, 500);
}

/** Beside the run: a line each in `logs/notify.log`, the last notice in `artifacts/notify.json`. What did not arrive is said here, too. */
function record(
  notice: Notice,
  deliveries: readonly Delivery[],
  { clock, runFolder, warn }: NotifierOptions,
): void {
  const at = clock.now();
  const folder = runFolder(notice.run_id);
  const lines = deliveries.map(({ channel, ok, tries, detail }) => {
    const outcome = ok ? 'sent' : `not sent: ${detail ?? ''}`;
    return `${at} ${notice.event} by ${channel}: ${outcome}${tries > 1 ? ` (${tries} tries)` : ''}`;
  });
  try {
    for (const name of ['logs', 'artifacts'])
      mkdirSync(path.join(folder, name), { recursive: true, mode: 0o700 });
    appendFileSync(path.join(folder, 'logs/notify.log'), lines.map((line) => `${line}\n`).join(''), {
      mode: 0o600,
    });
    const text = JSON.stringify({ at, event: notice.event, deliveries }, null, 1);
    writeFileSync(path.join(folder, 'artifacts/notify.json'), `${text}\n`, { mode: 0o600 });
  } catch {
    // The run has ended well or badly before this; a disk that is full now has been said by then.
  }
  for (const { channel, ok, detail } of deliveries) {
    if (!ok)
      warn(`pipewright: the notification by ${channel} did not arrive: ${detail ?? 'no reason given'}`);
  }
}
