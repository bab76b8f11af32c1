import { z } from 'zod';
import { type Analysis, readAnalysis, shouldBuild } from '../../core/analysis.ts';
import { failed, messageOf, ok, type Result } from '../../core/failure.ts';
import type { JsonObject } from '../../core/json.ts';
import type { ServiceHistory } from '../../core/releases.ts';
import type { Artifact } from '../../core/runtime.ts';
import type { StageContext, TaskIo } from '../../core/stage-kind.ts';
import * as conditions from './conditions.ts';
import { completeCandidate, lookAtPlaces } from './places.ts';
import { asArtifact, asJson, type BuiltArtifact, type Condition } from './records.ts';
import { serviceEnv } from './service-env.ts';
import type { DeliverySession } from './session.ts';
import { type PlannedService, plannedServices } from './targets.ts';

const LOCK_POLL_MS = 2000;

/** What is to be deployed: services in order, each with its artifact. */
export interface Candidate {
  readonly commit: string;
  readonly services: readonly PlannedService[];
  readonly artifacts: Readonly<Record<string, Artifact>>;
  readonly has_migration: boolean;
}

export interface GateOptions {
  readonly allow_bad: boolean;
  readonly allow_older: boolean;
  /** Of a rollback: tests, order and badness of the commit are not asked. */
  readonly is_rollback: boolean;
  /** What serves already is started anew all the same. */
  readonly redeploy: boolean;
}

/** Which services this run deploys, and with what: those that were built. */
export function candidateOf(
  session: DeliverySession,
  { commit, built }: { readonly commit: string; readonly built: Readonly<Record<string, BuiltArtifact>> },
): Result<Candidate> {
  const { context } = session;
  const analysis = readAnalysis(context.variables);
  const services = servicesToDeploy(context, built);
  const artifacts: Record<string, Artifact> = {};
  for (const { service, settings } of services) {
    const artifact = Object.hasOwn(built, service) ? built[service] : undefined;
    const env = serviceEnv(settings, context.variables);
    if (!env.ok) return env;
    if (artifact) artifacts[service] = asArtifact({ ...artifact, env: env.value, secrets: settings.secrets });
  }
  return ok({ commit, services, artifacts, has_migration: databaseFiles(analysis).length > 0 });
}

/** Those that were built, and those that should have been: the gate then says what is missing. */
export function servicesToDeploy(
  { settings, variables }: Pick<StageContext, 'settings' | 'variables'>,
  built: Readonly<Record<string, BuiltArtifact>>,
): readonly PlannedService[] {
  const analysis = readAnalysis(variables);
  return plannedServices(settings.deploy).filter(
    ({ service }) => Object.hasOwn(built, service) || shouldBuild(analysis, service).run,
  );
}

function databaseFiles(analysis: Analysis | undefined): readonly string[] {
  return analysis?.changes.categories['database'] ?? [];
}

/**
 * The gate: takes the lock, brings the artifacts to the hosts, looks at everything that must hold, and measures the old
 * version. Changes nothing that serves. Fails with every condition that does not hold, said at once.
 */
export async function passGate(
  session: DeliverySession,
  candidate: Candidate,
  options: GateOptions,
  io: TaskIo,
): Promise<Result<JsonObject>> {
  const { context } = session;
  const analysis = readAnalysis(context.variables);
  const found: Condition[] = [];
  const note = async (...more: readonly Condition[]): Promise<void> => {
    for (const one of more) {
      found.push(one);
      context.explain({ name: `gate ${one.name}`, value: `${one.verdict}: ${one.reason}` });
      await io.log(`${one.verdict.padEnd(12)} ${one.name}: ${one.reason}`);
    }
  };
  if (!options.is_rollback) {
    await note(conditions.testsPassed(testStages(context.variables), analysis));
    await note(conditions.migration(databaseFiles(analysis)));
  }
  const wanted = candidate.services.map(({ service }) => service);
  await note(conditions.artifactsExist(wanted, Object.keys(candidate.artifacts)));
  const hosts = [...new Set(candidate.services.flatMap((service) => service.hosts))];
  const answers = await askHosts(session, hosts, io);
  await note(conditions.hostsAnswer(answers));
  if (failures(found).length > 0) return gateFailed(found);
  const locked = await waitForLock(session, hosts, io);
  await note(
    conditions.lockHeld(
      hosts,
      locked.ok ? undefined : messageOf(locked.failure),
      locked.ok ? locked.value : [],
    ),
  );
  if (!locked.ok) return gateFailed(found);
  const passed = await lookUnderLock(session, candidate, options, { io, found, note });
  // A closed gate changes nothing, so it keeps nobody out.
  if (!passed.ok) await session.unlock(hosts);
  return passed;
}

/** Only under the lock: whoever held it may have deployed something newer meanwhile. */
async function lookUnderLock(
  session: DeliverySession,
  candidate: Candidate,
  options: GateOptions,
  { io, found, note }: Looking,
): Promise<Result<JsonObject>> {
  const ofHistory = await historyConditions(session, candidate, options);
  if (!ofHistory.ok) return ofHistory;
  await note(...ofHistory.value);
  const whole = await completeCandidate(session, candidate, io);
  if (!whole.ok) return whole;
  const places = await lookAtPlaces(session, whole.value, { io, redeploy: options.redeploy });
  if (!places.ok) return places;
  const facts = places.value.map((place) => place.facts);
  await note(
    ...conditions.rollbackPossible(facts),
    conditions.diskFree(facts, session.context.settings.deploy.min_free_disk),
    ...conditions.startable(facts),
  );
  if (failures(found).length > 0) return gateFailed(found);
  return ok(
    asJson({
      commit: candidate.commit,
      conditions: found,
      artifacts: whole.value.artifacts,
      places: places.value.map(({ record }) => record),
      has_migration: candidate.has_migration,
    }),
  );
}

interface Looking {
  readonly io: TaskIo;
  /** All conditions so far; `note` adds to them and says them. */
  readonly found: readonly Condition[];
  readonly note: (...more: readonly Condition[]) => Promise<void>;
}

/** Waits for its turn as long as `lock_wait` says; whoever holds the environment comes to its end. */
async function waitForLock(
  session: DeliverySession,
  hosts: readonly string[],
  { signal, log }: TaskIo,
): ReturnType<DeliverySession['lock']> {
  const { clock, settings } = session.context;
  const until = clock.monotonicMs() + settings.deploy.lock_wait;
  let said = '';
  for (;;) {
    const locked = await session.lock(hosts, signal);
    const isHeld = !locked.ok && locked.failure.reason === 'reported' && locked.failure.retryable;
    if (!isHeld || clock.monotonicMs() >= until) return locked;
    const message = messageOf(locked.failure);
    if (message !== said) await log(`waiting for its turn: ${message}`);
    said = message;
    if (!(await clock.sleep(LOCK_POLL_MS, signal))) return locked;
  }
}

function failures(found: readonly Condition[]): readonly Condition[] {
  return found.filter(({ verdict }) => verdict === 'failed');
}

function gateFailed(found: readonly Condition[]): Result<never> {
  const broken = failures(found);
  const message = `the gate is closed: ${broken.map(({ name, reason }) => `${name}: ${reason}`).join('; ')}`;
  const isLock = broken.every(({ name }) => name === 'lock' || name === 'connection');
  return failed({ reason: 'reported', message, retryable: isLock });
}

const stagesSchema = z.record(z.string(), z.object({ kind: z.string(), status: z.string() }));

/** The stages of this run that test: those of the kind, and any that is called so. */
function testStages(variables: JsonObject): readonly conditions.TestStage[] {
  const stages = stagesSchema.safeParse(variables['stages']).data ?? {};
  return Object.entries(stages)
    .filter(([name, { kind }]) => kind === 'test-suite' || name === 'test')
    .map(([name, { status }]) => ({ name, status }));
}

async function historyConditions(
  session: DeliverySession,
  { commit, services }: Candidate,
  options: GateOptions,
): Promise<Result<readonly Condition[]>> {
  if (options.is_rollback) return ok([]);
  const { context } = session;
  const histories: (readonly [string, ServiceHistory])[] = [];
  for (const { service } of services) {
    const history = await context.ports.releases.read(context.environment, service);
    if (!history.ok) return history;
    histories.push([service, history.value]);
  }
  const bad = histories.filter(([, { bad_commits: commits }]) => commit !== '' && commits.includes(commit));
  const newer: Record<string, string> = {};
  for (const [service, { current }] of histories) {
    if (current && (await isNewer(session, current.commit, commit))) newer[service] = current.commit;
  }
  return ok([
    conditions.notBad(
      commit,
      bad.map(([service]) => service),
      options.allow_bad,
    ),
    conditions.noNewerDeploy({ commit, newer, allow_older: options.allow_older }),
  ]);
}

async function isNewer({ context }: DeliverySession, deployed: string, commit: string): Promise<boolean> {
  if (deployed === '' || commit === '' || deployed === commit) return false;
  const vcs = await context.ports.vcs(context.project);
  if (!vcs.ok) return false;
  const after = await vcs.value.isAncestor(commit, deployed);
  return after.ok && after.value;
}

async function askHosts(
  { context }: DeliverySession,
  hosts: readonly string[],
  { signal }: TaskIo,
): Promise<Record<string, string | undefined>> {
  const answers: Record<string, string | undefined> = {};
  for (const name of hosts) {
    const host = await context.ports.hosts.open(name);
    const answer = host.ok ? await host.value.exec({ script: 'exit 0' }, signal) : host;
    answers[name] = answer.ok ? undefined : messageOf(answer.failure);
  }
  return answers;
}
