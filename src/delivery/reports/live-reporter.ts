import fs from 'node:fs';

/** Longer messages are for the log; the report names them. */
const LONGEST_MESSAGE = 4000;

interface Told {
  readonly id: string;
  readonly name: string;
  readonly file?: string | undefined;
  readonly status: 'passed' | 'failed' | 'skipped';
  readonly duration_ms?: number | undefined;
  readonly message?: string | undefined;
}

// What each runner hands over, as far as it is used here.

interface VitestCase {
  readonly id: string;
  readonly fullName: string;
  readonly module: { readonly moduleId: string };
  readonly result: () => {
    readonly state: string;
    readonly errors?: readonly { readonly message?: string }[];
  };
  readonly diagnostic: () => { readonly duration: number } | undefined;
}

interface VitestModule {
  readonly id: string;
  readonly moduleId: string;
  readonly state: () => string;
  readonly errors: () => readonly { readonly message?: string }[];
}

interface VitestTask {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly mode?: string;
  readonly file?: { readonly filepath: string };
  readonly suite?: VitestTask;
  readonly result?: {
    readonly state?: string;
    readonly duration?: number;
    readonly errors?: readonly { readonly message?: string }[];
  };
}

interface VitestContext {
  readonly state?: { readonly idMap?: ReadonlyMap<string, VitestTask> };
}

interface JestTest {
  readonly fullName: string;
  readonly status: string;
  readonly duration?: number | null;
  readonly failureMessages?: readonly string[];
}

interface JestFile {
  readonly testResults: readonly JestTest[];
  readonly failureMessage?: string | null;
  readonly testExecError?: unknown;
}

interface MochaTest {
  readonly title: string;
  readonly file?: string;
  readonly duration?: number;
  readonly fullTitle: () => string;
}

interface MochaRunner {
  readonly on: (
    event: string,
    listener: (test: MochaTest, error?: { readonly message?: string }) => void,
  ) => unknown;
}

interface PlaywrightTest {
  readonly id: string;
  readonly retries: number;
  readonly expectedStatus: string;
  readonly location: { readonly file: string };
  readonly titlePath: () => readonly string[];
}

interface PlaywrightResult {
  readonly status: string;
  readonly retry: number;
  readonly duration: number;
  readonly error?: { readonly message?: string };
}

/**
 * A reporter for vitest, jest, mocha and playwright that writes each test as one JSON line to the file that
 * PIPEWRIGHT_LIVE names, when it ends. It is loaded by the runner, in its process, and depends on nothing: the runner's
 * Node may be an old one.
 */
class LiveReporter {
  readonly #said = new Set<string>();
  #vitest: VitestContext | undefined;

  /** Mocha gives its runner; the others give options. */
  constructor(given?: unknown) {
    if (isMochaRunner(given)) this.#followMocha(given);
  }

  // ------------------------------------------------------------- vitest

  onInit(context: VitestContext): void {
    this.#vitest = context;
  }

  onTestModuleEnd(module: VitestModule): void {
    const errors = module.errors();
    if (module.state() !== 'failed' || errors.length === 0) return;
    this.#say({
      id: module.id,
      name: module.moduleId,
      file: module.moduleId,
      status: 'failed',
      message: errors[0]?.message,
    });
  }

  /** Before vitest 3, which calls it too; the lines are then the same. */
  onTaskUpdate(packs: readonly (readonly [string, ...unknown[]])[]): void {
    for (const [id] of packs) {
      const task = this.#vitest?.state?.idMap?.get(id);
      if (task?.type === 'test' || task?.type === 'custom') this.#vitestTask(task);
    }
  }

  #vitestTask(task: VitestTask): void {
    const { state, duration, errors } = task.result ?? {};
    const isSkipped = task.mode === 'skip' || task.mode === 'todo' || state === 'skip';
    if (!isSkipped && state !== 'pass' && state !== 'fail') return;
    this.#say({
      id: task.id,
      name: [...groupsOf(task.suite), task.name].join(' > '),
      file: task.file?.filepath,
      status: isSkipped ? 'skipped' : state === 'pass' ? 'passed' : 'failed',
      duration_ms: duration,
      message: errors?.[0]?.message,
    });
  }

  // ------------------------------------- vitest and jest, by the same name

  onTestCaseResult(first: VitestCase | { readonly path: string }, second?: JestTest): void {
    if ('path' in first) {
      if (second) this.#jestTest(first.path, second);
      return;
    }
    const { state, errors } = first.result();
    if (state === 'pending') return;
    this.#say({
      id: first.id,
      name: first.fullName,
      file: first.module.moduleId,
      status: state === 'passed' || state === 'failed' ? state : 'skipped',
      duration_ms: first.diagnostic()?.duration,
      message: errors?.[0]?.message,
    });
  }

  // --------------------------------------------------------------- jest

  onTestResult({ path }: { readonly path: string }, file: JestFile): void {
    for (const test of file.testResults) this.#jestTest(path, test);
    const message = file.failureMessage ?? 'the file could not be loaded';
    if (file.testExecError !== undefined && file.testExecError !== null)
      this.#say({ id: path, name: path, file: path, status: 'failed', message });
  }

  #jestTest(file: string, { fullName, status, duration, failureMessages }: JestTest): void {
    this.#say({
      id: `${file} ${fullName}`,
      name: fullName,
      file,
      status: status === 'passed' || status === 'failed' ? status : 'skipped',
      duration_ms: duration ?? undefined,
      message: failureMessages?.[0],
    });
  }

  // -------------------------------------------------------------- mocha

  /** Mocha has one reporter at a time: people read these lines in the log. */
  #followMocha(runner: MochaRunner): void {
    const tell =
      (status: Told['status'], mark: string) => (test: MochaTest, error?: { readonly message?: string }) => {
        const name = test.fullTitle();
        process.stdout.write(`${mark} ${name}\n${error ? `    ${error.message ?? 'failed'}\n` : ''}`);
        this.#say({
          id: `${test.file ?? ''} ${name}`,
          name,
          file: test.file,
          status,
          duration_ms: test.duration,
          message: error?.message,
        });
      };
    runner.on('pass', tell('passed', '✓'));
    runner.on('fail', tell('failed', '✗'));
    runner.on('pending', tell('skipped', '-'));
  }

  // --------------------------------------------------------- playwright

  onTestEnd(test: PlaywrightTest, result: PlaywrightResult): void {
    const isExpected = result.status === test.expectedStatus;
    const isSkipped = result.status === 'skipped';
    // It is tried again, and the last try counts.
    if (!isExpected && !isSkipped && result.retry < test.retries) return;
    this.#say({
      id: test.id,
      name: test.titlePath().filter(Boolean).join(' > '),
      file: test.location.file,
      status: isSkipped ? 'skipped' : isExpected ? 'passed' : 'failed',
      duration_ms: result.duration,
      message: result.error?.message,
    });
  }

  /** Asked by playwright: another reporter prints for people. */
  printsToStdio(): boolean {
    return false;
  }

  // --------------------------------------------------------------------

  #say({ message, ...test }: Told): void {
    const file = process.env['PIPEWRIGHT_LIVE'];
    const line = JSON.stringify({
      ...test,
      ...(test.status === 'failed' && { message: (message ?? '').slice(0, LONGEST_MESSAGE) }),
    });
    // Vitest and jest tell of a test twice.
    if (file === undefined || this.#said.has(line)) return;
    this.#said.add(line);
    fs.appendFileSync(file, `${line}\n`);
  }
}

function isMochaRunner(value: unknown): value is MochaRunner {
  return (
    typeof value === 'object' &&
    value !== null &&
    'on' in value &&
    typeof value.on === 'function' &&
    'suite' in value
  );
}

function groupsOf(suite: VitestTask | undefined): readonly string[] {
  return suite && suite.type === 'suite' && suite.name !== '' ? [...groupsOf(suite.suite), suite.name] : [];
}

// The runners look for the default export.
export { LiveReporter as default };
