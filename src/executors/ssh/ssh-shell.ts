import type { ClientChannel } from 'ssh2';
import { ok, type Result } from '../../core/failure.ts';
import { BOOTSTRAP } from '../host/script-line.ts';
import { LINGER_MS, type ShellEnd, type ShellProcess } from '../host/shell.ts';
import type { Link, Session } from './link.ts';

/** A shell behind a link: one session of its connection, given back when the channel has closed. */
export async function startSshShell(link: Link): Promise<Result<ShellProcess>> {
  const opened = await link.exec(BOOTSTRAP);
  if (!opened.ok) return opened;
  const { session: channel } = opened.value;
  channel.on('error', () => undefined);
  return ok({
    stdin: channel,
    stdout: channel,
    stderr: channel.stderr,
    ended: endOf(opened.value),
    kill: (signal) => {
      // sshd passes it on to the whole process group.
      if (opened.value.connection.lost === undefined) channel.signal(signal);
    },
  });
}

/** The exit code comes before the last output: only `close` says that all is there. */
function endOf({ session: channel, connection, release }: Session<ClientChannel>): Promise<ShellEnd> {
  return new Promise((resolve) => {
    let end: ShellEnd | undefined;
    let timer: NodeJS.Timeout | undefined;
    const finish = (): void => {
      clearTimeout(timer);
      forget();
      channel.destroy();
      resolve(end ?? { lost: connection.lost });
    };
    // A broken link closes every channel, but not one that was just being opened.
    const forget = connection.onLost(() => {
      timer ??= setTimeout(finish, 100);
    });
    const linger = (): void => {
      clearTimeout(timer);
      timer = setTimeout(finish, LINGER_MS);
    };
    channel.once('exit', (code: number | null, signal?: string) => {
      end = { code: code ?? undefined, signal: signal === undefined ? undefined : withPrefix(signal) };
      channel.end();
      linger();
      channel.on('data', linger);
      channel.stderr.on('data', linger);
    });
    channel.once('close', () => {
      release();
      finish();
    });
  });
}

/** The protocol says `TERM`, ssh2 passes it on with or without `SIG`. */
function withPrefix(signal: string): string {
  return signal.startsWith('SIG') ? signal : `SIG${signal}`;
}
