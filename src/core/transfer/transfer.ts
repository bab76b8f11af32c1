import { shellQuote } from '../shell-quote.ts';
import { type Failure, failed, ok, type Result, reported } from '../failure.ts';
import type { CopyReport, Host, Hosts } from '../hosts.ts';
import type { Clock } from '../ports.ts';
import { sanitizeText } from '../terminal-text.ts';
import { EXPAND_HOME, listPlace, type Listing } from './listing.ts';
import { baseName, join, placeText, type TransferPlace } from './place.ts';

export interface TransferRequest {
  readonly from: TransferPlace;
  readonly to: TransferPlace;
  readonly onProgress?: (progress: TransferProgress) => void;
  /** A line for people: a link that broke and is tried again. */
  readonly onNote?: (line: string) => void;
}

export interface TransferProgress {
  readonly done_bytes: number;
  /** Undefined while it is not known. */
  readonly total_bytes: number | undefined;
  readonly files_done: number;
  readonly files: number;
}

/** What was copied, compared on both sides. */
export interface TransferReport {
  readonly from: string;
  /** Where it is now, also where only a folder was named. */
  readonly to: string;
  readonly files: number;
  readonly folders: number;
  readonly links: number;
  readonly bytes: number;
  /** Were there already. */
  readonly resumed_bytes: number;
  /** Of a single file. */
  readonly sha256?: string;
  readonly duration_ms: number;
  /** Pipes, sockets and devices, which cannot be copied. */
  readonly skipped: readonly string[];
}

export interface TransferDeps {
  readonly hosts: Hosts;
  readonly clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
}

const SIDE_BY_SIDE = 4;
const MAX_TRIES = 5;

/**
 * Copies a file, or a folder with all that is in it, between any two contexts. A link that breaks is tried again,
 * and what has arrived is not sent twice. Like `cp -r`: a target that is a folder takes it in under its name.
 */
export async function transfer(
  deps: TransferDeps,
  request: TransferRequest,
  signal: AbortSignal,
): Promise<Result<TransferReport>> {
  const began = deps.clock.monotonicMs();
  const done = await new Transfer(deps, request, signal).run();
  return done.ok ? ok({ ...done.value, duration_ms: Math.round(deps.clock.monotonicMs() - began) }) : done;
}

type Done = Omit<TransferReport, 'duration_ms'>;

class Transfer {
  readonly #deps: TransferDeps;
  readonly #request: TransferRequest;
  readonly #signal: AbortSignal;
  #doneBytes = 0;
  #filesDone = 0;
  #files = 1;
  #totalBytes: number | undefined;

  constructor(deps: TransferDeps, request: TransferRequest, signal: AbortSignal) {
    this.#deps = deps;
    this.#request = request;
    this.#signal = signal;
  }

  async run(): Promise<Result<Done>> {
    const { from, to } = this.#request;
    const source = await this.#host(from);
    if (!source.ok) return source;
    const sink = await this.#host(to);
    if (!sink.ok) return sink;
    const there = await this.#again(() =>
      listPlace(source.value, from.path, { isDeep: true, signal: this.#signal }),
    );
    if (!there.ok) return there;
    if (there.value.type === 'none') return reported(`${placeText(from)}: there is no such file or folder`);
    const target = await this.#target(sink.value, there.value.type === 'folder');
    if (!target.ok) return target;
    return there.value.type === 'file'
      ? this.#copyFile(target.value)
      : this.#copyFolder(there.value, sink.value, target.value);
  }

  async #host({ context }: TransferPlace): Promise<Result<Host>> {
    return this.#deps.hosts.open(context);
  }

  /** The path that the source will have there. */
  async #target(sink: Host, isSourceFolder: boolean): Promise<Result<string>> {
    const { from, to } = this.#request;
    const before = await this.#again(() => listPlace(sink, to.path, { isDeep: false, signal: this.#signal }));
    if (!before.ok) return before;
    const name = baseName(from.path);
    if (before.value.type === 'file') {
      const isWrong = isSourceFolder || to.isFolder;
      return isWrong ? reported(`${placeText(to)} is a file, not a folder`) : ok(to.path);
    }
    const isInto = before.value.type === 'folder' || to.isFolder;
    // `.` has no name to be taken in under: its contents go there.
    return ok(isInto && name !== '' ? join(to.path, name) : to.path);
  }

  async #copyFile(path: string): Promise<Result<Done>> {
    const { from, to } = this.#request;
    const copied = await this.#copy(from.path, path);
    if (!copied.ok) return copied;
    const { bytes, resumed_bytes: resumedBytes, sha256 } = copied.value;
    return ok({
      from: placeText(from),
      to: placeText({ ...to, path }),
      files: 1,
      folders: 0,
      links: 0,
      bytes,
      resumed_bytes: resumedBytes,
      sha256,
      skipped: [],
    });
  }

  async #copyFolder(
    listing: Extract<Listing, { readonly type: 'folder' }>,
    sink: Host,
    root: string,
  ): Promise<Result<Done>> {
    const { from, to } = this.#request;
    const { folders, files, links, others } = listing;
    this.#files = files.length;
    this.#totalBytes = listing.bytes;
    const made = await this.#run(sink, root, foldersScript(folders));
    if (made) return failed(made);
    const copied = await this.#copyAll(files.map((file) => [join(from.path, file), join(root, file)]));
    if (!copied.ok) return copied;
    const linked = await this.#run(sink, root, linksScript(links));
    if (linked) return failed(linked);
    return ok({
      from: placeText(from),
      to: placeText({ ...to, path: root }),
      files: files.length,
      folders: folders.length + 1,
      links: links.length,
      bytes: sum(copied.value.map(({ bytes }) => bytes)),
      resumed_bytes: sum(copied.value.map((report) => report.resumed_bytes)),
      skipped: others.map((name) => sanitizeText(name)),
    });
  }

  /** Some at a time; stops at the first that cannot be copied. */
  async #copyAll(pairs: readonly (readonly [string, string])[]): Promise<Result<readonly CopyReport[]>> {
    const left = [...pairs].toReversed();
    const reports: CopyReport[] = [];
    const failures: Failure[] = [];
    const worker = async (): Promise<void> => {
      for (let pair = left.pop(); pair && failures.length === 0; pair = left.pop()) {
        const copied = await this.#copy(...pair);
        if (copied.ok) reports.push(copied.value);
        else failures.push(copied.failure);
      }
    };
    await Promise.all(Array.from({ length: Math.min(SIDE_BY_SIDE, left.length) }, worker));
    const [failure] = failures;
    return failure ? failed(failure) : ok(reports);
  }

  async #copy(fromPath: string, toPath: string): Promise<Result<CopyReport>> {
    const { from, to } = this.#request;
    // Another try begins with what has arrived.
    let doneBytes = 0;
    const note = (bytes: number): void => {
      this.#doneBytes += bytes - doneBytes;
      doneBytes = bytes;
      this.#tell();
    };
    const copied = await this.#again(() =>
      this.#deps.hosts.copy(
        {
          from: { context: from.context, path: fromPath },
          to: { context: to.context, path: toPath },
          onProgress: ({ done_bytes: done, total_bytes: total }) => {
            if (this.#files === 1) this.#totalBytes = total;
            note(done);
          },
        },
        this.#signal,
      ),
    );
    if (copied.ok) {
      this.#filesDone += 1;
      note(copied.value.bytes);
    }
    return copied;
  }

  #tell(): void {
    this.#request.onProgress?.({
      done_bytes: this.#doneBytes,
      total_bytes: this.#totalBytes,
      files_done: this.#filesDone,
      files: this.#files,
    });
  }

  /** Runs the lines with the path `root` in `$P`. */
  async #run(host: Host, root: string, lines: readonly string[]): Promise<Failure | undefined> {
    if (lines.length === 0) return undefined;
    const script = [EXPAND_HOME, ...lines].join('\n');
    const said = await this.#again(() => host.exec({ script, env: { P: root } }, this.#signal));
    if (!said.ok) return said.failure;
    if (said.value.exit_code === 0) return undefined;
    const words = sanitizeText(said.value.stderr.trim().split('\n').at(-1) ?? '');
    return { reason: 'reported', message: `${host.name}: ${words}`, retryable: false };
  }

  /** A link that breaks is tried again; waits become longer. */
  async #again<T>(work: () => Promise<Result<T>>): Promise<Result<T>> {
    for (let tries = 1; ; tries += 1) {
      const result = await work();
      if (result.ok || result.failure.reason !== 'executor-unreachable') return result;
      if (tries === MAX_TRIES || this.#signal.aborted) return result;
      const waitMs = 1000 * 2 ** (tries - 1);
      this.#request.onNote?.(
        `${result.failure.detail}; attempt ${tries + 1} of ${MAX_TRIES} in ${waitMs / 1000} s`,
      );
      await this.#deps.clock.sleep(waitMs, this.#signal);
    }
  }
}

/** A link in the place of a folder would lead what follows somewhere else. */
function foldersScript(folders: readonly string[]): readonly string[] {
  return [
    'd() { d=${P%/}/$1; [ -L "$d" ] && { rm -f -- "$d" || exit 1; }; mkdir -p -- "$d" || exit 1; }',
    'mkdir -p -- "$P" || exit 1',
    ...folders.map((folder) => `d ${shellQuote(folder)}`),
  ];
}

function linksScript(
  links: readonly { readonly path: string; readonly target: string }[],
): readonly string[] {
  if (links.length === 0) return [];
  return [
    'l() { l=${P%/}/$2; if [ -d "$l" ] && [ ! -L "$l" ]; then echo "$l is a folder" >&2; exit 1; fi; rm -f -- "$l"; ln -s -- "$1" "$l" || exit 1; }',
    ...links.map(({ path, target }) => `l ${shellQuote(target)} ${shellQuote(path)}`),
  ];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
