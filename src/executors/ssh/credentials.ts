import { readFile } from 'node:fs/promises';
import { homedir, userInfo } from 'node:os';
import path from 'node:path';
import ssh2, { type AnyAuthMethod } from 'ssh2';
import { errorCode } from '../../core/error-code.ts';
import { type Failure, failed, ok, type Result } from '../../core/failure.ts';
import type { SshTarget } from './target.ts';

/** How we say who we are. */
export interface Credentials {
  readonly user: string;
  /** In the order in which they are offered. */
  readonly methods: readonly AnyAuthMethod[];
  /** For a refused login: what was offered. */
  readonly tried: readonly string[];
}

const USUAL_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

/**
 * The named key first, since servers count what is offered; then the agent; without a named key the usual
 * files of ~/.ssh that can be read without a passphrase. Fails when the named key cannot be used.
 */
export async function findCredentials(target: SshTarget): Promise<Result<Credentials>> {
  const { settings, environment } = target;
  const user = settings.user ?? userInfo().username;
  const methods: AnyAuthMethod[] = [];
  const tried: string[] = [];
  if (settings.identity_file !== undefined) {
    const key = await namedKey(target, settings.identity_file);
    if (!key.ok) return key;
    methods.push({ type: 'publickey', username: user, ...key.value });
    tried.push(`key ${settings.identity_file}`);
  }
  const socket = environment['SSH_AUTH_SOCK'];
  if (settings.agent && socket) {
    methods.push({ type: 'agent', username: user, agent: socket });
    tried.push('the ssh agent');
  }
  if (settings.identity_file === undefined) {
    for (const name of USUAL_KEYS) {
      const key = await usualKey(path.join(homeOf(target), '.ssh', name));
      if (key === undefined) continue;
      methods.push({ type: 'publickey', username: user, key });
      tried.push(`key ~/.ssh/${name}`);
    }
  }
  if (methods.length > 0) return ok({ user, methods, tried });
  return failed(
    refusal(target, 'no key was found: no ssh agent, no identity_file, nothing usable in ~/.ssh'),
  );
}

/** Absolute: `~` is the home folder, everything else begins at the project. */
export function resolvePath(target: SshTarget, written: string): string {
  if (written === '~' || written.startsWith('~/')) return path.join(homeOf(target), written.slice(1));
  return path.resolve(target.project, written);
}

/** `authentication`: no try of ours will heal it. */
export function refusal({ name }: SshTarget, detail: string): Failure {
  return { reason: 'authentication', executor: name, detail };
}

function homeOf({ environment }: SshTarget): string {
  return environment['HOME'] ?? homedir();
}

async function namedKey(
  target: SshTarget,
  written: string,
): Promise<Result<{ readonly key: Buffer; readonly passphrase?: string }>> {
  const file = resolvePath(target, written);
  let key: Buffer;
  try {
    key = await readFile(file);
  } catch (error) {
    const code = errorCode(error) ?? 'unknown error';
    return failed(refusal(target, `the key ${file} cannot be read: ${code}`));
  }
  const { passphrase: reference } = target.settings;
  if (reference === undefined) {
    const problem = keyProblem(key);
    return problem === undefined
      ? ok({ key })
      : failed(refusal(target, `the key ${file} cannot be used: ${problem}`));
  }
  const passphrase = await target.secrets.resolve(`passphrase of context ${target.name}`, reference);
  if (!passphrase.ok) return passphrase;
  const problem = keyProblem(key, passphrase.value);
  return problem === undefined
    ? ok({ key, passphrase: passphrase.value })
    : failed(refusal(target, `the key ${file} cannot be used with its passphrase: ${problem}`));
}

function keyProblem(key: Buffer, passphrase?: string): string | undefined {
  const parsed = ssh2.utils.parseKey(key, passphrase);
  if (parsed instanceof Error) return parsed.message;
  return parsed.isPrivateKey() ? undefined : 'it is a public key';
}

async function usualKey(file: string): Promise<Buffer | undefined> {
  try {
    const key = await readFile(file);
    return keyProblem(key) === undefined ? key : undefined;
  } catch {
    return undefined;
  }
}
