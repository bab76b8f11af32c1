import { z } from 'zod';
import { isObject, type JsonObject } from './json.ts';
import { FRAMEWORKS } from './settings/testgen.ts';

/**
 * What the stages of test generation hand to each other as outputs, under the names of the stages:
 * `vcs_analysis`, `test_strategy`, `test_code_generation`, … Outputs travel through the journal, so what may be large lies in an
 * artifact: its absolute path is `artifact`, and the lists beside it are cut. Schemas are made when asked for.
 */

const priority = z.enum(['high', 'medium', 'low']);
const verdict = z.enum(['passed', 'failed', 'inconclusive', 'unmeasured']);

/** A declaration that a commit touched. `line` and `end_line` count from 1 in the new file (in the old one when deleted). */
const symbolSchema = z.object({
  /** `Class.method` for what lies in another. */
  name: z.string(),
  kind: z.enum(['function', 'class', 'method', 'constant', 'type']),
  line: z.int(),
  end_line: z.int(),
  change: z.enum(['added', 'modified', 'deleted']),
  /** Visible outside its file. */
  is_exported: z.boolean(),
  /** Its first line, without the body. */
  signature: z.string(),
});
export type ChangedSymbol = z.output<typeof symbolSchema>;

const changedFileSchema = z.object({
  /** Relative to the project, with `/`; begins with `../` outside it. */
  path: z.string(),
  from_path: z.string().exactOptional(),
  status: z.enum(['added', 'modified', 'deleted', 'renamed', 'copied', 'type-changed']),
  /** `typescript`, `javascript`, `python`, `go`, `java`: declarations are read; else the file's ending, or empty. */
  language: z.string(),
  category: z.enum(['source', 'test', 'config', 'database', 'docs', 'other']),
  /** In the words of change-analysis and of `analyze.categories`. */
  areas: z.array(z.string()),
  /** Lines; 0 for a binary file. */
  added: z.int(),
  deleted: z.int(),
  is_binary: z.boolean(),
  symbols: z.array(symbolSchema),
  /** Changed places: first line and how many lines, in the new file. */
  hunks: z.array(z.object({ line: z.int(), lines: z.int(), deleted: z.int() })),
  /** Files of the project that import it, at most 20; `dependents_count` has the true number, indirect ones included. */
  dependents: z.array(z.string()),
  dependents_count: z.int(),
  /** Existing tests that import it or are named after it. */
  tests: z.array(z.string()),
  /** Of its last 20 commits: how many there are, and how many mended something, by their subjects. */
  history: z.object({ commits: z.int(), fixes: z.int() }),
  /** Those of the chosen commits that changed it, as far as its history was looked at. */
  commits: z.array(z.string()),
});
export type ChangedFile = z.output<typeof changedFileSchema>;

const commitSchema = z.object({
  id: z.string(),
  author: z.string(),
  date: z.string(),
  subject: z.string(),
  files: z.int(),
});
export type CommitMetadata = z.output<typeof commitSchema>;

const vcsAnalysisSchema = () =>
  z.object({
    vcs: z.enum(['git', 'svn', 'hg']),
    /** Trees that are compared: before the first chosen commit (null: nothing), and the last one. */
    base: z.string().nullable(),
    head: z.string(),
    /** Oldest first, at most 50. */
    commits: z.array(commitSchema),
    /** With the highest risk first; at most `testgen.max_files`. The artifact has all. */
    files: z.array(changedFileSchema),
    statistics: z.object({
      commits: z.int(),
      files: z.int(),
      added: z.int(),
      deleted: z.int(),
      by_status: z.record(z.string(), z.int()),
      by_category: z.record(z.string(), z.int()),
      by_language: z.record(z.string(), z.int()),
      symbols: z.int(),
      /** Files that could be affected through imports. */
      affected_files: z.int(),
    }),
    /** Unified diff of all of it (cut at 1 MiB). */
    diff_artifact: z.string(),
    /** This object, nothing left out. */
    artifact: z.string(),
    is_truncated: z.boolean(),
  });
export type VcsAnalysis = z.output<ReturnType<typeof vcsAnalysisSchema>>;

/** How a strategy's test is to come about. */
export const TEST_TYPES = ['unit', 'integration', 'e2e', 'regression', 'performance', 'security'] as const;

const strategySchema = z.object({
  /** Letters, digits, `-`: unique in the run and the same when asked again. */
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,79}$/),
  /** Relative to the project. */
  file: z.string(),
  language: z.string(),
  symbols: z.array(z.string()),
  type: z.enum(TEST_TYPES),
  priority,
  /** 0 to 100; what `priority` comes from. */
  risk: z.int(),
  reason: z.string(),
  /** Ids of strategies that come first. */
  depends_on: z.array(z.string()),
  /** Absent where the project's language has none that we know. */
  framework: z.enum(FRAMEWORKS).exactOptional(),
  /** Where the test belongs, relative to the project; it may exist already. */
  test_file: z.string(),
  has_test_file: z.boolean(),
  source: z.enum(['rules', 'model']),
});
export type TestStrategy = z.output<typeof strategySchema>;

const testStrategiesSchema = () =>
  z.object({
    /** In the order to work in: what others depend on first, then by risk. */
    strategies: z.array(strategySchema),
    /** Priority × type: how many. */
    matrix: z.record(z.string(), z.record(z.string(), z.int())),
    /** Who wrote the list, and why it was not the model where one is configured. */
    source: z.enum(['rules', 'rules+model']),
    model: z.string().exactOptional(),
    artifact: z.string(),
  });
export type TestStrategies = z.output<ReturnType<typeof testStrategiesSchema>>;

const generatedTestSchema = z.object({
  strategy_id: z.string(),
  /** Where it belongs, relative to the project. */
  file: z.string(),
  /** Its text, absolute. */
  artifact: z.string(),
  /** SHA-256 of the text. */
  hash: z.string(),
  source: z.enum(['rules', 'model']),
  cases: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      given: z.string(),
      expects: z.string(),
      /** Of this case alone; null: not measured. */
      detects_revert: z.boolean().nullable().exactOptional(),
    }),
  ),
  verdict,
  checks: z.object({
    runs: z.int(),
    passes: z.int(),
    /** It fails against the code before the change; null: not measured. */
    detects_revert: z.boolean().nullable(),
    /** Changed lines of the tested file that it reaches, in percent; null: not measured. */
    coverage: z.number().nullable(),
  }),
  reason: z.string(),
});
export type GeneratedTest = z.output<typeof generatedTestSchema>;

/** The same input, another outcome before and after the commits. */
const differenceSchema = z.object({
  strategy_id: z.string(),
  file: z.string(),
  function: z.string(),
  call: z.string(),
  before: z.string(),
  after: z.string(),
});
export type BehaviourDifference = z.output<typeof differenceSchema>;

/** A function, or all of a strategy (`function` is then empty), that no test was made for. */
const leftOutSchema = z.object({
  strategy_id: z.string(),
  file: z.string(),
  function: z.string(),
  reason: z.string(),
});
export type LeftOutOfTests = z.output<typeof leftOutSchema>;

const testCodeSchema = () =>
  z.object({
    tests: z.array(generatedTestSchema),
    /** What the commits did to the behaviour, as far as calls showed; at most 100. */
    differences: z.array(differenceSchema).default([]),
    left_out: z.array(leftOutSchema).default([]),
    counts: z.record(z.string(), z.int()),
    artifact: z.string(),
  });
export type TestCode = z.output<ReturnType<typeof testCodeSchema>>;

const scenarioSchema = z.object({
  id: z.string(),
  title: z.string(),
  preconditions: z.array(z.string()).default([]),
  steps: z.array(z.string()),
  expected: z.string(),
  data: z.array(z.object({ name: z.string(), value: z.string() })),
  priority,
  /** Ids of cases. */
  covers: z.array(z.string()),
});
export type TestScenario = z.output<typeof scenarioSchema>;

const scenariosSchema = () =>
  z.object({ scenarios: z.array(scenarioSchema), files: z.array(z.string()), artifact: z.string() });
export type TestScenarios = z.output<ReturnType<typeof scenariosSchema>>;

const reviewSchema = () =>
  z.object({
    /** 0 to 100. */
    quality_score: z.number(),
    /** What the score is made of: points, and of how many. */
    score_parts: z.array(z.object({ name: z.string(), points: z.number(), of: z.number() })).default([]),
    /** A few lines for people. */
    summary: z.array(z.string()).default([]),
    files: z.array(z.string()).default([]),
    findings: z.array(
      z.object({
        severity: z.enum(['error', 'warning', 'info']),
        about: z.string(),
        message: z.string(),
      }),
    ),
    recommendations: z.array(z.string()),
    artifact: z.string(),
  });
export type Review = z.output<ReturnType<typeof reviewSchema>>;

/** Output names, and what each holds. */
const OUTPUTS = {
  vcs_analysis: vcsAnalysisSchema,
  test_strategy: testStrategiesSchema,
  test_code_generation: testCodeSchema,
  test_scenario_generation: scenariosSchema,
  review_generation: reviewSchema,
} as const;

interface TestgenOutputs {
  readonly vcs_analysis: VcsAnalysis;
  readonly test_strategy: TestStrategies;
  readonly test_code_generation: TestCode;
  readonly test_scenario_generation: TestScenarios;
  readonly review_generation: Review;
}

/**
 * What a stage before this one has left in `context.variables`; undefined where there was none, or where it is not
 * of this shape (a cached result of another version, a custom kind with the same output).
 */
export function readTestgen<Name extends keyof TestgenOutputs>(
  variables: JsonObject,
  name: Name,
): TestgenOutputs[Name] | undefined;
export function readTestgen(variables: JsonObject, name: keyof TestgenOutputs): unknown {
  const found = variables[name];
  if (!isObject(found)) return undefined;
  const parsed = OUTPUTS[name]().safeParse(found);
  return parsed.success ? parsed.data : undefined;
}
