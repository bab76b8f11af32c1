import type { StageStatus } from '../core/definition.ts';
import { suggestion } from './issues.ts';
import { nodeAt, type Path } from './located.ts';
import { DEFAULT_ACCEPTED, type LoadedStage, needsOf } from './load-stage.ts';
import type { YamlFile } from './yaml-file.ts';

export type Needs = Readonly<Record<string, readonly StageStatus[]>>;

/** The needs of each stage, defaults filled in; reports needs that cannot be met. */
export function settleNeeds(
  file: YamlFile,
  stages: readonly LoadedStage[],
  last: readonly LoadedStage[],
): readonly Needs[] {
  const needs = stages.map((stage, index) => {
    const written = needsOf(stage.common);
    if (written) return written;
    if (nodeAt(file.root, [...stage.path, 'needs'])) return {};
    const above = stages[index - 1]?.name;
    return above === undefined ? {} : { [above]: DEFAULT_ACCEPTED };
  });
  const circles = reportCircles(file, stages, needs);
  for (const [index, stage] of stages.entries()) {
    for (const need of Object.keys(needsOf(stage.common) ?? {})) {
      checkNeed(file, { stages, last, index, need, inCircle: circles.has(stage.name ?? '') });
    }
  }
  for (const stage of last) {
    if (stage.common.needs === undefined) continue;
    const message = 'a stage under "finally" runs at the end, in order; it takes no "needs"';
    file.report([...stage.path, 'needs'], { code: 'bad-need', message }, { atKey: true });
  }
  return needs;
}

interface NeedCheck {
  readonly stages: readonly LoadedStage[];
  readonly last: readonly LoadedStage[];
  readonly index: number;
  readonly need: string;
  readonly inCircle: boolean;
}

function checkNeed(file: YamlFile, { stages, last, index, need, inCircle }: NeedCheck): void {
  const stage = stages[index];
  if (!stage) return;
  const where = needPath(stage, need);
  const report = (message: string, hint?: string) => {
    file.report(where.path, { code: 'bad-need', message, hint }, { atKey: where.atKey });
  };
  const found = stages.findIndex(({ name }) => name === need);
  if (found === index) report(`the stage "${need}" needs itself`);
  else if (found > index && !inCircle) {
    report(`the stage "${need}" stands below this one`, 'A stage may need only stages above it: move it up.');
  } else if (found === -1 && last.some(({ name }) => name === need)) {
    report(`the stage "${need}" stands under "finally", which runs after everything else`);
  } else if (found === -1) {
    const names = stages.slice(0, index).flatMap(({ name }) => name ?? []);
    report(`there is no stage "${need.slice(0, 64)}"`, suggestion(need, names));
  }
}

function needPath(stage: LoadedStage, need: string): { readonly path: Path; readonly atKey: boolean } {
  const path = [...stage.path, 'needs'];
  const written = stage.common.needs;
  if (typeof written === 'string' || written === undefined) return { path, atKey: false };
  if (Array.isArray(written)) return { path: [...path, written.indexOf(need)], atKey: false };
  return { path: [...path, need], atKey: true };
}

/** Reports each circle of needs once, whole; returns the names of the stages in one. */
function reportCircles(
  file: YamlFile,
  stages: readonly LoadedStage[],
  needs: readonly Needs[],
): ReadonlySet<string> {
  const byName = new Map(
    stages.map((stage, index) => [stage.name ?? '', { stage, needs: needs[index] ?? {} }]),
  );
  const done = new Set<string>();
  const inCircle = new Set<string>();
  const walk = (name: string, trail: readonly string[]): void => {
    const entry = byName.get(name);
    if (!entry || done.has(name)) return;
    for (const need of Object.keys(entry.needs)) {
      const start = [...trail, name].indexOf(need);
      if (need !== name && start !== -1) {
        const circle = [...trail, name].slice(start);
        for (const member of circle) inCircle.add(member);
        reportCircle(
          file,
          circle.flatMap((member) => byName.get(member)?.stage ?? []),
        );
      } else if (need !== name) walk(need, [...trail, name]);
    }
    done.add(name);
  };
  for (const name of byName.keys()) walk(name, []);
  return inCircle;
}

/** Told from its first stage that writes a need of it: `a → c → b → a`, each needing the next. */
function reportCircle(file: YamlFile, circle: readonly LoadedStage[]): void {
  const first = Math.max(
    0,
    circle.findIndex((stage) => stage.common.needs !== undefined),
  );
  const turned = [...circle.slice(first), ...circle.slice(0, first)];
  const [start] = turned;
  const next = turned[1]?.name;
  if (!start || next === undefined) return;
  const names = [...turned, start].map(({ name }) => name);
  const { path, atKey } = needPath(start, next);
  file.report(
    path,
    { code: 'cycle', message: `needs go round in a circle: ${names.join(' → ')}` },
    { atKey },
  );
}
