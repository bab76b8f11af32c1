import { formatBytes } from '../quantities.ts';

/** How much of each resource, by name. `memory` and `disk` are bytes, all others counts. */
export type Amounts = Readonly<Record<string, number>>;

const IN_BYTES: ReadonlySet<string> = new Set(['memory', 'disk']);

/** Where a context does not share these out, they limit each command instead. */
const LIMITS: ReadonlySet<string> = new Set(['memory', 'cpus']);

/** `gpu 1, memory 8 GB`. */
export function amountsText(amounts: Amounts): string {
  return Object.entries(amounts)
    .map(([name, amount]) => `${name} ${amountText(name, amount)}`)
    .join(', ');
}

export function amountText(name: string, amount: number): string {
  return IN_BYTES.has(name) ? formatBytes(amount) : String(amount);
}

/** What a stage takes of a context: what it asks for, one slot where slots are counted. */
export function askedOf(asks: Amounts, owned: Amounts): Amounts {
  const slots = owned['slots'] === undefined ? {} : { slots: 1 };
  const shared = Object.entries(asks).filter(([name]) => !LIMITS.has(name) || owned[name] !== undefined);
  return { ...slots, ...Object.fromEntries(shared) };
}

/** The part of it that leases hold: a context that counts no disk still has some. */
export function leasedPart(asked: Amounts, owned: Amounts): Amounts {
  return Object.fromEntries(Object.entries(asked).filter(([name]) => owned[name] !== undefined));
}
