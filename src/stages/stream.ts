import path from 'node:path';
import { z } from 'zod';
import { slug } from '../core/engine/slug.ts';
import { failed, ok, type Result, reported } from '../core/failure.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import { defineStage, type StageContext } from '../core/stage-kind.ts';
import type { StreamRecord } from '../core/stream-report.ts';
import { bindGraph } from '../streams/bind-graph.ts';
import { buildGraph, type GraphNode } from '../streams/graph.ts';
import { failureOf, pumpStep, readResult, removeUnfinished, writeSpec } from '../streams/run-group.ts';
import type { PumpResult } from '../streams/pump-spec.ts';
import type { StreamStep } from '../streams/stream-step.ts';
import { streamStepsSchema } from './stream/schema.ts';

export const stream = defineStage({
  kind: 'stream',
  summary:
    'Join commands by their bytes: pipes, tees, checksums, progress, files that appear only when whole.',
  schema: z.strictObject({
    steps: streamStepsSchema.describe(
      'Steps that streams join run at the same time; what no stream joins runs one after another.',
    ),
  }),
  run: ({ steps }, context) => runStream(steps, context),
});

async function runStream(steps: readonly StreamStep[], context: StageContext): Promise<Result<JsonObject>> {
  const { groups } = buildGraph(steps);
  const variables: Record<string, string> = {};
  let streams: readonly StreamRecord[] = [];
  for (const [index, group] of groups.entries()) {
    const ended = await runGroup(group, { index, total: groups.length, variables, before: streams }, context);
    if (!ended.ok) return ended;
    streams = ended.value.streams;
    Object.assign(variables, ended.value.variables);
    for (const warning of ended.value.warnings) context.warn(warning);
  }
  const records: JsonValue = JSON.parse(JSON.stringify(streams));
  return ok({ ...variables, streams: records });
}

interface GroupOptions {
  readonly index: number;
  readonly total: number;
  /** Of the groups before, for the templates of this one. */
  readonly variables: Readonly<Record<string, string>>;
  readonly before: readonly StreamRecord[];
}

async function runGroup(
  group: readonly GraphNode[],
  { index, total, variables, before }: GroupOptions,
  context: StageContext,
): Promise<Result<PumpResult>> {
  const seen: JsonObject = { ...context.variables, ...variables };
  const bound = bindGraph(group, {
    variables: seen,
    project: context.project,
    workdir: context.stage.workdir,
  });
  if (!bound.ok) return bound;
  const place = {
    folder: path.join(textAt(seen, 'artifacts'), slug(context.id)),
    stage: context.id,
    attempt: context.attempt,
    index,
    pipeline: textAt(seen, 'pipeline'),
    runId: textAt(seen, 'run_id'),
    before,
  };
  const spec = writeSpec(place, bound.value);
  const step = pumpStep(group[0]?.name ?? 'stream', group, spec);
  const { failure } = await context.step(step, { index: index + 1, total });
  const result = readResult(spec);
  if (failure) {
    removeUnfinished(spec);
    const isOwn = failure.reason === 'exit-non-zero' || failure.reason.startsWith('command-not-');
    const own = isOwn ? result?.failure : undefined;
    return failed(own && own.kind !== 'cancelled' ? failureOf(own) : failure);
  }
  if (result) return ok(result);
  const message = 'the stream ended well but left no result; its folder may have been changed meanwhile';
  return reported(message);
}

function textAt(variables: JsonObject, name: string): string {
  const value = variables[name];
  return typeof value === 'string' ? value : '';
}
