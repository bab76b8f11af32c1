import type { Evidence } from '../events.ts';
import { namedContext } from '../context-name.ts';
import { failed, ok, type Result } from '../failure.ts';
import { type Amounts, amountsText } from '../resources/amounts.ts';
import { findRoom, type Room } from '../resources/find-room.ts';
import { dropLease, LEASE_TTL_MS, type LeaseClaim, type LeasePlace, takeLease } from '../resources/lease.ts';
import { machineSettings } from '../settings/contexts.ts';
import { amountsOf } from '../settings/resources.ts';
import { storedSettings } from '../settings/index.ts';
import type { StageState } from '../stage-state.ts';
import type { StageProgress } from './progress.ts';
import type { RunContext, StageRun } from './run-context.ts';
import { findStage, type Scope } from './scope.ts';
import { slug } from './slug.ts';
import { failureOfAbort, isInterrupted } from './stop.ts';
import type { WaitMeter } from './wait-meter.ts';

interface PlacingOptions {
  readonly attempt: number;
  readonly signal: AbortSignal;
  readonly warnings: string[];
  readonly meter: WaitMeter;
  readonly progress: StageProgress;
}

/** Ends what `placeStage` began. */
export type GiveBack = () => Promise<void>;

const NOTHING: GiveBack = () => Promise.resolve();

/**
 * Finds the host that an attempt runs on, where its context is a group or counts resources, and holds what it asks
 * for there until the function that it resolves with is called. Waits, told in the tree and in `why`, while there is
 * no room. An attempt that is taken up after a crash goes on where it was.
 */
export async function placeStage(target: StageRun, options: PlacingOptions): Promise<Result<GiveBack>> {
  const { run, id } = target;
  const named = contextOf(target);
  if (!named.ok) return named;
  const asked = requestOf(target, options.attempt, named.value);
  if (!asked) return ok(NOTHING);
  const places = await openPlaces(run, asked.contexts);
  if (!places.ok) return places;
  const claim = { id: `${run.facts.run_id}.${slug(id)}`, runId: run.facts.run_id, by: run.created.by };
  const onWait = waitTeller(target, options, asked.asks);
  const request = {
    places: places.value,
    asks: asked.asks,
    failedAt: asked.failedAt,
    claim,
    clock: run.deps.clock,
    onWait,
  };
  const room = await options.meter.wait(() => findRoom(request, options.signal));
  if (!room.ok) return options.signal.aborted ? failed(failureOfAbort(options.signal)) : room;
  const { place, gpus, leased } = room.value;
  await run.log.append({
    type: 'stage.placed',
    stage: id,
    attempt: options.attempt,
    context: place.host.name,
    ...(asked.group !== undefined && { group: asked.group }),
    lease: claim.id,
    resources: leased,
    ...(gpus.length > 0 && { gpus }),
  });
  note(target, { name: 'runs on', value: whereText(room.value) });
  options.progress.show([{ ...WAITING, status: 'passed', what: `runs on ${place.host.name}` }]);
  return ok(hold(target, options, { place, claim: { ...claim, asked: leased } }));
}

/** The host that stands for a context in this stage: itself, or the member of the group that was picked. */
export function hostFor(
  { run, scope, id }: { readonly run: RunContext; readonly scope: Scope; readonly id: string },
  context: string,
): Result<string> {
  const { groups } = run.settings;
  const named = namedContext(context, scope.params);
  return named.ok && Object.hasOwn(groups, named.value) ? memberFor({ run, scope, id }, named.value) : named;
}

function memberFor(
  { run, scope, id }: { readonly run: RunContext; readonly scope: Scope; readonly id: string },
  context: string,
): Result<string> {
  const own = run.log.state.stages[id]?.placed;
  const picked = own?.group === context ? own.context : stickyHost(run, scope, { group: context, id });
  if (picked !== undefined) return ok(picked);
  const message = `no host of the group ${context} has been picked for this stage`;
  return failed({ reason: 'invalid', message, hint: `give it  context: ${context}` });
}

/** What commands of a placed stage may know of it. */
export function placedVariables(stage: StageState | undefined, context: string): Record<string, string> {
  const { placed } = stage ?? {};
  if (placed?.context !== context) return {};
  const gpus = placed.gpus?.join(',');
  return {
    PIPEWRIGHT_CONTEXT: context,
    ...(gpus !== undefined && { PIPEWRIGHT_GPUS: gpus, CUDA_VISIBLE_DEVICES: gpus }),
  };
}

/** What a plan can say of it without asking any host. */
export function placeEvidence(
  stage: StageRun['stage'],
  settings: Parameters<typeof storedSettings>[0],
): readonly Evidence[] {
  const members = storedSettings(settings).groups[stage.context];
  const asks = stage.asks ?? {};
  const what = Object.keys(asks).length > 0 ? `, with ${amountsText(asks)}` : '';
  if (members) return [{ name: 'runs on', value: `the best fit of ${members.join(', ')}${what}` }];
  return what !== '' && stage.context !== 'local' ? [{ name: 'runs on', value: stage.context + what }] : [];
}

interface Asked {
  readonly contexts: readonly string[];
  readonly group?: string;
  readonly asks: Amounts;
  /** Where an earlier attempt was: another host is better. */
  readonly failedAt?: string;
}

/** Undefined where nothing is shared out: its commands just run there. */
function requestOf({ run, scope, id, stage }: StageRun, attempt: number, context: string): Asked | undefined {
  const { settings } = run;
  const asks = stage.asks ?? {};
  const members = Object.hasOwn(settings.groups, context) ? settings.groups[context] : undefined;
  if (!members) {
    const owned = machineSettings(settings.contexts[context])?.resources;
    return isShared(context, owned, asks) ? { contexts: [context], asks } : undefined;
  }
  return { group: context, asks, ...membersFor({ run, scope, id }, { attempt, group: context, members }) };
}

function membersFor(
  { run, scope, id }: Pick<StageRun, 'run' | 'scope' | 'id'>,
  {
    attempt,
    group,
    members,
  }: { readonly attempt: number; readonly group: string; readonly members: readonly string[] },
): Pick<Asked, 'contexts' | 'failedAt'> {
  const { placed, left } = run.log.state.stages[id] ?? {};
  // Taken up in the middle: what it had begun is there, and nowhere else.
  const before = placed?.attempt === attempt ? placed.context : stickyHost(run, scope, { group, id });
  if (before !== undefined) return { contexts: [before] };
  const failedAt = placed?.context ?? left;
  return { contexts: members, ...(failedAt !== undefined && { failedAt }) };
}

/** Commands of a stage that says nothing run where the run does. */
function contextOf({ run, scope, stage }: StageRun): Result<string> {
  const isDefault = stage.context === 'local' && stage.uses === 'shell';
  return namedContext(isDefault ? run.created.context : stage.context, scope.params);
}

/** Memory and cores alone are limits of each command where nothing is shared out. */
function isShared(context: string, owned: unknown, asks: Amounts): boolean {
  const isLimit = Object.keys(asks).every((name) => name === 'memory' || name === 'cpus');
  return context !== 'local' && (owned !== undefined || !isLimit);
}

/** What a stage that it needs has left on a host of the group is there, and nowhere else. */
function stickyHost(
  run: RunContext,
  scope: Scope,
  { group, id }: { readonly group: string; readonly id: string },
): string | undefined {
  const needed = [...neededBy(run, id)];
  const isLast = scope.definition.finally.some(({ name }) => scope.prefix + name === id);
  const isNeeded = (name: string): boolean =>
    needed.some((need) => name === need || name.startsWith(`${need}/`)) ||
    (isLast && name !== id && name.startsWith(scope.prefix));
  return Object.values(run.log.state.stages).find(
    ({ name, placed }) => placed?.group === group && isNeeded(name),
  )?.placed?.context;
}

/** Ids of the stages that it needs, of those that they need, and of those that the stages around it need. */
function neededBy(run: RunContext, id: string, found: Set<string> = new Set()): ReadonlySet<string> {
  const around = id.slice(0, Math.max(0, id.lastIndexOf('/')));
  const needs = Object.keys(findStage(run.created.definition, id)?.needs ?? {});
  for (const name of needs) {
    const need = around === '' ? name : `${around}/${name}`;
    if (found.has(need)) continue;
    found.add(need);
    neededBy(run, need, found);
  }
  return around === '' ? found : neededBy(run, around, found);
}

async function openPlaces(run: RunContext, names: readonly string[]): Promise<Result<readonly LeasePlace[]>> {
  const { contexts } = run.settings;
  const places: LeasePlace[] = [];
  for (const name of names) {
    const host = await run.executors.hosts.open(name);
    if (!host.ok) return host;
    const settings = machineSettings(contexts[name]);
    places.push({
      host: host.value,
      folder: settings?.leases ?? '.pipewright/leases',
      workdir: settings?.workdir?.replace(/^~\//, '') ?? '.',
      owned: amountsOf(settings?.resources ?? {}),
    });
  }
  return ok(places);
}

const WAITING = { name: 'room', kind: 'room', status: 'running' } as const;

/** What is measured changes all the time: the journal hears of it now and then, the screen at once. */
const NOTE_EVERY_MS = 30_000;

function waitTeller(target: StageRun, { progress }: PlacingOptions, asks: Amounts): (reason: string) => void {
  const { clock } = target.run.deps;
  const what = Object.keys(asks).length > 0 ? ` for ${amountsText(asks)}` : ' for room';
  let notedMs: number | undefined;
  return (reason) => {
    progress.show([{ ...WAITING, what: `waits${what}: ${reason}` }]);
    const now = clock.monotonicMs();
    if (notedMs !== undefined && now - notedMs < NOTE_EVERY_MS) return;
    notedMs = now;
    note(target, { name: `waited${what}`, value: reason });
  };
}

/** In the stage's decision, instead of what stood there under that name. */
function note({ run, id }: StageRun, evidence: Evidence): void {
  const decision = run.log.state.stages[id]?.decision;
  if (!decision) return;
  const others = decision.evidence.filter(({ name }) => name !== evidence.name);
  run.log.record({
    type: 'stage.decided',
    stage: id,
    decision: { ...decision, evidence: [...others, evidence] },
  });
}

function whereText({ place, gpus, leased }: Room): string {
  const what = Object.keys(leased).length > 0 ? `, with ${amountsText(leased)}` : '';
  return `${place.host.name}${what}${gpus.length > 0 ? ` (number ${gpus.join(', ')})` : ''}`;
}

/** Renews the lease until it is given back. */
function hold(
  { run, stage }: StageRun,
  { warnings }: PlacingOptions,
  { place, claim }: { readonly place: LeasePlace; readonly claim: LeaseClaim },
): GiveBack {
  const done = new AbortController();
  const renew = async (): Promise<void> => {
    while (await run.deps.clock.sleep(LEASE_TTL_MS / 4, done.signal)) {
      const held = await takeLease(place, claim, done.signal);
      // A host that does not answer keeps it while something of the run is there.
      if (!held.ok || held.value.state === 'held' || held.value.state === 'busy') continue;
      warnings.push(`its lease on ${place.host.name} was lost: others have what it uses`);
      return;
    }
  };
  const renewing = renew();
  return async () => {
    done.abort();
    await renewing;
    // What goes on without us goes on using it.
    const isKept = stage.on_interrupt === 'keep' && isInterrupted(run.signal);
    if (!isKept) await dropLease(place, claim.id);
  };
}
