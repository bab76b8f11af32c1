import { type Amounts, amountText } from './amounts.ts';
import type { HostLook } from './lease.ts';

/** A host that could take a stage, as it was found. */
export interface Candidate {
  readonly name: string;
  /** What the stage asks for, as far as leases hold it here. */
  readonly leased: Amounts;
  readonly asked: Amounts;
  readonly owned: Amounts;
  readonly look: HostLook;
}

/** Why it can never take it, however empty it is; undefined: it could. */
export function whyNever(asked: Amounts, owned: Amounts): string | undefined {
  for (const [name, amount] of Object.entries(asked)) {
    const total = owned[name];
    if (total === undefined && name !== 'disk') return `counts no ${name}`;
    if (total !== undefined && amount > total) return `has ${name} ${amountText(name, total)} in all`;
  }
  return undefined;
}

/** Why it has no room now; undefined: it has. What is measured counts beside what leases hold. */
export function whyNoRoom({ asked, leased, owned, look }: Candidate): string | undefined {
  for (const [name, amount] of Object.entries(leased)) {
    const total = owned[name] ?? 0;
    const used = look.used[name] ?? 0;
    if (used + amount > total)
      return `${name} ${amountText(name, used)} of ${amountText(name, total)} in use`;
  }
  return whyMeasuredTight(asked, look);
}

function whyMeasuredTight(asked: Amounts, look: HostLook): string | undefined {
  const free = { memory: look.free_memory_bytes, disk: look.free_disk_bytes };
  for (const [name, amount] of Object.entries(free)) {
    if (amount !== undefined && (asked[name] ?? 0) > amount) {
      return `only ${amountText(name, amount)} of ${name} free`;
    }
  }
  const { gpus } = look;
  return gpus !== undefined && (asked['gpu'] ?? 0) > gpus ? `its driver shows ${gpus} gpu` : undefined;
}

/** From a load of so much per core on, a host is taken only when no other one has room. */
const BUSY_LOAD = 1;

/**
 * Those with room, the best first: the one of which least is left over (so that large requests find room
 * elsewhere), the shorter queue and the smaller load where that is the same. A busy one comes last.
 */
export function inOrderOfFit(candidates: readonly Candidate[]): readonly Candidate[] {
  const fitting = candidates.filter((candidate) => whyNoRoom(candidate) === undefined);
  const rank = (candidate: Candidate): readonly number[] => [
    (candidate.look.load_per_core ?? 0) >= BUSY_LOAD ? 1 : 0,
    candidate.look.queued > 0 ? 1 : 0,
    Math.round(leftOver(candidate) * 1000),
    candidate.look.load_per_core ?? 0,
  ];
  return fitting
    .map((candidate) => ({ candidate, rank: rank(candidate) }))
    .toSorted((a, b) => a.rank.map((value, at) => value - (b.rank[at] ?? 0)).find((by) => by !== 0) ?? 0)
    .map(({ candidate }) => candidate);
}

/** Share of what is asked for that stays free, 0 to 1. */
function leftOver({ leased, owned, look }: Candidate): number {
  const shares = Object.entries(leased).map(([name, amount]) => {
    const total = owned[name] ?? 0;
    return total === 0 ? 0 : (total - (look.used[name] ?? 0) - amount) / total;
  });
  return shares.length === 0 ? 0 : shares.reduce((sum, share) => sum + share, 0) / shares.length;
}
