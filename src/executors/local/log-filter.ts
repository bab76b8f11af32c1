/**
 * Program: masks secrets in a step's output. Reads standard input, writes standard output (the log).
 * A process of its own, so that masking goes on when the process that started the step is killed.
 *
 * Arguments: file descriptor of the channel to that process, the step's exit record, and, to keep a
 * copy of the output, a file and its limit in bytes. The channel brings one line of JSON, the values
 * to mask; it takes `done` once the output is complete, or `error <code>` when it could not be written.
 */
import { closeSync, existsSync, openSync, renameSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { errorCode } from '../../core/error-code.ts';
import { Masker } from './masker.ts';

/** Output of a daemon that keeps the pipe open does not hold up the step: so long after its end without a byte. */
const IDLE_MS = 300;
/** … or so long at most. */
const LINGER_MS = 2000;
const WITHHELD = '[output withheld: its process died before it could say what to mask]\n';

const [channelFd = '3', exitRecord = '', copyFile = '', copyLimit = '0'] = process.argv.slice(2);

const channel = new Socket({ fd: Number(channelFd), readable: true, writable: true });
channel.on('error', () => undefined);
// The step's group may be told to end; its last words must still be written.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGALRM'] as const) {
  process.on(signal, () => undefined);
}

const copy = copyFile ? openCopy(`${copyFile}.part`) : undefined;
let copyRoom = Number(copyLimit);
let hasReportedError = false;
let isDone = false;
let lastInputMs = performance.now();

readSecrets((secrets) => (secrets ? filter(new Masker(secrets)) : withhold()));

function readSecrets(then: (secrets: readonly string[] | undefined) => void): void {
  let text = '';
  let isAnswered = false;
  const answer = (secrets: readonly string[] | undefined): void => {
    if (isAnswered) return;
    isAnswered = true;
    // It must not keep us alive once the input has ended.
    channel.unref();
    then(secrets);
  };
  channel.setEncoding('utf8');
  channel.on('data', (chunk: string) => {
    text += chunk;
    if (text.endsWith('\n')) answer(parseSecrets(text));
  });
  channel.on('close', () => answer(undefined));
}

function parseSecrets(text: string): readonly string[] {
  const secrets: unknown = JSON.parse(text);
  return Array.isArray(secrets) ? secrets.map(String) : [];
}

function filter(masker: Masker): void {
  const timer = setInterval(lookForEnd, IDLE_MS / 2);
  process.stdin.on('data', (chunk: Buffer) => {
    lastInputMs = performance.now();
    put(masker.push(chunk));
  });
  process.stdin.on('end', () => {
    clearInterval(timer);
    put(masker.end());
    finish();
  });
}

/** What to mask is unknown: nothing is shown, but the step is not blocked either. */
function withhold(): void {
  writeAll(1, Buffer.from(WITHHELD));
  process.stdin.resume();
  process.stdin.on('end', finish);
}

let endSeenMs: number | undefined;

function lookForEnd(): void {
  const nowMs = performance.now();
  if (nowMs - lastInputMs < IDLE_MS && endSeenMs === undefined) return;
  if (!existsSync(exitRecord)) return;
  endSeenMs ??= nowMs;
  if (nowMs - lastInputMs >= IDLE_MS || nowMs - endSeenMs >= LINGER_MS) finish();
}

function put(bytes: Buffer): void {
  if (bytes.length === 0) return;
  writeAll(1, bytes);
  if (copy === undefined || copyRoom <= 0 || isDone) return;
  writeAll(copy, bytes.subarray(0, copyRoom));
  copyRoom -= bytes.length;
}

/** The output is complete as far as the step is concerned; a daemon's later output still reaches the log. */
function finish(): void {
  if (isDone) return;
  isDone = true;
  if (copy !== undefined) {
    closeSync(copy);
    renameSync(`${copyFile}.part`, copyFile);
  }
  channel.end('done\n');
}

function openCopy(file: string): number | undefined {
  try {
    return openSync(file, 'w', 0o600);
  } catch (error) {
    report(error);
    return undefined;
  }
}

function writeAll(fd: number, bytes: Buffer): void {
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
  } catch (error) {
    report(error);
  }
}

function report(error: unknown): void {
  if (hasReportedError) return;
  hasReportedError = true;
  channel.write(`error ${errorCode(error) ?? 'unknown'}\n`);
}
