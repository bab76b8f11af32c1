import { Duplex } from 'node:stream';
import path from 'node:path';
import { chmodSync, mkdirSync } from 'node:fs';
import type { ContainerCreateOptions } from 'dockerode';
import { type Failure, failed, ok, type Result } from '../../core/failure.ts';
import type { DockerSettings } from '../../core/settings/contexts.ts';
import { ask, type Connection, statusOf } from '../docker/connection.ts';
import { found } from '../docker/images.ts';
import { Slots } from '../ssh/slots.ts';
import type { StepLink, StepSession } from '../ssh/step-channel.ts';
import { ExecChannel, outputOf } from './exec-channel.ts';
import { HOLDER, STOP_ALL } from './holder-script.ts';

/** The id of the image of a context. Nothing is pulled: what runs is what somebody has brought here. */
export async function findImage(
  connection: Connection,
  { name, settings: { image } }: Pick<ContainerLinkOptions, 'name' | 'settings'>,
): Promise<Result<string>> {
  const known = await ask(connection, async () => {
    const info = await found(connection.docker.getImage(image).inspect());
    return info?.Id;
  });
  if (!known.ok) return known;
  if (known.value !== undefined) return ok(known.value);
  return failed({
    reason: 'invalid',
    message: `context ${name}: there is no image ${image} on this machine`,
    hint: `Nothing is pulled by itself: docker pull ${image}`,
  });
}

interface ContainerLinkOptions {
  /** The context's name. */
  readonly name: string;
  readonly runId: string;
  /** `state/runs/<id>`, absolute. */
  readonly folder: string;
  readonly project: string;
  readonly settings: DockerSettings;
  /** Seconds that it goes on without us. */
  readonly leaseSeconds: number;
  /** `uid:gid` of who started us. */
  readonly self?: string | undefined;
}

/** Where the claims and exit records are in each container. */
const RECORDS = '/run/pipewright';
/** Between looking and beginning a container may end. */
const MOST_TRIES = 3;

/** One container of a run, made when the first command wants it, and again when it is gone. */
export class ContainerLink implements StepLink {
  readonly name: string;
  readonly recordsName = RECORDS;
  readonly records = RECORDS;
  readonly #options: ContainerLinkOptions;
  readonly #connection: Connection;
  readonly #slots: Slots;
  #opening: Promise<Result<string>> | undefined;
  /** Our hold on the container that we have started. */
  #hold: Duplex | undefined;
  #isClosed = false;

  constructor(connection: Connection, options: ContainerLinkOptions) {
    this.#connection = connection;
    this.#options = options;
    this.name = options.name;
    this.#slots = new Slots(options.settings.max_sessions);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  abandon(): void {
    // Each command has a connection of its own.
  }

  async exec(command: string): Promise<Result<StepSession>> {
    await this.#slots.acquire();
    let isHeld = true;
    const release = (): void => {
      if (isHeld) this.#slots.release();
      isHeld = false;
    };
    for (let tries = 1; ; tries += 1) {
      const begun = await this.#begin(command);
      if (begun.ok) {
        const session = new ExecChannel(begun.value);
        return ok({ session, connection: { lost: undefined, onLost: () => () => undefined }, release });
      }
      if (begun.failure !== 'gone' || tries === MOST_TRIES) {
        release();
        return failed(begun.failure === 'gone' ? this.#gone() : begun.failure);
      }
    }
  }

  /** Ends every command of the run, then the container; says what there was. */
  async stop(graceMs: number): Promise<readonly string[]> {
    const { docker } = this.#connection;
    const target = docker.getContainer(this.#container);
    const running = await ask(this.#connection, async () => (await target.inspect()).State.Running);
    if (!running.ok) return [];
    const begun = running.value
      ? await this.#execIn(STOP_ALL, [`R=${this.#options.runId}`, `G=${Math.ceil(graceMs / 100)}`])
      : undefined;
    const text = begun?.ok === true ? await outputOf(new ExecChannel(begun.value)) : '';
    // It removes itself at its end, and may be about to.
    await ask(this.#connection, () => target.remove({ force: true, v: true }));
    this.#hold?.destroy();
    this.#opening = undefined;
    return text
      .split('\u0001')
      .slice(1)
      .flatMap((entry): readonly string[] => {
        const [pid = '', ...args] = entry.split('\0').slice(0, -1);
        return args.length === 0 ? [] : [`${pid} ${args.join(' ')}`];
      });
  }

  /** Lets go of the container: it ends after its lease, unless a step that may go on goes on. */
  close(): void {
    this.#isClosed = true;
    this.#hold?.destroy();
    this.#connection.close();
  }

  get #container(): string {
    return `pipewright-${this.#options.runId}-${this.name}`;
  }

  #gone(): Failure {
    return {
      reason: 'executor-unreachable',
      executor: this.name,
      detail: `the container of ${this.name} ended as soon as it was started: ${this.#container}`,
    };
  }

  async #begin(command: string): Promise<Result<Duplex, Failure | 'gone'>> {
    this.#opening ??= this.#open();
    const opened = await this.#opening;
    if (!opened.ok) {
      // The next command may find it mended.
      this.#opening = undefined;
      return opened;
    }
    const begun = await this.#execIn(command, []);
    if (!begun.ok && begun.failure === 'gone') this.#opening = undefined;
    return begun;
  }

  async #execIn(command: string, env: readonly string[]): Promise<Result<Duplex, Failure | 'gone'>> {
    let isGone = false;
    const begun = await ask(this.#connection, async () => {
      try {
        const target = this.#connection.docker.getContainer(this.#container);
        const created = await target.exec({
          Cmd: ['/bin/sh', '-c', command],
          Env: [...env],
          AttachStdin: true,
          AttachStdout: true,
          AttachStderr: true,
        });
        return await created.start({ hijack: true, stdin: true });
      } catch (error) {
        isGone = statusOf(error) === 404 || statusOf(error) === 409;
        throw error;
      }
    });
    if (begun.ok) return ok(begun.value);
    return isGone ? { ok: false, failure: 'gone' } : begun;
  }

  /** The running container: that of the run's process before us, or a new one. */
  async #open(): Promise<Result<string>> {
    const { docker } = this.#connection;
    const known = await ask(this.#connection, async () => {
      const info = await found(docker.getContainer(this.#container).inspect());
      return info && (info.State.Running ? 'running' : 'ended');
    });
    if (!known.ok) return known;
    if (known.value === 'running') return ok(this.#container);
    const image = await findImage(this.#connection, this.#options);
    if (!image.ok) return image;
    mkdirSync(this.#records, { recursive: true, mode: 0o700 });
    // Whoever commands run as there; on this machine nobody else comes past the folder above.
    chmodSync(this.#records, 0o777);
    return ask(this.#connection, async () => {
      if (known.value === 'ended')
        await docker.getContainer(this.#container).remove({ force: true, v: true });
      const made = await docker.createContainer(this.#spec(image.value));
      const hold = await made.attach({ stream: true, stdin: true, hijack: true });
      this.#keep(hold);
      await made.start();
      return this.#container;
    });
  }

  /** Only its end is of interest; that of the container before is over. */
  #keep(hold: NodeJS.ReadWriteStream): void {
    hold.on('error', () => undefined);
    hold.resume();
    this.#hold?.destroy();
    this.#hold = hold instanceof Duplex ? hold : undefined;
  }

  /** On this machine: claims outlive the container. */
  get #records(): string {
    return path.join(this.#options.folder, 'steps', `in-${this.name}`);
  }

  #spec(image: string): ContainerCreateOptions {
    const { folder, project, settings, self, runId, leaseSeconds } = this.#options;
    const user = settings.user ?? self;
    const artifacts = path.join(folder, 'artifacts');
    const ours = settings.mount_project ? [`${project}:${project}`, `${artifacts}:${artifacts}`] : [];
    // A number that the image does not know has no home of its own.
    const home =
      settings.user === undefined && user !== undefined && !user.startsWith('0:') ? ['HOME=/tmp'] : [];
    return {
      name: this.#container,
      Image: image,
      Entrypoint: ['/bin/sh', '-c', HOLDER],
      Cmd: [],
      ...(user !== undefined && { User: user }),
      Env: [`LEASE=${leaseSeconds}`, `RECORDS=${RECORDS}/${runId}`, ...home],
      WorkingDir: '/',
      Labels: { 'pipewright.run': runId, 'pipewright.context': this.name },
      OpenStdin: true,
      StdinOnce: true,
      HostConfig: {
        AutoRemove: true,
        Binds: [`${this.#records}:${RECORDS}`, ...ours, ...settings.volumes],
        ...(settings.network !== undefined && { NetworkMode: settings.network }),
      },
    };
  }
}
