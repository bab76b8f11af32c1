import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import type { z } from 'zod';
import type { Engine, StartRequest } from '../../../src/core/engine/api.ts';
import { failed, type Result } from '../../../src/core/failure.ts';
import type { Host } from '../../../src/core/hosts.ts';
import type { ReleaseStore, ServiceHistory } from '../../../src/core/releases.ts';
import type { RunState } from '../../../src/core/run-state.ts';
import { buildSchema } from '../../../src/core/settings/build.ts';
import { contextsSchema } from '../../../src/core/settings/contexts.ts';
import { deploySchema } from '../../../src/core/settings/deploy.ts';
import { defaultSettings, type StageSettings } from '../../../src/core/settings/index.ts';
import { verifySchema } from '../../../src/core/settings/verify.ts';
import type { LockPlace } from '../../../src/delivery/lock.ts';
import { createProcessRuntime } from '../../../src/delivery/process/runtime.ts';
import { createHosts } from '../../../src/executors/host/hosts.ts';
import { createReleaseStore } from '../../../src/persistence/release-store.ts';
import { createRunStore } from '../../../src/persistence/run-store.ts';
import { openEngine } from '../../../src/open-engine.ts';
import { stageKinds } from '../../../src/stages/index.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { systemIds } from '../../../src/system/ids.ts';
import { openVcs } from '../../../src/vcs/index.ts';
import { driveWith, requestFor } from '../../support/fakes.ts';
import { freePort } from '../../support/free-port.ts';
import { get } from '../../support/load.ts';
import { gitLab, type RepositoryLab } from '../../support/repositories.ts';
import { valueOf } from '../../support/results.ts';
import { shipPipeline } from '../../support/ship.ts';
import { io } from './process-rig.ts';
import { writeService } from './service.ts';

type ServiceName = 'api' | 'web';
type DeployInput = z.input<typeof deploySchema>;
type ServiceInput = Partial<NonNullable<DeployInput['services']>[string]>;

interface ShipRigOptions {
  readonly strategy?: 'start-first' | 'recreate';
  readonly services?: readonly ServiceName[];
  readonly contexts?: z.input<typeof contextsSchema>;
}

interface Shipping {
  readonly yes?: boolean;
  readonly onFailure?: 'rollback' | 'stop';
  readonly withAnalysis?: boolean;
  readonly params?: StartRequest['params'];
  readonly deploy?: Partial<DeployInput>;
  /** Goes over the settings of every service. */
  readonly service?: ServiceInput;
}

/** Services of the runtime `process` in a git repository, shipped by the real engine in this process. */
export interface ShipRig extends AsyncDisposable {
  readonly lab: RepositoryLab;
  readonly engine: Engine;
  readonly releases: ReleaseStore;
  /** Commits a version of services that answer with these texts; `bug` runs when the one it is of starts. */
  readonly commit: (says: Partial<Record<ServiceName, string>>, bug?: string) => string;
  readonly ship: (options?: Shipping) => Promise<RunState>;
  /** Goes on with a run that waits, with a yes to everything. */
  readonly continue: (runId: string) => Promise<Result<RunState>>;
  readonly host: (context: string) => Promise<Host>;
  /** What clients of the service are told. */
  readonly says: (service: ServiceName) => Promise<string>;
  readonly history: (service: ServiceName) => Promise<ServiceHistory>;
  /** For `acquireLock` and the like, on this machine. */
  readonly lockPlace: LockPlace;
  /** Text of a log of a run. */
  readonly log: (run: RunState, name: string) => string;
  /** Of the newest run, also while it goes on; empty until there is one. */
  readonly lastLog: (name: string) => string;
}

const ENVIRONMENT = 'production';

export async function shipRig(options: ShipRigOptions = {}): Promise<ShipRig> {
  const { strategy = 'start-first', services = ['web'] } = options;
  const lab = gitLab();
  lab.write('.gitignore', 'state\n.pipewright\n');
  const stateDir = path.join(lab.root, 'state');
  const ports = new Map<string, number>();
  for (const service of services) ports.set(service, await freePort());
  const url = (service: string): string => `http://127.0.0.1:${ports.get(service)}/`;
  const contexts = contextsSchema.parse(options.contexts ?? {});
  const settingsFor = ({ deploy = {}, service = {} }: Shipping): StageSettings => ({
    ...defaultSettings('shop'),
    contexts,
    build: buildSchema.parse({
      services: Object.fromEntries(services.map((name) => [name, { output: name }])),
    }),
    deploy: deploySchema.parse({
      strategy,
      min_free_disk: '1MB',
      lock_wait: '0s',
      services: Object.fromEntries(
        services.map((name) => [
          name,
          {
            port: ports.get(name),
            command: 'exec node server.mjs',
            drain: '1s',
            stop_timeout: '1s',
            health: { interval: '50ms', timeout: '10s' },
            ...service,
          },
        ]),
      ),
      ...deploy,
    }),
    verify: verifySchema.parse({
      watchdog: { duration: '200ms', interval: '100ms', samples: 1, latency_floor: '5s' },
    }),
  });
  const identity = { user: userInfo().username, host: 'desk', pid: process.pid };
  const secrets = {
    resolve: async (name: string) =>
      failed({ reason: 'secret-unavailable' as const, name, detail: 'there are none' }),
  };
  const engine = await openEngine({
    say: () => undefined,
    project: { root: lab.root, stateDir },
    store: createRunStore({ stateDir, identity, clock: systemClock }),
    kinds: stageKinds,
    prompter: {
      confirm: () => Promise.resolve({ answer: 'nobody' }),
      interrupted: () => Promise.resolve('nobody'),
    },
    identity,
    secrets,
    notifier: { send: () => Promise.resolve([]) },
    vcs: openVcs,
  });
  const releases = createReleaseStore({ stateDir });
  const hosts = createHosts({ contexts, project: lab.root, environment: process.env, secrets });
  const host = async (context: string): Promise<Host> => valueOf(await hosts.open(context));
  return {
    lab,
    engine,
    releases,
    commit: (says, bug = '') => {
      for (const [service, text] of Object.entries(says))
        writeService(path.join(lab.root, service), text, { bug });
      return lab.commit(JSON.stringify(says));
    },
    ship: async (shipping = {}) => {
      const { yes = true, params = {} } = shipping;
      const request = requestFor(shipPipeline(shipping), {
        project: lab.root,
        settings: settingsFor(shipping),
        environment: ENVIRONMENT,
        assumeYes: yes,
        maxConsecutiveFailures: 0,
        params,
      });
      return valueOf(await engine.start(request, driveWith({ assumeYes: yes, maxConsecutiveFailures: 0 })));
    },
    continue: (runId) => engine.continue(runId, driveWith({ assumeYes: true })),
    host,
    says: (service) => get(url(service)),
    history: async (service) => valueOf(await releases.read(ENVIRONMENT, service)),
    lockPlace: {
      host: await host('local'),
      folder: '.pipewright',
      project: 'shop',
      environment: ENVIRONMENT,
    },
    log: ({ run_id: id }, name) => readFileSync(path.join(stateDir, 'runs', id, 'logs', name), 'utf8'),
    lastLog: (name) => {
      const runs = path.join(stateDir, 'runs');
      const file = path.join(
        runs,
        existsSync(runs) ? (readdirSync(runs).toSorted().at(-1) ?? '') : '',
        'logs',
        name,
      );
      return existsSync(file) ? readFileSync(file, 'utf8') : '';
    },
    [Symbol.asyncDispose]: async () => {
      const { deploy } = settingsFor({});
      const runtime = createProcessRuntime({ deploy, secrets, ids: systemIds });
      for (const name of ['local', ...Object.keys(contexts)]) {
        const opened = await hosts.open(name);
        if (!opened.ok) continue;
        for (const [service, settings] of Object.entries(deploy.services)) {
          const place = { environment: ENVIRONMENT, project: 'shop', projectFolder: lab.root };
          await runtime.stopAll({ ...place, host: opened.value, service, settings }, io);
        }
      }
      await hosts.close();
      lab.close();
    },
  };
}

/** Why a stage failed, or could not be undone, with every cause. */
export function failureText({ stages }: RunState, stage: string, of: 'run' | 'undo' = 'run'): string {
  const state = stages[stage];
  return JSON.stringify(of === 'run' ? state?.failure : state?.rollback?.failure) ?? '';
}
