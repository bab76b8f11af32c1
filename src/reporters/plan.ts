import type { Plan, PlannedStage } from '../core/engine/api.ts';
import { sanitizeText } from '../core/terminal-text.ts';
import { formatDuration, formatTime, lockCause, formatValue } from './format.ts';
import { decisionDocument } from './run-document.ts';
import type { Style } from './style.ts';
import { decisionLines } from './why.ts';

/** `plan`: what would run, in order, with the reason and the commands. */
export function planLines(plan: Plan, style: Style): string[] {
  const params = Object.entries(plan.params).map(([name, value]) => `${name}=${formatValue(value, 60)}`);
  return [
    `${style.strong(`plan of ${plan.pipeline}`)}  ${style.dim(`(${plan.file}, environment ${plan.environment}, plan ${plan.plan_hash.slice(0, 12)})`)}`,
    ...(params.length > 0 ? [`  ${params.map((param) => sanitizeText(param)).join(' ')}`] : []),
    ...(plan.locked
      ? [
          style.bad(
            `  locked since ${formatTime(plan.locked.since)} ${lockCause(plan.locked)}: run would exit with 4; pipewright unlock ${plan.pipeline} opens it`,
          ),
        ]
      : []),
    ...plan.stages.flatMap((stage) => ['', ...stageLines(stage, style)]),
    '',
    style.dim('Nothing was touched.'),
  ];
}

const MARKS = { run: '▶', skip: '-', reuse: '=', maybe: '?' } as const;

function stageLines(stage: PlannedStage, style: Style): string[] {
  const facts = [stage.kind];
  if (stage.finally) facts.push('at the end, whatever happened');
  if (stage.confirms) facts.push('asks for confirmation');
  if (stage.max_attempts > 1) facts.push(`up to ${stage.max_attempts} attempts`);
  if (stage.timeout_ms !== undefined) facts.push(`at most ${formatDuration(stage.timeout_ms)} each`);
  const needs = Object.keys(stage.needs);
  if (needs.length > 0) facts.push(`needs ${needs.join(', ')}`);
  const paint = stage.action === 'skip' ? style.dim : stage.action === 'maybe' ? style.warn : style.good;
  return [
    `${paint(`${MARKS[stage.action]} ${stage.stage}`)}  ${style.dim(facts.join(', '))}`,
    ...decisionLines(stage.decision, style),
    ...stage.steps.map(({ command, context }) => {
      const [first = '', ...more] = sanitizeText(command).trim().split('\n');
      const where = context === 'local' ? '' : `  on ${context}`;
      return style.dim(`    $ ${first}${more.length > 0 ? ' …' : ''}${where}`);
    }),
  ];
}

/** `plan --json`. */
export function planDocument(plan: Plan): object {
  return {
    pipeline: plan.pipeline,
    file: plan.file,
    environment: plan.environment,
    params: plan.params,
    plan_hash: plan.plan_hash,
    locked: plan.locked ?? null,
    stages: plan.stages.map((stage) => ({
      name: stage.stage,
      kind: stage.kind,
      action: stage.action,
      decision: decisionDocument(stage.stage, stage.decision),
      needs: stage.needs,
      confirms: stage.confirms,
      max_attempts: stage.max_attempts,
      timeout_ms: stage.timeout_ms ?? null,
      finally: stage.finally,
      steps: stage.steps,
    })),
  };
}
