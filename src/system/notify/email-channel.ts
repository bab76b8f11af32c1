import { errorCode } from '../../core/error-code.ts';
import type { NotifySettings } from '../../core/settings/notify.ts';
import type { Tried } from './attempts.ts';

type EmailSettings = NonNullable<NotifySettings['email']>;

const HERE = new Set(['localhost', '127.0.0.1', '::1']);

/** Sends a mail. A password leaves this machine only over TLS. */
export async function sendMail(
  settings: EmailSettings,
  options: {
    readonly password: string | undefined;
    readonly title: string;
    readonly text: string;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
  },
): Promise<Tried> {
  const { createTransport } = await import('nodemailer');
  const { host, port, secure, user, from, to } = settings;
  const { password, timeoutMs, signal } = options;
  const transport = createTransport({
    host,
    port,
    secure,
    requireTLS: !secure && password !== undefined && !HERE.has(host),
    ...(user !== undefined && { auth: { user, pass: password ?? '' } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    // A text of ours is never a path or an address to fetch.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  // A server that answers one byte at a time keeps every one of the limits above.
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const { promise: late, reject } = Promise.withResolvers<never>();
  limit.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
  late.catch(() => undefined);
  try {
    const mail = { from, to: [...to], subject: `[pipewright] ${options.title}`, text: options.text };
    await Promise.race([transport.sendMail(mail), late]);
    return { ok: true };
  } catch (error) {
    if (limit.aborted)
      return { ok: false, detail: `no answer within ${timeoutMs / 1000} s`, again: !signal.aborted };
    return failureOf(error);
  } finally {
    transport.close();
  }
}

/** SMTP: 4xx is for now, 5xx for good; what has no code never got that far. */
function failureOf(error: unknown): Tried {
  const code = error instanceof Error && 'responseCode' in error ? Number(error.responseCode) : undefined;
  const name = errorCode(error) ?? '';
  const message = error instanceof Error ? error.message.split('\n')[0] : String(error);
  const isForGood = name === 'EAUTH' || name === 'ETLS' || (code !== undefined && code >= 500);
  return { ok: false, detail: message ?? 'failed', again: !isForGood };
}
