import type { AnalyzeSettings } from './analyze.ts';
import { analyzeSchema } from './analyze.ts';
import { type BuildSettings, buildSchema } from './build.ts';
import { type CaseSettings, casesSchema } from './cases.ts';
import { type ContextSettings, contextsSchema, machineSettings } from './contexts.ts';
import { groupsSchema } from './resources.ts';
import { type DeploySettings, deploySchema } from './deploy.ts';
import { type NotifySettings, notifySchema } from './notify.ts';
import { type QueueSettings, queueSchema } from './queue.ts';
import { type ResultsSettings, resultsSchema } from './results.ts';
import { type TestSettings, testSchema } from './test.ts';
import { type TestgenSettings, testgenSchema } from './testgen.ts';
import { type TriggerSettings, triggerSchema } from './trigger.ts';
import { type VerifySettings, verifySchema } from './verify.ts';

/** The sections of pipewright.yaml that stage kinds read, by key. */
export const SECTIONS = {
  contexts: contextsSchema,
  groups: groupsSchema,
  analyze: analyzeSchema,
  test: testSchema,
  build: buildSchema,
  deploy: deploySchema,
  verify: verifySchema,
  trigger: triggerSchema,
  cases: casesSchema,
  notify: notifySchema,
  testgen: testgenSchema,
  queue: queueSchema,
  results: resultsSchema,
} as const;

/**
 * What pipewright.yaml says of the project, with the overlay of the run's environment: stored with each run,
 * so that a later edit does not change one that has begun. JSON-safe; times are milliseconds, sizes bytes.
 */
export interface StageSettings {
  /** Name of the project. */
  readonly project: string;
  readonly contexts: Readonly<Record<string, ContextSettings>>;
  /** Contexts of which any will do. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
  readonly analyze: AnalyzeSettings;
  readonly test: TestSettings;
  readonly build: BuildSettings;
  readonly deploy: DeploySettings;
  readonly verify: VerifySettings;
  readonly trigger: TriggerSettings;
  readonly cases: Readonly<Record<string, CaseSettings>>;
  readonly notify: NotifySettings;
  readonly testgen: TestgenSettings;
  readonly queue: QueueSettings;
  readonly results: ResultsSettings;
}

/** Everything at its default. */
export function defaultSettings(project: string): StageSettings {
  return {
    project,
    contexts: {},
    groups: {},
    analyze: analyzeSchema.parse({}),
    test: testSchema.parse({}),
    build: buildSchema.parse({}),
    deploy: deploySchema.parse({}),
    verify: verifySchema.parse({}),
    trigger: triggerSchema.parse({}),
    cases: {},
    notify: notifySchema.parse({}),
    testgen: testgenSchema.parse({}),
    queue: queueSchema.parse({}),
    results: resultsSchema.parse({}),
  };
}

/** Settings as they were stored with a run: sections that are younger than it are at their defaults. */
export function storedSettings(stored: StageSettings | undefined): StageSettings {
  const isWhole = stored && Object.keys(SECTIONS).every((section) => section in stored);
  return isWhole ? stored : { ...defaultSettings('project'), ...stored };
}

/** Where the password of Redis is when nobody says where. */
export const REDIS_PASSWORD = 'env:REDIS_PASSWORD';

function queueReferences({ secret, redis }: QueueSettings): readonly (string | undefined)[] {
  const password = redis?.password ?? (secret === undefined ? undefined : REDIS_PASSWORD);
  return [secret, redis?.url, password];
}

/** Every reference to a secret in the settings: `env:NAME`, `file:PATH`, `cmd:COMMAND`. */
export function secretReferences({
  contexts,
  deploy,
  notify,
  testgen,
  queue,
  results,
}: StageSettings): readonly string[] {
  const { webhook, email } = notify;
  const written = [
    ...Object.values(contexts).map((context) => machineSettings(context)?.passphrase),
    ...Object.values(deploy.services).flatMap(({ secrets }) => Object.values(secrets)),
    webhook?.url,
    ...Object.values(webhook?.headers ?? {}),
    email?.password,
    testgen.model.api_key,
    ...queueReferences(queue),
    results.url,
  ];
  return written.flatMap((text) => (text !== undefined && /^(?:env|file|cmd):/.test(text) ? [text] : []));
}
