import { stat } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import type { BuildRequest, ContainerEngine } from '../../core/containers.ts';
import { type Failure, failed, ok, type Result } from '../../core/failure.ts';
import { contextEntries, contextTar, hashContext, readIgnoreRules } from './build-context.ts';
import { createTraceLines } from './buildkit-trace.ts';
import { ask, type Connection } from './connection.ts';
import { type EngineError, type EngineMessage, follow } from './follow.ts';

/** See ContainerEngine. */
export async function fingerprintOf({
  context,
  leave_out: never,
  dockerfile,
  ...facts
}: Parameters<ContainerEngine['fingerprint']>[0]): Promise<Result<string>> {
  const name = path.posix.normalize(dockerfile);
  const there = await stat(path.join(context, name)).catch(() => undefined);
  if (!there?.isFile() || name.startsWith('../')) {
    const message = `there is no ${name} in ${context}`;
    return failed({ reason: 'invalid', message, hint: 'A Dockerfile lies inside its build context.' });
  }
  const rules = await readIgnoreRules(context, name);
  if (!rules.ok) return rules;
  const entries = contextEntries(context, rules.value, { always: [name], never });
  return ok(await hashContext(context, entries, { name, ...facts }));
}

type BuildIo = Parameters<ContainerEngine['build']>[1];

const TAIL_LINES = 20;

/** Builds with BuildKit where the engine has it, otherwise with the classic builder; the value is the image's id. */
export async function buildImage(
  connection: Connection,
  request: BuildRequest,
  { signal, onLine }: BuildIo,
): Promise<Result<string>> {
  const { docker } = connection;
  const version = await builderVersion(connection);
  if (!version.ok) return version;
  const tail: string[] = [];
  const say = (line: string): void => {
    onLine(line);
    tail.push(line);
    if (tail.length > TAIL_LINES) tail.shift();
  };
  const reader = createReader(say);
  const dockerfile = path.posix.normalize(request.dockerfile);
  const rules = await readIgnoreRules(request.context, dockerfile);
  if (!rules.ok) return rules;
  // The classic builder takes both out again where they are to be ignored.
  const always = version.value === '1' ? [dockerfile, '.dockerignore'] : [dockerfile];
  const entries = contextEntries(request.context, rules.value, { always, never: request.leave_out });
  const start = (given: AbortSignal): Promise<NodeJS.ReadableStream> =>
    dialBuild(docker, contextTar(request.context, entries), {
      signal: given,
      query: queryOf(request, dockerfile, version.value),
    });
  const built = await follow(connection, start, { signal, onMessage: reader.read });
  if (!built.ok) return built;
  reader.flush();
  if (built.value) return failed(buildFailure(built.value, tail));
  const id = reader.imageId();
  if (id === undefined) {
    const message = 'the build ended without an image';
    return failed({ reason: 'reported', message, retryable: true });
  }
  return ok(id);
}

/** The engine says which builder is its better one; one of another system has no BuildKit. */
async function builderVersion({ docker, ...connection }: Connection): Promise<Result<'1' | '2'>> {
  const answered = await ask({ docker, ...connection }, () => docker.version());
  if (!answered.ok) return answered;
  const isModern = Number(answered.value.ApiVersion) >= 1.39 && answered.value.Os === 'linux';
  return ok(isModern ? '2' : '1');
}

function queryOf(request: BuildRequest, dockerfile: string, version: '1' | '2'): Record<string, unknown> {
  const { tags, args, labels, target, platform } = request;
  return {
    t: tags,
    dockerfile,
    version,
    rm: true,
    forcerm: true,
    buildargs: args,
    labels,
    ...(target !== undefined && { target }),
    ...(platform !== undefined && { platform }),
  };
}

/**
 * dockerode's own buildImage opens a session for BuildKit that stays open when a build fails or is cancelled,
 * and then this process would not end. A context that is sent along needs no session.
 */
function dialBuild(
  { modem }: Pick<Connection['docker'], 'modem'>,
  file: NodeJS.ReadableStream,
  { query, signal }: { readonly query: Record<string, unknown>; readonly signal: AbortSignal },
): Promise<NodeJS.ReadableStream> {
  return new Promise((resolve, reject) => {
    const statusCodes = { 200: true, 400: 'bad request', 500: 'server error' };
    const options = { path: '/build?', method: 'POST', options: query, file, isStream: true, statusCodes };
    modem.dial({ ...options, abortSignal: signal }, (error, stream) => {
      if (stream instanceof Readable) resolve(stream);
      else reject(error ?? new Error('no answer'));
    });
  });
}

/** Lines of either builder, and the id of what was built. */
function createReader(say: (line: string) => void): {
  readonly read: (message: EngineMessage) => void;
  readonly flush: () => void;
  readonly imageId: () => string | undefined;
} {
  const traceLines = createTraceLines();
  let partial = '';
  let id: string | undefined;
  const read = ({ stream, status, id: of, aux, error }: EngineMessage): void => {
    if (of === 'moby.buildkit.trace' && typeof aux === 'string') traceLines(aux).forEach(say);
    else if (isImageId(aux)) id = aux.ID;
    else if (stream !== undefined) {
      const lines = (partial + stream).split('\n');
      partial = lines.pop() ?? '';
      for (const line of lines) if (line.trim() !== '') say(line);
    } else if (status !== undefined) say(of === undefined ? status : `${of}: ${status}`);
    if (error !== undefined) say(`ERROR: ${error}`);
  };
  return { read, flush: () => void (partial.trim() !== '' && say(partial)), imageId: () => id };
}

function isImageId(aux: unknown): aux is { readonly ID: string } {
  return typeof aux === 'object' && aux !== null && 'ID' in aux && typeof aux.ID === 'string';
}

function buildFailure({ message, exitCode }: EngineError, tail: readonly string[]): Failure {
  // The classic builder has a field for it, BuildKit only words.
  const code = exitCode ?? Number(/exit code: (\d+)$/.exec(message)?.[1]);
  if (code > 0) return { reason: 'exit-non-zero', exit_code: code, tail };
  return { reason: 'reported', message: `the build failed: ${message}`, retryable: false };
}
