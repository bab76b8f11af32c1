import type { StageState, StepState } from './stage-state.ts';

/** What happened to the steps of a stage, one after another. States of the stage share it; each counts so many of it as its own. */
interface StepChanges {
  readonly list: (readonly [string, StepState])[];
  readonly latest: Map<string, StepState>;
}

interface Known {
  readonly changes: StepChanges;
  /** So many of the changes are in this state. */
  readonly count: number;
  /** The stage but for its steps. */
  readonly rest: StageState;
}

/** Of states that `withStep` made. */
const known = new WeakMap<StageState, Known>();

/**
 * The stage with a step as it is now. Takes the same time for the first step and the thousandth: the object of all steps is
 * made when somebody looks at it, which most states of a run do not live to see.
 */
export function withStep(
  stage: StageState,
  [name, step]: readonly [string, StepState],
  more: Pick<StageState, 'usage'> = {},
): StageState {
  const before = newest(stage) ?? begin(stage);
  before.changes.list.push([name, step]);
  before.changes.latest.set(name, step);
  const count = before.count + 1;
  const rest = { ...before.rest, ...more };
  const after: StageState = { ...rest };
  Object.defineProperty(after, 'steps', {
    enumerable: true,
    configurable: true,
    get: () => {
      // A step that changes keeps its place.
      const value = Object.fromEntries(new Map(before.changes.list.slice(0, count)));
      Object.defineProperty(after, 'steps', { value, writable: true });
      return value;
    },
  });
  known.set(after, { changes: before.changes, count, rest });
  return after;
}

/** One step, without an object of all of them where there is none yet. */
export function stepOf(stage: StageState | undefined, name: string): StepState | undefined {
  if (!stage) return undefined;
  const found = newest(stage);
  if (found) return found.changes.latest.get(name);
  return Object.hasOwn(stage.steps, name) ? stage.steps[name] : undefined;
}

/** Undefined when another state has gone on from this one: what that added is not of this one. */
function newest(stage: StageState): Known | undefined {
  const found = known.get(stage);
  return found && found.count === found.changes.list.length ? found : undefined;
}

function begin(stage: StageState): Known {
  const list = Object.entries(stage.steps);
  return { changes: { list, latest: new Map(list) }, count: list.length, rest: { ...stage, steps: {} } };
}
