import { once } from 'node:events';
import net from 'node:net';

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly auth?: string;
  /** Headers and text, as they came. */
  readonly data: string;
}

/** How the server behaves: `hang` never greets, `busy` refuses for now the first so many times, `refuse` for good. */
export interface SmtpBehaviour {
  readonly kind?: 'hang' | 'busy' | 'refuse';
  readonly times?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Only who logs in so may send. */
  readonly login?: { readonly user: string; readonly password: string };
}

export interface SmtpServer extends AsyncDisposable {
  readonly port: number;
  readonly mails: readonly ReceivedMail[];
  readonly connections: () => number;
}

/** A mail server on this machine, as far as RFC 5321 is needed to take a mail. */
export async function startSmtpServer(behaviour: SmtpBehaviour = {}): Promise<SmtpServer> {
  const mails: ReceivedMail[] = [];
  const open = new Set<net.Socket>();
  let connections = 0;
  const server = net.createServer((socket) => {
    connections += 1;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    if (behaviour.kind === 'hang') return;
    serve(socket, behaviour, { connection: connections, mails });
  });
  server.listen(0, behaviour.host ?? '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    mails,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function serve(
  socket: net.Socket,
  { kind, times = 1, login }: SmtpBehaviour,
  { connection, mails }: { readonly connection: number; readonly mails: ReceivedMail[] },
): void {
  const say = (line: string): void => void socket.write(`${line}\r\n`);
  let rest = '';
  let from = '';
  let to: string[] = [];
  let auth: string | undefined;
  let data: string[] | undefined;
  const answers: Readonly<Record<string, (line: string) => string>> = {
    EHLO: () => (login ? '250-here\r\n250 AUTH PLAIN' : '250 here'),
    AUTH: (line) => {
      auth = Buffer.from(line.split(' ').at(-1) ?? '', 'base64').toString('utf8');
      const isRight = auth === `\0${login?.user}\0${login?.password}`;
      return isRight ? '235 welcome' : `535 no such login: ${auth.replaceAll('\0', ' ')}`;
    },
    MAIL: (line) => {
      if (kind === 'refuse') return '550 you are not wanted here';
      if (kind === 'busy' && connection <= times) return '451 come back later';
      from = /<(.*)>/.exec(line)?.[1] ?? '';
      return '250 ok';
    },
    RCPT: (line) => {
      to.push(/<(.*)>/.exec(line)?.[1] ?? '');
      return '250 ok';
    },
    QUIT: () => '221 bye',
    DATA: () => {
      data = [];
      return '354 go on';
    },
  };
  const command = (line: string): void =>
    say(answers[line.slice(0, 4).toUpperCase()]?.(line) ?? '502 not known here');
  say('220 here');
  socket.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\r\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!data) command(line);
      else if (line === '.') {
        mails.push({ from, to, data: data.join('\n'), ...(auth !== undefined && { auth }) });
        [data, to] = [undefined, []];
        say('250 taken');
      } else data.push(line.startsWith('..') ? line.slice(1) : line);
    }
  });
}
