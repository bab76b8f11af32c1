import { z } from 'zod';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import type { ServiceRelease } from '../../core/releases.ts';
import type { Artifact } from '../../core/runtime.ts';

/*
 * What the stages of a deploy leave in the journal, read back by later stages, by an undo and after a crash.
 */

/** The task that holds the gate; an undo reads it back. */
export const GATE_TASK = 'gate';

const text = z.string();

/** Under `artifacts` in the outputs of a stage that builds, by service. */
const artifactSchema = z.object({
  digest: text,
  reference: text,
  commit: text,
  run_id: text,
  size_bytes: z.number(),
  platform: text.optional(),
  path: text.optional(),
});
export type BuiltArtifact = z.output<typeof artifactSchema>;

const unitSchema = artifactSchema.extend({
  env: z.record(text, text),
  secrets: z.record(text, text).optional(),
  compose: text.optional(),
});

export const VERDICTS = ['passed', 'failed', 'inconclusive', 'unmeasured'] as const;
export type Verdict = (typeof VERDICTS)[number];

const conditionSchema = z.object({
  name: text,
  verdict: z.enum(VERDICTS),
  reason: text,
  evidence: z.record(text, z.json()),
});

/** One condition of the gate, and how it came out. */
export type Condition = {
  readonly name: string;
  readonly verdict: Verdict;
  readonly reason: string;
  readonly evidence: { readonly [name: string]: JsonValue };
};

const factsSchema = z.object({
  id: text,
  is_running: z.boolean(),
  started_at: text,
  restart_count: z.number(),
  exit_code: z.number().optional(),
  oom_killed: z.boolean().optional(),
});

/** What the gate found at one service@host before anything was changed. */
const placeSchema = z.object({
  service: text,
  host: text,
  /** What served; null: nothing did. */
  previous: unitSchema.nullable(),
  /** What serves is what would be deployed, healthy and with the same settings: it is left alone. */
  stays: z.boolean().default(false),
  /** Median latency of the old version by path, warm; milliseconds. */
  baseline_ms: z.record(text, z.number()),
});

/** The outputs of the gate: everything that deploying and undoing need. */
const gateSchema = z.object({
  commit: text,
  conditions: z.array(conditionSchema),
  artifacts: z.record(text, unitSchema),
  places: z.array(placeSchema),
  has_migration: z.boolean(),
});
export type GateRecord = z.output<typeof gateSchema>;
export type PlaceRecord = z.output<typeof placeSchema>;

/** What a deploy leaves for `verify`, under `release` in its outputs. */
const releaseSchema = z.object({
  run_id: text,
  commit: text,
  environment: text,
  has_migration: z.boolean(),
  artifacts: z.record(text, unitSchema),
  places: z.array(
    placeSchema.extend({
      instance: z.object({
        id: text,
        digest: text,
        reference: text,
        name: text.optional(),
        address: z.object({ host: text, port: z.number() }).optional(),
      }),
      facts: factsSchema,
    }),
  ),
});
export type ReleaseRecord = z.output<typeof releaseSchema>;

/** Undefined where the gate has not ended well. */
export function readGate(value: JsonObject | undefined): GateRecord | undefined {
  return gateSchema.safeParse(value).data;
}

/** The release that an earlier stage of this run has deployed. */
export function readRelease(variables: JsonObject): ReleaseRecord | undefined {
  return releaseSchema.safeParse(variables['release']).data;
}

/** What the stages of this run have built, by service. */
export function readArtifacts(variables: JsonObject): Readonly<Record<string, BuiltArtifact>> {
  const stages = z
    .record(text, z.object({ outputs: z.record(text, z.json()) }))
    .safeParse(variables['stages']);
  const found: Record<string, BuiltArtifact> = {};
  for (const { outputs } of Object.values(stages.data ?? {})) {
    Object.assign(found, z.record(text, artifactSchema).safeParse(outputs['artifacts']).data);
  }
  return found;
}

/** A record as it goes into the journal. */
export function asJson(value: unknown): JsonObject {
  return z.record(text, z.json()).parse(JSON.parse(JSON.stringify(value)));
}

/** A recorded unit as runtimes take it: without the keys that JSON had no value for. */
export function asArtifact(unit: z.output<typeof unitSchema>): Artifact {
  const { platform, path, secrets, compose, ...rest } = unit;
  return {
    ...rest,
    ...(platform !== undefined && { platform }),
    ...(path !== undefined && { path }),
    ...(secrets !== undefined && { secrets }),
    ...(compose !== undefined && { compose }),
  };
}

/** What a registry says of a release, as something to deploy: its files are on the hosts already. */
export function artifactOfRelease(release: ServiceRelease): Artifact {
  const { digest, reference, env, secrets, compose, commit, run_id: runId } = release;
  return {
    digest,
    reference,
    env,
    commit,
    run_id: runId,
    size_bytes: 0,
    ...(secrets !== undefined && { secrets }),
    ...(compose !== undefined && { compose }),
  };
}
