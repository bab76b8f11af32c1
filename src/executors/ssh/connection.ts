import { readFile } from 'node:fs/promises';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import ssh2, { type Client, type ClientChannel, type ServerHostKeyAlgorithm } from 'ssh2';
import { errorCode } from '../../core/error-code.ts';
import { type Failure, failed, ok, type Result } from '../../core/failure.ts';
import { type Credentials, findCredentials, refusal, resolvePath } from './credentials.ts';
import { fingerprint, judgeKey, knownKeyTypes, nameOf, parseKnownHosts, typeOf } from './known-hosts.ts';
import { lookUp } from './client-config.ts';
import { addressOf, knownAs, type SshTarget } from './target.ts';

/** Thrown by `Connection.call` when the link broke before an answer came. */
export class LinkLost extends Error {
  constructor(detail: string) {
    super(detail);
    this.name = 'LinkLost';
  }
}

/** A client that is logged in. Every wait ends when the link does: ssh2 alone would wait for ever. */
export class Connection {
  readonly client: Client;
  readonly server: string;
  readonly #waiting = new Set<(error: Error) => void>();
  #lost: string | undefined;
  #lastError: string | undefined;

  constructor(client: Client, server: string) {
    this.client = client;
    this.server = server;
    client.on('error', (error) => {
      this.#lastError = error.message;
    });
    client.once('close', () => {
      this.#lost = this.#lastError ?? 'the server closed the connection';
      const error = new LinkLost(this.#lost);
      for (const give of this.#waiting) give(error);
      this.#waiting.clear();
    });
  }

  /** Why it broke; undefined while it lives. */
  get lost(): string | undefined {
    return this.#lost;
  }

  /** Calls back once when the link breaks, at once where it is broken; returns what takes the call back. */
  onLost(give: (error: Error) => void): () => void {
    if (this.#lost === undefined) this.#waiting.add(give);
    else give(new LinkLost(this.#lost));
    return () => void this.#waiting.delete(give);
  }

  /** One call of the library that answers through a callback. Rejects with its error, or with `LinkLost`. */
  call<T>(begin: (done: (error: Error | null | undefined, value: T) => void) => unknown): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const forget = this.onLost(reject);
      if (this.#lost !== undefined) return;
      begin((error, value) => {
        forget();
        if (error) reject(error);
        else resolve(value);
      });
    });
  }

  end(): void {
    this.client.end();
  }
}

/**
 * Connects and logs in within `connect_timeout`. `executor-unreachable` for what another try may heal;
 * `authentication` when the host is not the one we know, or does not let us in.
 */
export async function openConnection(target: SshTarget, signal?: AbortSignal): Promise<Result<Connection>> {
  const found = await lookUp(target);
  return found.ok ? connect(found.value, signal) : found;
}

async function connect(target: SshTarget, signal: AbortSignal | undefined): Promise<Result<Connection>> {
  const credentials = await findCredentials(target);
  if (!credentials.ok) return credentials;
  const known = await readKnownHosts(target);
  if (!known.ok) return known;
  const road = await roadTo(target, signal);
  if (!road.ok) return road;
  const { socket, end } = road.value;
  const opened = await new Handshake(target, credentials.value, known.value).run(socket, signal);
  if (opened.ok) opened.value.onLost(end);
  else end();
  return opened;
}

/** A way to the port of a server, and what ends with it. */
interface Road {
  readonly socket: Duplex;
  readonly end: () => void;
}

/** Straight there, or through a connection of its own to the host on the way. */
async function roadTo(target: SshTarget, signal: AbortSignal | undefined): Promise<Result<Road>> {
  const { host, port } = target.settings;
  if (!target.via) {
    // Not ssh2's own socket: without TCP_NODELAY each command costs 40 ms twice.
    const socket = net.connect({ host, port, noDelay: true });
    return ok({ socket, end: () => socket.destroy() });
  }
  const hop = await openConnection(target.via, signal);
  if (!hop.ok) return hop;
  const { client } = hop.value;
  const end = (): void => void client.end();
  try {
    const socket = await hop.value.call<ClientChannel>((done) =>
      client.forwardOut('127.0.0.1', 0, host, port, done),
    );
    return ok({ socket, end });
  } catch (error) {
    end();
    const text = error instanceof Error ? error.message : String(error);
    const detail = `${addressOf(target.via)} does not lead to ${addressOf(target)} (AllowTcpForwarding of its sshd?): ${text}`;
    return failed({ reason: 'executor-unreachable', executor: target.name, detail });
  }
}

async function readKnownHosts(target: SshTarget): Promise<Result<string>> {
  const file = resolvePath(target, target.settings.known_hosts);
  try {
    return ok(await readFile(file, 'utf8'));
  } catch (error) {
    const code = errorCode(error) ?? 'unknown error';
    if (code === 'ENOENT') return ok('');
    return failed(refusal(target, `${file} cannot be read: ${code}`));
  }
}

class Handshake {
  readonly #target: SshTarget;
  readonly #credentials: Credentials;
  readonly #known: ReturnType<typeof parseKnownHosts>;
  readonly #client = new ssh2.Client();
  #keyRefusal: Failure | undefined;
  #isAnswered = false;
  #hasKeys = false;
  #agentError = '';
  #lastError: Error | undefined;

  constructor(target: SshTarget, credentials: Credentials, knownHosts: string) {
    this.#target = target;
    this.#credentials = credentials;
    this.#known = parseKnownHosts(knownHosts);
  }

  async run(socket: Duplex, signal: AbortSignal | undefined): Promise<Result<Connection>> {
    const { connect_timeout: limitMs } = this.#target.settings;
    const result = await new Promise<Result<Connection>>((resolve) => {
      const timer = setTimeout(
        () => resolve(this.#unreachable(`no login within ${limitMs / 1000} s`)),
        limitMs,
      );
      const abort = (): void => resolve(this.#unreachable('given up'));
      signal?.addEventListener('abort', abort, { once: true });
      if (signal?.aborted) abort();
      this.#listen(socket, (answer) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        resolve(answer);
      });
    });
    this.#isAnswered = true;
    if (!result.ok) {
      this.#client.destroy();
      socket.destroy();
    }
    return result;
  }

  #listen(socket: Duplex, answer: (result: Result<Connection>) => void): void {
    const client = this.#client;
    let server = '';
    client.on('handshake', () => {
      this.#hasKeys = true;
    });
    client.on('error', (error) => {
      if (this.#isAnswered) return;
      // The agent is one of several ways; the others are still tried.
      if (levelOf(error) === 'agent') this.#agentError = error.message;
      else this.#lastError ??= error;
    });
    client.once('ready', () => {
      server = remoteVersion(client);
      answer(ok(new Connection(client, server)));
    });
    client.once('close', () => {
      if (!this.#isAnswered) answer(this.#failure());
    });
    this.#connect(socket, answer);
  }

  #connect(socket: Duplex, answer: (result: Result<Connection>) => void): void {
    const { settings } = this.#target;
    try {
      this.#client.connect({
        sock: socket,
        username: this.#credentials.user,
        authHandler: [...this.#credentials.methods],
        hostVerifier: (key: Buffer) => this.#accepts(key),
        keepaliveInterval: settings.keepalive,
        keepaliveCountMax: 3,
        // Ours covers everything from the first packet to the login.
        readyTimeout: 0,
        ...this.#keyOrder(),
      });
    } catch (error) {
      answer(failed(refusal(this.#target, error instanceof Error ? error.message : String(error))));
    }
  }

  /** Asks first for keys that we know, as OpenSSH does: a host with three keys is known by any of them. */
  #keyOrder(): { readonly algorithms?: { readonly serverHostKey: ServerHostKeyAlgorithm[] } } {
    const types = knownKeyTypes(this.#known, knownAs(this.#target));
    if (types.length === 0) return {};
    const wanted = ALGORITHMS.filter(([type]) => types.includes(type)).flatMap(([, names]) => names);
    const rest = ALGORITHMS.flatMap(([, names]) => names).filter((name) => !wanted.includes(name));
    return { algorithms: { serverHostKey: [...wanted, ...rest] } };
  }

  #accepts(key: Buffer): boolean {
    const judged = judgeKey(this.#known, knownAs(this.#target), key);
    if (judged.verdict === 'known') return true;
    this.#keyRefusal ??= refusal(this.#target, this.#keyProblem(key, judged));
    return false;
  }

  #keyProblem(key: Buffer, judged: Exclude<ReturnType<typeof judgeKey>, { verdict: 'known' }>): string {
    const { known_hosts: file } = this.#target.settings;
    const { host, port } = knownAs(this.#target);
    const shown = `${typeOf(key)} ${fingerprint(key)}`;
    const address = addressOf(this.#target);
    if (judged.verdict === 'revoked') {
      return `${address} shows a key that line ${judged.line} of ${file} calls revoked: ${shown}`;
    }
    if (judged.verdict === 'changed') {
      return (
        `the key of ${address} is not the one in line ${judged.line} of ${file}: it shows ${shown}. ` +
        `Somebody may be between you and it. If its key was changed on purpose: ` +
        `ssh-keygen -R '${nameOf(host, port)}' -f ${file}, then add the new one`
      );
    }
    return (
      `the key of ${address} is not in ${file}: it shows ${shown}. ` +
      `If that is what its administrator says, add it: ssh-keyscan -p ${port} ${host} >> ${file}`
    );
  }

  #failure(): Result<never> {
    if (this.#keyRefusal) return failed(this.#keyRefusal);
    const error = this.#lastError;
    const text = error?.message ?? 'the server closed the connection';
    if (this.#hasKeys && !isOfTheLink(error)) {
      const agent = this.#agentError && ` (the agent said: ${this.#agentError})`;
      const { user, tried } = this.#credentials;
      const detail = `${addressOf(this.#target)} does not let ${user} in with ${tried.join(', ')}${agent}: ${text}`;
      return failed(refusal(this.#target, detail));
    }
    return this.#unreachable(text);
  }

  #unreachable(text: string): Result<never> {
    const { name } = this.#target;
    const detail = `${addressOf(this.#target)}: ${text}`;
    return failed({ reason: 'executor-unreachable', executor: name, detail });
  }
}

const ALGORITHMS: readonly (readonly [string, readonly ServerHostKeyAlgorithm[]])[] = [
  ['ssh-ed25519', ['ssh-ed25519']],
  ['ecdsa-sha2-nistp256', ['ecdsa-sha2-nistp256']],
  ['ecdsa-sha2-nistp384', ['ecdsa-sha2-nistp384']],
  ['ecdsa-sha2-nistp521', ['ecdsa-sha2-nistp521']],
  ['ssh-rsa', ['rsa-sha2-512', 'rsa-sha2-256']],
];

/** Once keys are agreed on, only these still speak of the link and not of the login. */
function isOfTheLink(error: Error | undefined): boolean {
  return error === undefined || levelOf(error) === 'client-socket' || levelOf(error) === 'client-timeout';
}

function levelOf(error: Error): string {
  return 'level' in error && typeof error.level === 'string' ? error.level : '';
}

/** What the server calls itself, for `context list`. */
function remoteVersion(client: Client): string {
  const version: unknown = Reflect.get(client, '_remoteVer');
  return typeof version === 'string' ? version : '';
}
