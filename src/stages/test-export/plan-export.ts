import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ok, type Result } from '../../core/failure.ts';
import type { JsonObject } from '../../core/json.ts';
import type { StageContext } from '../../core/stage-kind.ts';
import { readTestgen, type TestCode } from '../../core/testgen.ts';
import { madeTests } from '../test-generation/made-tests.ts';
import { hashAt, missingFolders, obstacle } from './files.ts';

/** One file to be written, and what stood there when it was planned. */
export interface PlannedFile {
  /** Relative to the project. */
  readonly file: string;
  /** Where its bytes lie, absolute, and their hash. */
  readonly artifact: string;
  readonly hash: string;
  /** Of what is replaced; null: nothing. */
  readonly replaces: string | null;
  /** A copy of what is replaced. */
  readonly backup: string | null;
}

/** Differences that a question names. */
const MOST_SHOWN = 3;

export interface ExportPlan {
  readonly files: readonly PlannedFile[];
  readonly folders: readonly string[];
  /** What is not written, and why. */
  readonly refused: readonly string[];
  readonly unchanged: readonly string[];
}

/** Looks at the project before anything is asked: the question names what it would replace. */
export async function planExport(
  config: { readonly documents: string; readonly tests: boolean },
  context: StageContext,
): Promise<Result<ExportPlan>> {
  const made = madeTests(context.variables);
  if (!made.ok) return made;
  const { code, analysis } = made.value;
  const documents = [
    ...(readTestgen(context.variables, 'test_scenario_generation')?.files ?? []),
    ...(readTestgen(context.variables, 'review_generation')?.files ?? []),
  ];
  const folder = path.posix.join(config.documents, analysis.head.slice(0, 10));
  const wanted = [
    ...(config.tests ? accepted(code) : []),
    ...documents.map((artifact) => ({
      file: path.posix.join(folder, path.basename(artifact)),
      artifact,
    })),
  ];
  const [files, refused, unchanged]: [PlannedFile[], string[], string[]] = [[], [], []];
  for (const one of wanted) {
    const looked = await lookAt(one, { context, number: files.length + 1 });
    if (typeof looked === 'string') refused.push(looked);
    else if (looked.replaces === looked.hash) unchanged.push(looked.file);
    else files.push(looked);
  }
  const folders = files.flatMap(({ file }) => missingFolders(path.dirname(path.join(context.project, file))));
  return ok({ files, refused, unchanged, folders: [...new Set(folders)] });
}

/** What stands there now, or why nothing is written there. */
async function lookAt(
  {
    file,
    artifact,
    hash: promised,
  }: { readonly file: string; readonly artifact: string; readonly hash?: string },
  { context, number }: { readonly context: StageContext; readonly number: number },
): Promise<PlannedFile | string> {
  const hash = hashAt(artifact);
  if (hash === undefined || (promised ?? hash) !== hash) return `${file}: its text is not what was generated`;
  const reason = obstacle(context.project, file);
  if (reason !== undefined) return `${file}: ${reason}`;
  const target = path.join(context.project, file);
  const there = hashAt(target) ?? null;
  const backup = there === null || there === hash ? null : await keep(context, target, number);
  return { file, artifact, hash, replaces: there, backup };
}

function accepted({
  tests,
}: TestCode): readonly { readonly file: string; readonly artifact: string; readonly hash: string }[] {
  return tests
    .filter(({ verdict }) => verdict === 'passed')
    .map(({ file, artifact, hash }) => ({ file, artifact, hash }));
}

/** What is replaced, in base64: an artifact is text. */
function keep(context: StageContext, target: string, number: number): Promise<string> {
  return context.writeArtifact(`replaced-${number}.base64`, readFileSync(target).toString('base64'));
}

export function bytesOfBackup(backup: string): Buffer | undefined {
  return existsSync(backup) ? Buffer.from(readFileSync(backup, 'utf8'), 'base64') : undefined;
}

export function planAsJson({ files, folders, refused, unchanged }: ExportPlan): JsonObject {
  return { files: files.map((one) => ({ ...one })), folders, refused, unchanged };
}

/** What a person is asked: what the tests would hold on to, and which files are written. */
export function question(
  { files }: ExportPlan,
  { variables, documents }: { readonly variables: JsonObject; readonly documents: string },
): string {
  const differences = readTestgen(variables, 'test_code_generation')?.differences ?? [];
  const names = files.map(({ file }) => file);
  const tests = names.filter((file) => !file.startsWith(`${documents}/`));
  const papers = names.length - tests.length;
  const wanted = [
    ...(tests.length > 0 ? [tests.join(', ')] : []),
    ...(papers > 0 ? [`${papers === 1 ? 'one document' : `${papers} documents`} below ${documents}`] : []),
  ];
  const replaced = files.filter(({ replaces }) => replaces !== null).map(({ file }) => file);
  const shown = differences
    .slice(0, MOST_SHOWN)
    .map(({ call, before, after }) => `${call} was ${before}, is now ${after}`);
  const more = differences.length - shown.length;
  return [
    `Write ${wanted.join(' and ')}?`,
    ...(replaced.length > 0 ? [`This REPLACES ${replaced.join(', ')}.`] : []),
    ...(shown.length > 0
      ? [`The tests hold what the code does now: ${shown.join('; ')}${more > 0 ? `; and ${more} more` : ''}.`]
      : []),
  ].join(' ');
}
