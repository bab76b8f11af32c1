import { statSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { harmlessJson, oneLine, sanitizeText } from './core/terminal-text.ts';
import type { Command, HelpCommand } from './cli/command.ts';
import { dispatch } from './cli/dispatch.ts';
import { parseCommand } from './cli/parse.ts';
import type { Services } from './cli/services.ts';
import { createTerminal, type Terminal } from './cli/terminal.ts';
import { type Failure, toFailure, type Result } from './core/failure.ts';
import type { Engine, EngineDeps } from './core/engine/api.ts';
import type { StoredRun } from './core/ports.ts';
import type { Vcs } from './core/vcs.ts';
import type { Notifier } from './core/notify.ts';
import { builtInKinds, openConfig, SHIPPED_PIPELINES } from './open-config.ts';
import { keepResults } from './keep-results.ts';
import { openEngine } from './open-engine.ts';
import { placesIn } from './project-places.ts';
import type { RunScreen } from './screen-session.ts';
import { systemClock } from './system/clock.ts';
import { systemIdentity } from './system/identity.ts';
import { createSecrets } from './system/secrets.ts';
import { tellLater } from './tell-later.ts';
import { openTtyWriter } from './ui/panes/tty-writer.ts';

// Everything that not each command needs is imported where it is used: `runs` loads no YAML, `schema` no journal.

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parseCommand(argv, process.env);
  if (!parsed.ok) return refuse(argv, parsed.failure);
  const command = parsed.value;
  const terminal = createTerminal(process, command, openTtyWriter);
  if (command.name === 'help' || command.name === 'version' || command.name === 'completion') {
    await terminal.write(await textOf(command, terminal));
    return 0;
  }
  // A hook is written once: a linked working tree may lack the project's folder, and its commits are checked all the same.
  const isHook = command.name === 'hook' && command.verb === 'run';
  const nowhere = isHook ? undefined : whyNoProject(command.project);
  if (nowhere) return refuse(argv, nowhere);
  const { services, told } = await createServices(command, terminal);
  const code = await dispatch(command, services);
  await told();
  return code === 0 ? await codeOfOutput(terminal) : code;
}

/** A reader that has read enough is no failure; a result that a full disk swallowed is. */
async function codeOfOutput(terminal: Terminal): Promise<number> {
  // The error of the last write comes a moment after it.
  await new Promise(setImmediate);
  const cause: unknown = terminal.closed.reason;
  if (!terminal.closed.aborted || (cause !== 'ENOSPC' && cause !== 'EDQUOT' && cause !== 'EIO')) return 0;
  terminal.say(`pipewright: stdout cannot be written (${cause}): what was printed is not whole`);
  return 1;
}

/** What is read of a damaged journal is what stands before the damage: that must not be taken for all. */
async function sayDamage({ damage }: StoredRun, terminal: Terminal): Promise<void> {
  const [first] = damage;
  if (!first) return;
  const { describeFailure, hintFor } = await import('./reporters/describe-failure.ts');
  const failure = { reason: 'journal-corrupt', file: first.file, byte: first.byte } as const;
  terminal.say(`pipewright: ${describeFailure(failure)}; shown is what comes before it`);
  terminal.say(`  ${hintFor(failure) ?? ''}`);
}

/** The folder that a project would be in is not there, or Node.js cannot open it. */
function whyNoProject(given: string | undefined): Failure | undefined {
  let folder: string;
  try {
    folder = path.resolve(given ?? '');
  } catch {
    return { reason: 'invalid', message: 'the folder that this shell is in is not there any more' };
  }
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return undefined;
  return folder.includes('\uFFFD')
    ? {
        reason: 'invalid',
        message: `the path ${folder} is not valid UTF-8`,
        hint: 'Node.js cannot open it: rename that folder.',
      }
    : { reason: 'invalid', message: `--project: there is no folder "${given ?? folder}".` };
}

/** A command line that is not understood: the reason on stderr, with --json also on stdout. */
function refuse(argv: readonly string[], failure: Failure & { message?: string; hint?: string }): number {
  console.error(`pipewright: ${oneLine(failure.message ?? 'the command line is not understood')}`);
  if (failure.hint !== undefined) console.error(`  ${oneLine(failure.hint)}`);
  if (argv.includes('--json')) console.log(harmlessJson({ error: failure, exit_code: 2 }, 2));
  return 2;
}

async function textOf(
  command: Extract<Command, { readonly name: 'help' | 'version' | 'completion' }>,
  terminal: Terminal,
): Promise<string> {
  if (command.name === 'completion') {
    return (await import('./cli/completion.ts')).completionScript(command.shell);
  }
  if (command.name === 'help') return helpOf(command, terminal);
  return `${await readVersion()}\n`;
}

async function readVersion(): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  const manifest: unknown = JSON.parse(
    await readFile(path.resolve(import.meta.dirname, '../package.json'), 'utf8'),
  );
  return typeof manifest === 'object' && manifest && 'version' in manifest ? String(manifest.version) : '';
}

async function helpOf(command: HelpCommand, terminal: Terminal): Promise<string> {
  const { helpText, parameterHelp } = await import('./cli/help.ts');
  const { topic, target } = command;
  if (target === undefined) return `${helpText(topic)}\n`;
  const pipelines = await (await createServices(command, terminal)).services.pipelines();
  const loaded = await pipelines.load(target);
  if (loaded.ok) {
    const { name, params } = loaded.value.definition;
    return `${sanitizeText(helpText(topic, parameterHelp(name, params)))}\n`;
  }
  const { failure } = loaded;
  const why = 'text' in failure ? failure.text : 'message' in failure ? [failure.message] : [];
  for (const line of why) terminal.say(line);
  return `${helpText(topic)}\n`;
}

/** `--project` and `--state`. */
interface GivenPlaces {
  readonly project?: string;
  readonly state?: string;
}

interface Composed {
  readonly services: Services;
  /** Resolves when everybody has been told who is to hear of this process's runs. */
  readonly told: () => Promise<void>;
}

async function createServices(places: GivenPlaces, terminal: Terminal): Promise<Composed> {
  const cwd = process.cwd();
  const { findProject, PROJECT_FILE } = await import('./config/find-project.ts');
  const project = placesIn(await findProject(cwd, places.project), places.state, {
    cwd,
    name: PROJECT_FILE,
  });
  const identity = systemIdentity();
  const store = once(async () => {
    const { createRunStore } = await import('./persistence/run-store.ts');
    return createRunStore({ stateDir: project.stateDir, identity, clock: systemClock });
  });
  const config = once(() => openConfig(project, terminal));
  const secrets = createSecrets({ env: process.env, project: project.root });
  const notifier: Notifier = {
    send: async (...notice) => {
      const { openNotifier } = await import('./notices.ts');
      return openNotifier({ project, secrets, warn: terminal.say }).send(...notice);
    },
  };
  const background = tellLater(notifier, terminal);
  const inner: Composed['told'][] = [];
  const { stateDir } = project;
  const projectSettings: Services['settings'] = async () => {
    const loaded = await config();
    return loaded.ok ? { ok: true, value: loaded.value.settings } : loaded;
  };
  const results = keepResults({
    stateDir,
    secrets,
    store,
    settings: projectSettings,
    say: terminal.say,
  });
  const engine = async (given: Pick<EngineDeps, 'kinds' | 'prompter' | 'store'>): Promise<Engine> =>
    openEngine({
      ...given,
      identity,
      secrets,
      vcs: openVcs,
      say: terminal.say,
      project,
      notifier: background,
    });
  const services: Services = {
    terminal,
    env: process.env,
    cwd,
    identity,
    now: systemClock.now,
    project,
    store,
    views: once(async () => {
      const { createViews } = await import('./reporters/index.ts');
      return createViews({ sink: terminal, hasColor: terminal.hasColor, cwd });
    }),
    vcs: openVcs,
    hooks: async () => {
      const { openProjectHooks } = await import('./project-hooks.ts');
      return openProjectHooks({
        project,
        node: process.execPath,
        launcher: path.resolve(process.argv[1] ?? ''),
      });
    },
    settings: projectSettings,
    engine: async (prompter) => {
      const loaded = await config();
      if (!loaded.ok) return loaded;
      const { kinds } = loaded.value.deps;
      return { ok: true, value: await engine({ kinds, prompter, store: await results.store() }) };
    },
    caretaker: async () => {
      const { nobody } = await import('./cli/prompter.ts');
      return engine({ kinds: {}, prompter: nobody, store: await store() });
    },
    state: async (runId) => {
      const { stateOf } = await import('./core/engine/engine.ts');
      const stored = await (await store()).read(runId);
      if (stored.ok) await sayDamage(stored.value, terminal);
      return stored.ok ? { ok: true, value: stateOf(stored.value, systemClock.nowMs()) } : stored;
    },
    pipelines: async () =>
      (await import('./pipeline-source.ts')).createPipelineSource({ config, terminal, cwd }),
    screen: async (common, prepared) => {
      const { runScreen } = await loadScreen();
      const release = terminal.holdBack();
      return runScreen({ services, common, ...(prepared && { prepared }) }).finally(release);
    },
    schema: async (of) => {
      const { pipelineJsonSchema, projectJsonSchema } = await import('./config/json-schema.ts');
      if (of === 'project') return projectJsonSchema();
      const loaded = await config();
      return pipelineJsonSchema(loaded.ok ? loaded.value.deps.kinds : await builtInKinds());
    },
    firstFiles: async () => (await import('./config/first-files/index.ts')).firstFiles(project.root),
    notifier,
    at: async (folder) => {
      const there = await createServices({ project: folder }, terminal);
      inner.push(there.told);
      return there.services;
    },
    shippedPipeline: (name) => path.join(SHIPPED_PIPELINES, `${name}.yaml`),
    hosts: async (contexts) => {
      const { createHosts } = await import('./executors/host/hosts.ts');
      return createHosts({ contexts, project: project.root, environment: process.env, secrets });
    },
    lookAtContainer: async (name, settings) => {
      const { lookAtContainer } = await import('./executors/docker.ts');
      return lookAtContainer({ name, settings, environment: process.env });
    },
    delivery: async () => {
      const { createDeliveryDesk } = await import('./delivery-desk.ts');
      return createDeliveryDesk(project, services.settings);
    },
    cases: async (pipeline, settings) =>
      (await import('./case-place.ts')).openCasePlace({ pipeline, settings }, project, identity),
    server: async (options) => {
      const { createServerOpener } = await import('./open-server.ts');
      return createServerOpener({
        project,
        identity,
        secrets,
        store: await store(),
        version: await readVersion(),
        launcher: path.resolve(process.argv[1] ?? ''),
      })(options);
    },
    queue: async () => {
      const { createQueueDesk } = await import('./queue-desk.ts');
      const { say } = terminal;
      return createQueueDesk({ project, env: process.env, secrets, say }, services.settings);
    },
    results: results.desk,
    runProcesses: async () => {
      const { findRunProcesses, killRunProcesses } = await import('./system/run-processes.ts');
      return { find: findRunProcesses, kill: killRunProcesses };
    },
  };
  return {
    services,
    told: async () => {
      await Promise.all([background.told, results.told, ...inner].map((told) => told()));
    },
  };
}

/**
 * React picks its build by NODE_ENV when it is loaded; the one for development keeps every measurement in memory.
 * Afterwards the variable is what it was: commands inherit it, and `npm ci` reads it.
 */
async function loadScreen(): Promise<{ readonly runScreen: RunScreen }> {
  const before = process.env['NODE_ENV'];
  process.env['NODE_ENV'] = 'production';
  // The layout engine would read its own data: URL with fetch; loading what that needs takes as long as all the rest.
  const fetching = Object.getOwnPropertyDescriptor(globalThis, 'fetch');
  Reflect.deleteProperty(globalThis, 'fetch');
  try {
    await (await import('./layout-engine.ts')).loadLayoutEngine();
    return await import('./screen-session.ts');
  } finally {
    if (fetching) Object.defineProperty(globalThis, 'fetch', fetching);
    if (before === undefined) delete process.env['NODE_ENV'];
    else process.env['NODE_ENV'] = before;
  }
}

async function openVcs(folder: string): Promise<Result<Vcs>> {
  return (await import('./vcs/index.ts')).openVcs(folder);
}

/** The first call makes it; later ones get the same. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

/** The one place where a bug becomes a sentence. */
function crash(error: unknown): number {
  const failure = toFailure(error);
  console.error(
    `pipewright: ${failure.reason === 'unexpected' ? (failure.stack ?? failure.message) : failure.reason}`,
  );
  console.error('  This is a bug in Pipewright; what was recorded of the run is whole.');
  return 1;
}

// Once nothing is left to do: taking the heap apart piece by piece would hold the caller up by several milliseconds.
process.once('beforeExit', () => process.exit());
async function start(): Promise<void> {
  process.exitCode = await main(process.argv.slice(2)).catch(crash);
}

// Not awaited: the program is built as a script, which cannot wait while it is loaded.
void start();
