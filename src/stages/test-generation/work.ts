import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { ok, reported, type Result } from '../../core/failure.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Framework } from '../../core/settings/testgen.ts';
import type { StageContext } from '../../core/stage-kind.ts';
import type { ChangedFile, TestStrategy, VcsAnalysis } from '../../core/testgen.ts';
import type { Language } from '../../testgen/characterize/value.ts';
import type { DraftTest } from '../../testgen/write/test-file.ts';
import type { Scratch } from './scratch.ts';

/** A strategy, and all that its tests are made from. */
export interface Job {
  readonly strategy: TestStrategy;
  readonly language: Language;
  readonly framework: Framework;
  readonly changed: ChangedFile;
  /** Names of the test files, for each way to come by one; not taken by anything of the project. */
  readonly files: { readonly rules: string; readonly model: string };
  /** An earlier strategy has the calls of this file already. */
  readonly isCharacterized: boolean;
}

/** What all jobs of the stage share. */
export interface Workshop {
  readonly context: StageContext;
  readonly analysis: VcsAnalysis;
  readonly scratch: Scratch;
}

const draftSchema = () =>
  z.object({
    draft: z.object({
      file: z.string(),
      head: z.string(),
      tail: z.string(),
      cases: z.array(
        z.object({
          id: z.string(),
          name: z.string(),
          given: z.string(),
          expects: z.string(),
          code: z.string(),
        }),
      ),
    }),
    differences: z.array(
      z.object({ function: z.string(), call: z.string(), before: z.string(), after: z.string() }),
    ),
    leftOut: z.array(z.object({ function: z.string(), reason: z.string() })),
  });
export type Drafted = z.output<ReturnType<typeof draftSchema>>;

/** Keeps a draft beside the journal, which carries only where it lies. */
export async function keepDraft(
  context: StageContext,
  name: string,
  drafted: { readonly draft: DraftTest } & Partial<Omit<Drafted, 'draft'>>,
): Promise<JsonObject> {
  const text = `${JSON.stringify({ differences: [], leftOut: [], ...drafted }, null, 1)}\n`;
  return { artifact: await context.writeArtifact(name, text), hash: context.ports.ids.sha256(text) };
}

/** The draft that a task has left; `reported` when its file is not what was written. */
export function keptDraft({ ports }: StageContext, outputs: JsonObject): Result<Drafted> {
  const { artifact, hash } = outputs;
  if (typeof artifact !== 'string') return reported('a draft was not kept');
  try {
    const text = readFileSync(artifact, 'utf8');
    if (ports.ids.sha256(text) !== hash) return reported(`${artifact} was changed since it was written`);
    return ok(draftSchema().parse(JSON.parse(text)));
  } catch {
    return reported(`${artifact} cannot be read`);
  }
}

/** Text of a file of the tree after the commits; empty when it is not there. */
export function textIn(root: string, file: string, most: number): string {
  try {
    return readFileSync(path.join(root, file), 'utf8').slice(0, most);
  } catch {
    return '';
  }
}

/** A neighbour to learn the style from: a test of the file, otherwise any that the commits changed. */
export function neighbourOf({ changed, strategy }: Job, { scratch, analysis }: Workshop): string | undefined {
  const known = [
    ...(strategy.has_test_file ? [strategy.test_file] : []),
    ...changed.tests,
    ...analysis.files.filter(({ category }) => category === 'test').map((file) => file.path),
    ...analysis.files.flatMap(({ tests }) => tests),
  ];
  for (const file of known) {
    const text = textIn(scratch.after.root, file, 8_000);
    if (text !== '') return text;
  }
  return undefined;
}

/** Texts of the project that may call the file's functions: its tests first. */
export function callersOf({ changed }: Job, { scratch }: Workshop): readonly string[] {
  return [...changed.tests, ...changed.dependents]
    .slice(0, 20)
    .map((file) => textIn(scratch.after.root, file, 60_000));
}

export function linesOf({ changed }: Job): ReadonlySet<number> {
  return new Set(
    changed.hunks.flatMap(({ line, lines }) => Array.from({ length: lines }, (_, at) => line + at)),
  );
}

/** A name that holds what a file name may hold. */
export function artifactName(kind: string, { strategy }: Job, ending: string): string {
  return `${kind}-${strategy.id}${ending}`;
}
