import { failed, type Failure, ok, type Result } from '../failure.ts';
import type { Clock } from '../ports.ts';
import { type Amounts, askedOf, leasedPart } from './amounts.ts';
import { type Candidate, inOrderOfFit, whyNever, whyNoRoom } from './choose-host.ts';
import {
  dropLease,
  type LeaseAnswer,
  type LeaseClaim,
  type LeasePlace,
  lookAtHost,
  takeLease,
} from './lease.ts';

/** Where a stage runs now, and what it holds there. */
export interface Room {
  readonly place: LeasePlace;
  /** Numbers of graphics processors. */
  readonly gpus: readonly number[];
  readonly leased: Amounts;
}

export interface RoomRequest {
  /** Contexts of which any will do. */
  readonly places: readonly LeasePlace[];
  readonly asks: Amounts;
  /** Taken only when no other one has room: something went wrong there. */
  readonly failedAt?: string | undefined;
  readonly claim: Omit<LeaseClaim, 'asked'>;
  readonly clock: Clock;
  /** Called with why there is no room yet, when that changes. */
  readonly onWait: (reason: string) => void;
}

/** Between two looks, milliseconds; also how long a lease that was given back may stay unseen. */
const LOOK_EVERY_MS = 2_000;
/** Once one has room, the others are waited for no longer. */
const STRAGGLERS_MS = 1_000;

/**
 * Waits until one of the hosts has room, takes it by a lease there, and says which. A host that does not answer is
 * left out; when none answers, that is the failure, and the stage's own retry decides about another try.
 */
export async function findRoom(request: RoomRequest, signal: AbortSignal): Promise<Result<Room>> {
  const { places, asks, claim, clock, onWait } = request;
  const possible = places.filter(({ owned }) => whyNever(askedOf(asks, owned), owned) === undefined);
  if (possible.length === 0) return failed(neverFits(request));
  const queued = new Set<LeasePlace>();
  const leaveQueues = async (): Promise<void> => {
    await Promise.all([...queued].map((place) => dropLease(place, claim.id)));
  };
  for (let told = ''; ;) {
    const looked = await lookAtAll(possible, asks, { clock, signal });
    if (signal.aborted) break;
    const gone = whyAllGone(looked);
    if (gone) return failed(gone);
    const tried = await takeOne(request, { looked, possible, queued }, signal);
    if (tried.room) {
      queued.delete(tried.room.place);
      await leaveQueues();
      return ok(tried.room);
    }
    const texts = possible.map(({ host: { name } }) => [name, tried.reasons.get(name)] as const);
    const reason = texts.flatMap(([name, why]) => (why === undefined ? [] : [`${name}: ${why}`])).join('; ');
    if (reason !== told) onWait(reason);
    told = reason;
    if (!(await clock.sleep(LOOK_EVERY_MS, signal))) break;
  }
  await leaveQueues();
  // The caller says by what: its signal knows.
  return failed({ reason: 'cancelled', by: 'stopped' });
}

/** Tries the hosts in turn; without room we stand in the queue of those that are full. */
async function takeOne(
  { claim, failedAt }: RoomRequest,
  {
    looked,
    possible,
    queued,
  }: { readonly looked: Looked; readonly possible: readonly LeasePlace[]; readonly queued: Set<LeasePlace> },
  signal: AbortSignal,
): Promise<{ readonly room?: Room; readonly reasons: ReadonlyMap<string, string> }> {
  const reasons = reasonsOf(looked);
  for (const { place, candidate } of inTurn(looked, possible, failedAt)) {
    const taken = await takeLease(place, { ...claim, asked: candidate.leased }, signal);
    if (signal.aborted) break;
    if (taken.ok && taken.value.state === 'held') {
      return { room: { place, gpus: taken.value.gpus, leased: candidate.leased }, reasons };
    }
    if (taken.ok) queued.add(place);
    reasons.set(place.host.name, taken.ok ? waitText(taken.value) : 'does not answer');
  }
  return { reasons };
}

interface Looked {
  readonly candidates: readonly Candidate[];
  readonly failures: readonly { readonly name: string; readonly failure: Failure }[];
}

async function lookAtAll(
  places: readonly LeasePlace[],
  asks: Amounts,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Looked> {
  const candidates: Candidate[] = [];
  const failures: { name: string; failure: Failure }[] = [];
  const enough = new AbortController();
  const looks = places.map(async (place) => {
    const found = await lookAtHost(place, signal);
    const { name } = place.host;
    if (!found.ok) {
      failures.push({ name, failure: found.failure });
      return;
    }
    const asked = askedOf(asks, place.owned);
    const candidate = {
      name,
      asked,
      leased: leasedPart(asked, place.owned),
      owned: place.owned,
      look: found.value,
    };
    candidates.push(candidate);
    if (whyNoRoom(candidate) === undefined) {
      void clock.sleep(STRAGGLERS_MS, signal).then(() => enough.abort());
    }
  });
  const isEnough = new Promise<void>((resolve) => {
    enough.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await Promise.race([Promise.all(looks), isEnough]);
  return { candidates: [...candidates], failures: [...failures] };
}

/** Those with room by how well they fit; then the full ones, to stand in the queue there. */
function inTurn(
  { candidates }: Looked,
  places: readonly LeasePlace[],
  failedAt: string | undefined,
): readonly { readonly place: LeasePlace; readonly candidate: Candidate }[] {
  const best = inOrderOfFit(candidates);
  const fitting = [
    ...best.filter(({ name }) => name !== failedAt),
    ...best.filter(({ name }) => name === failedAt),
  ];
  const ordered = [...fitting, ...candidates.filter((candidate) => isFullOfLeases(candidate))];
  return ordered.flatMap((candidate) => {
    const place = places.find(({ host }) => host.name === candidate.name);
    return place ? [{ place, candidate }] : [];
  });
}

/** What only measures badly is not queued for: nobody there gives it back. */
function isFullOfLeases({ leased, owned, look }: Candidate): boolean {
  return Object.entries(leased).some(
    ([name, amount]) => (look.used[name] ?? 0) + amount > (owned[name] ?? 0),
  );
}

function reasonsOf({ candidates, failures }: Looked): Map<string, string> {
  const reasons = new Map<string, string>();
  for (const candidate of candidates) {
    const { run_id: run, by } = candidate.look.holders[0] ?? {};
    const who = run === undefined ? '' : `, by run ${run} of ${by}`;
    const reason = whyNoRoom(candidate);
    if (reason !== undefined) reasons.set(candidate.name, `${reason}${isFullOfLeases(candidate) ? who : ''}`);
  }
  for (const { name } of failures) reasons.set(name, 'does not answer');
  return reasons;
}

function waitText(answer: LeaseAnswer): string {
  if (answer.state === 'held') return 'it is ours';
  if (answer.state === 'behind') return `${answer.before} wait there for longer`;
  if (answer.state === 'busy') return 'its leases are being changed all the time';
  const [holder] = answer.holders;
  return `${answer.lacking} is in use${holder ? ` by run ${holder.run_id} of ${holder.by}` : ''}`;
}

function neverFits({ places, asks }: RoomRequest): Failure {
  const why = places.map(({ host, owned }) => `${host.name} ${whyNever(askedOf(asks, owned), owned)}`);
  const message = `no host can ever take it: ${why.join(', ')}`;
  return { reason: 'reported', message, retryable: false };
}

/** Undefined while at least one answers. */
function whyAllGone({ candidates, failures }: Looked): Failure | undefined {
  const [first, ...others] = failures;
  if (!first || candidates.length > 0) return undefined;
  if (others.length === 0) return first.failure;
  const executor = failures.map(({ name }) => name).join(', ');
  const details = failures.map(({ name, failure }) =>
    'detail' in failure ? failure.detail : `${name}: ${failure.reason}`,
  );
  return { reason: 'executor-unreachable', executor, detail: details.join('; ') };
}
