import type { ClientChannel } from 'ssh2';
import { shellQuote } from '../../core/shell-quote.ts';
import { type Failure, failed, ok, type Result } from '../../core/failure.ts';
import type { Host, HostCommand, HostOutcome } from '../../core/hosts.ts';
import { sanitizeText } from '../../core/terminal-text.ts';
import type { CopyableHost } from '../copy/copyable.ts';
import { NO_WORKDIR } from '../host/script-line.ts';
import { runScript } from '../host/run-script.ts';
import { copyBetween } from '../copy/copyable.ts';
import { openLocalSink, openLocalSource } from '../copy/local-file.ts';
import type { Connection } from './connection.ts';
import type { Link } from './link.ts';
import type { Forwards } from './forwards.ts';
import { openRemoteSink, openRemoteSource } from './ssh-file.ts';
import { startSshShell } from './ssh-shell.ts';

const NEVER = new AbortController().signal;

/** The machine behind a link. */
export function createSshHost(link: Link, forwards: Forwards): CopyableHost {
  const { name } = link.target;
  const exec: Host['exec'] = (request, signal) => run(link, request, signal);
  const source: CopyableHost['source'] = (file, signal) =>
    openRemoteSource({ link, run: (command) => exec(command, signal) }, withoutTilde(file));
  const sink: CopyableHost['sink'] = (file, size, signal) =>
    Promise.resolve(
      openRemoteSink({ link, run: (command) => exec(command, signal) }, withoutTilde(file), size),
    );
  return {
    name,
    isLocal: false,
    server: async () => {
      const connection = await link.connection();
      return connection.ok ? ok(connection.value.server) : connection;
    },
    source,
    sink,
    exec,
    upload: (copy, signal) =>
      copyBetween(
        {
          source: () => openLocalSource(copy.local, signal),
          sink: (size) => sink(copy.remote, size, signal),
        },
        copy,
        signal,
      ),
    download: (copy, signal) =>
      copyBetween(
        {
          source: () => source(copy.remote, signal),
          sink: () => Promise.resolve(openLocalSink(copy.local, signal)),
        },
        copy,
        signal,
      ),
    readText: (file, maxBytes) => readText(name, exec, { file: withoutTilde(file), maxBytes }),
    writeText: (file, text, mode = 0o600) => writeText(name, exec, { file: withoutTilde(file), text, mode }),
    connect: async (to) => {
      const connection = await link.connection();
      return connection.ok ? connectThrough(name, connection.value, to) : connection;
    },
    listen: async (serve) => {
      const connection = await link.connection();
      return connection.ok ? forwards.listen(name, connection.value, serve) : connection;
    },
  };
}

async function run(link: Link, request: HostCommand, signal: AbortSignal): Promise<Result<HostOutcome>> {
  const { name } = link.target;
  const start = { name, start: () => startSshShell(link) };
  const outcome = await runScript(start, request, signal);
  if (!outcome.ok || outcome.value.exit_code !== NO_WORKDIR || request.workdir === undefined) return outcome;
  const looked = await runScript(start, { script: `[ -d ${shellQuote(request.workdir)} ]` }, signal);
  if (!looked.ok || looked.value.exit_code === 0) return outcome;
  return failed({
    reason: 'invalid',
    message: `working folder does not exist on ${name}: ${request.workdir}`,
  });
}

/** Both a command and SFTP begin in the login folder. */
function withoutTilde(file: string): string {
  return file.startsWith('~/') ? file.slice(2) : file;
}

const ABSENT = 44;
const TOO_LARGE = 45;

async function readText(
  name: string,
  exec: Host['exec'],
  { file, maxBytes }: { readonly file: string; readonly maxBytes: number },
): Promise<Result<string | undefined>> {
  const chunks: Uint8Array[] = [];
  const said = await exec(
    {
      // A link that leads nowhere is no file either.
      script: `[ -e "$P" ] || exit ${ABSENT}
[ -d "$P" ] && { echo 'it is a folder' >&2; exit 1; }
s=$(wc -c <"$P") || exit 1
[ "$((s))" -le "$N" ] || exit ${TOO_LARGE}
exec cat <"$P"`,
      env: { P: file, N: String(maxBytes) },
      onStdout: (chunk) => void chunks.push(chunk),
    },
    NEVER,
  );
  if (!said.ok) return said;
  if (said.value.exit_code === ABSENT) return ok(undefined);
  if (said.value.exit_code === TOO_LARGE) {
    return failed(reported(`${name}:${file} is larger than ${maxBytes} bytes`));
  }
  if (said.value.exit_code !== 0) return failed(reported(`${name}:${file}: ${lastWords(said.value)}`));
  return ok(Buffer.concat(chunks).toString('utf8'));
}

/** A beginning must never be taken for the whole: the length is compared before the file gets its name. */
async function writeText(
  name: string,
  exec: Host['exec'],
  { file, text, mode }: { readonly file: string; readonly text: string; readonly mode: number },
): Promise<Result<void>> {
  const said = await exec(
    {
      script: `case $P in */*) d=\${P%/*}; mkdir -p -- "\${d:-/}" || exit 1 ;; esac
[ -d "$P" ] && { echo 'it is a folder' >&2; exit 1; }
t=$P.$$.new
trap 'rm -f -- "$t"' EXIT
(umask 077; set -C; cat >"$t") || exit 1
[ "$(($(wc -c <"$t")))" -eq "$N" ] || { echo 'it did not arrive whole' >&2; exit 1; }
chmod -- "$M" "$t" && mv -f -- "$t" "$P"`,
      env: { P: file, N: String(Buffer.byteLength(text)), M: mode.toString(8) },
      stdin: text,
    },
    NEVER,
  );
  if (!said.ok) return said;
  if (said.value.exit_code === 0) return ok(undefined);
  return failed(reported(`${name}:${file}: ${lastWords(said.value)}`));
}

function lastWords({ stderr, exit_code: code }: HostOutcome): string {
  return sanitizeText(stderr.trim().split('\n').at(-1) ?? '') || `a command there ended with ${code}`;
}

function reported(message: string): Failure {
  return { reason: 'reported', message, retryable: false };
}

async function connectThrough(
  name: string,
  connection: Connection,
  to: Parameters<Host['connect']>[0],
): Promise<Result<NodeJS.ReadWriteStream>> {
  const { client } = connection;
  try {
    const channel = await connection.call<ClientChannel>((done) =>
      'socket' in to
        ? client.openssh_forwardOutStreamLocal(to.socket, done)
        : client.forwardOut('127.0.0.1', 0, to.host, to.port, done),
    );
    channel.on('error', () => undefined);
    return ok(channel);
  } catch (error) {
    const where = 'socket' in to ? to.socket : `${to.host}:${to.port}`;
    const text = error instanceof Error ? error.message : String(error);
    const detail = `${name}: cannot connect to ${where} from there: ${text}`;
    return failed({ reason: 'executor-unreachable', executor: name, detail });
  }
}
