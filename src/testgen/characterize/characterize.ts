import { ok, type Result } from '../../core/failure.ts';
import { chooseInputs } from './inputs.ts';
import {
  type Call,
  callModule,
  describeModule,
  type Exported,
  type ProbedModule,
  type Recorded,
} from './probe.ts';
import { parametersIn } from './signature.ts';
import { callText, isSame, type Language, type Outcome, outcomeText, type Value } from './value.ts';

/** One call whose outcome a test can hold. */
export interface PinnedCall {
  readonly name: string;
  readonly via: Exported['via'];
  readonly args: readonly Value[];
  readonly outcome: Exclude<Outcome, { readonly kind: 'unusable' }>;
  /** What it came to before the commits, where that was something else. */
  readonly before?: string;
}

/** The same input, another outcome: what the commits did to the behaviour. */
export interface Difference {
  readonly function: string;
  readonly call: string;
  readonly before: string;
  readonly after: string;
}

export interface LeftOut {
  readonly function: string;
  readonly reason: string;
}

export interface Characterization {
  readonly calls: readonly PinnedCall[];
  readonly differences: readonly Difference[];
  readonly leftOut: readonly LeftOut[];
}

export interface CharacterizeJob {
  readonly after: ProbedModule;
  /** Absent when the file was not there. */
  readonly before?: ProbedModule;
  readonly text: string;
  readonly callers: readonly string[];
}

const MOST_FUNCTIONS = 20;
const MOST_INPUTS = 24;
/** Calls of one function that tests hold. */
const MOST_PINNED = 8;
/** Differences of one function that are told. */
const MOST_DIFFERENCES = 6;

/** Calls the exported functions of a module before and after, and keeps what is worth a test. */
export async function characterize(job: CharacterizeJob): Promise<Result<Characterization>> {
  const { after, before } = job;
  const now = await describeModule(after);
  if (!now.ok) return now;
  const earlier = before ? await describeModule(before) : undefined;
  const known = new Map(earlier?.ok ? earlier.value.map((one) => [one.name, one]) : []);
  const { functions, leftOut } = selected(now.value);
  const calls = functions.flatMap((one) => inputsOf(one, { job, earlier: known.get(one.name) }));
  const numbered = calls.map((call, id) => ({ ...call, id }));
  const outcomes = await settledOutcomes(after, numbered);
  if (!outcomes.ok) return outcomes;
  const old =
    before && earlier?.ok
      ? await settledOutcomes(
          before,
          numbered.filter(({ id, name }) => known.has(name) && isKept(outcomes.value.get(id))),
        )
      : undefined;
  if (old && !old.ok) return old;
  const told = functions.map((one) =>
    judge(one, {
      calls: numbered.filter(({ name }) => name === one.name),
      after: outcomes.value,
      before: old?.value ?? new Map(),
      isChanged: known.get(one.name)?.source !== one.source,
      language: after.language,
    }),
  );
  const isOneChanged = told.some(({ isWorthwhile }) => isWorthwhile);
  const removed = [...known.keys()].filter((name) => !now.value.some((one) => one.name === name));
  return ok({
    calls: told.flatMap(({ pinned, isWorthwhile }) => (isWorthwhile || !isOneChanged ? pinned : [])),
    differences: [
      ...told.flatMap(({ differences }) => differences),
      ...removed.map((name) => ({
        function: name,
        call: `${name}(…)`,
        before: 'exported',
        after: 'no longer exported',
      })),
    ],
    leftOut: [...leftOut, ...told.flatMap((one) => one.leftOut ?? [])],
  });
}

function selected(exported: readonly Exported[]): {
  readonly functions: readonly Exported[];
  readonly leftOut: readonly LeftOut[];
} {
  const plain = exported.filter(({ isClass }) => !isClass);
  const leftOut = [
    ...exported
      .filter(({ isClass }) => isClass)
      .map(({ name }) => ({ function: name, reason: 'it is a class: only functions are called' })),
    ...plain.slice(MOST_FUNCTIONS).map(({ name }) => ({
      function: name,
      reason: `only ${MOST_FUNCTIONS} functions of a file are called`,
    })),
  ];
  return { functions: plain.slice(0, MOST_FUNCTIONS), leftOut };
}

function inputsOf(
  one: Exported,
  { job, earlier }: { readonly job: CharacterizeJob; readonly earlier: Exported | undefined },
): readonly Omit<Call, 'id'>[] {
  const parameters =
    one.parameters ??
    parametersIn(job.text, one.called) ??
    parametersIn(`function probed${one.source.slice(one.source.indexOf('('))}`, 'probed') ??
    [];
  return chooseInputs({
    name: one.name === 'default' ? one.called : one.name,
    parameters,
    bodies: [one.source, earlier?.source ?? ''],
    callers: job.callers,
    limit: MOST_INPUTS,
  }).map((args) => ({ name: one.name, args }));
}

/** Outcomes that are the same whenever, wherever and in whatever order the calls are made; the others are unusable. */
async function settledOutcomes(
  module: ProbedModule,
  calls: readonly Call[],
): Promise<Result<ReadonlyMap<number, Outcome>>> {
  const first = await callModule(module, calls, 'first');
  if (!first.ok) return first;
  // A function that is left out already is not worth the wait for another call that hangs.
  const lost = new Set(calls.flatMap(({ id, name }) => (isUsable(first.value.get(id)) ? [] : [name])));
  const open = calls.filter(({ name }) => !lost.has(name));
  const second = await callModule(module, open, 'second');
  if (!second.ok) return second;
  return ok(new Map(calls.map(({ id }) => [id, settled(first.value.get(id), second.value.get(id))])));
}

function isKept(outcome: Outcome | undefined): boolean {
  return outcome !== undefined && outcome.kind !== 'unusable';
}

function isUsable(recorded: Recorded | undefined): boolean {
  return recorded !== undefined && recorded.outcome.kind !== 'unusable';
}

const REFUSED = ['the network', 'other programs', 'writing files', 'ending or moving the process'];

function settled(first: Recorded | undefined, second: Recorded | undefined): Outcome {
  const unusable = [first, second].find((one) => one?.outcome.kind === 'unusable');
  if (unusable) return unusable.outcome;
  if (!first || !second) return { kind: 'unusable', reason: 'it was not reached' };
  const refused = REFUSED.find((what) => first.touched.includes(what));
  if (refused !== undefined) return { kind: 'unusable', reason: `it needs ${refused}` };
  if (isSame(first.outcome, second.outcome)) return first.outcome;
  const cause = first.touched.length > 0 ? first.touched.join(' and ') : undefined;
  return {
    kind: 'unusable',
    reason: `its result depends on ${cause ?? 'the time zone, the order of calls or the process'}`,
  };
}

/** Both took it badly, in other words: nobody relies on that. */
function areMisuse(a: Outcome, b: Outcome): boolean {
  return a.kind === 'threw' && b.kind === 'threw' && a.isMisuse && b.isMisuse;
}

interface Judged {
  readonly pinned: readonly PinnedCall[];
  readonly differences: readonly Difference[];
  readonly leftOut?: LeftOut;
  /** It was changed, or it behaves differently. */
  readonly isWorthwhile: boolean;
}

function judge(
  one: Exported,
  told: {
    readonly calls: readonly Call[];
    readonly after: ReadonlyMap<number, Outcome>;
    readonly before: ReadonlyMap<number, Outcome>;
    readonly isChanged: boolean;
    readonly language: Language;
  },
): Judged {
  const { calls, after, before, language } = told;
  const name = one.name === 'default' ? one.called : one.name;
  const looked = calls.map(({ id, args }) =>
    compared(one, args, { now: after.get(id), earlier: before.get(id), language }),
  );
  const reason = looked.find((look) => look.reason !== undefined)?.reason;
  const pinned = looked.flatMap((look) => look.pinned ?? []);
  const differences = pinned.flatMap(({ args, outcome, before: was }) =>
    was === undefined
      ? []
      : [
          {
            function: name,
            call: callText(name, args, language),
            before: was,
            after: outcomeText(outcome, language),
          },
        ],
  );
  const worth = pinned.filter(({ outcome }) => outcome.kind !== 'threw' || !outcome.isMisuse);
  return {
    // One result that varies says that the function varies: whoever reads its tests would trust them all.
    pinned: reason === undefined ? chosen(worth) : [],
    differences: differences.slice(0, MOST_DIFFERENCES),
    ...leftOutOf(name, { reason, hasPinned: worth.length > 0, hasCalls: calls.length > 0 }),
    isWorthwhile: told.isChanged || differences.length > 0,
  };
}

/** One call: what a test can hold of it, or why nothing can. */
function compared(
  { name, via }: Exported,
  args: readonly Value[],
  {
    now,
    earlier,
    language,
  }: {
    readonly now: Outcome | undefined;
    readonly earlier: Outcome | undefined;
    readonly language: Language;
  },
): { readonly pinned?: PinnedCall; readonly reason?: string } {
  if (!now || now.kind === 'unusable') return { reason: now?.reason ?? 'it was not reached' };
  const call = { name, via, args, outcome: now };
  const isSameAsBefore =
    !earlier || earlier.kind === 'unusable' || isSame(now, earlier) || areMisuse(now, earlier);
  return { pinned: isSameAsBefore ? call : { ...call, before: outcomeText(earlier, language) } };
}

function leftOutOf(
  name: string,
  of: { readonly reason: string | undefined; readonly hasPinned: boolean; readonly hasCalls: boolean },
): { readonly leftOut?: LeftOut } {
  if (of.reason !== undefined) return { leftOut: { function: name, reason: of.reason } };
  if (of.hasPinned) return {};
  const reason = of.hasCalls ? 'it takes none of the values that were tried' : 'no input could be chosen';
  return { leftOut: { function: name, reason } };
}

/** What differs first, then one call for each outcome, then the rest. */
function chosen(calls: readonly PinnedCall[]): readonly PinnedCall[] {
  const seen = new Set<string>();
  const [differing, fresh, again]: PinnedCall[][] = [[], [], []];
  for (const call of calls) {
    const key = JSON.stringify(call.outcome);
    if (call.before !== undefined) differing?.push(call);
    else if (seen.has(key)) again?.push(call);
    else fresh?.push(call);
    seen.add(key);
  }
  return [...(differing ?? []), ...(fresh ?? []), ...(again ?? [])].slice(0, MOST_PINNED);
}
