import type { StepResult } from '../../core/stage-kind.ts';
import type { TestResults } from '../../delivery/reports/test-results.ts';
import { judgeTests } from './judge-tests.ts';
import { prelude } from './script.ts';
import type { ReadySuite, SuiteName, SuitePlace, SuiteResult } from './suite.ts';
import { forget, keepReports, logOf, type TestFiles, TestWatch } from './watch-tests.ts';

/** A command whose tests are counted while it runs. */
export interface TestsCommand {
  readonly name: Extract<SuiteName, 'unit' | 'e2e'>;
  readonly level: SuiteResult['level'];
  readonly runner: string;
  /** As people see it. */
  readonly text: string;
  /** Lines of shell, the command last. */
  readonly lines: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
  readonly files: TestFiles;
  /** How its tests can be read while it runs: TAP in its log when nothing better is known. */
  readonly live: 'lines' | 'tap' | 'log';
  readonly timeoutMs?: number | undefined;
  /** A last word on the result. */
  readonly amend?: (result: SuiteResult, ended: StepResult) => SuiteResult;
}

/** The command as a suite: with its reports, its counts and its verdict. */
export function testsSuite(command: TestsCommand, place: SuitePlace): ReadySuite {
  const { name, level, runner, text, files, live, timeoutMs } = command;
  const variables = { ...command.variables, PIPEWRIGHT_REPORT: files.own };
  const watch = new TestWatch(files, { live, log: logOf(name, place), folder: place.folder });
  return {
    name,
    kind: 'tests',
    text,
    script: `${prelude(place, variables)}${forget(files)}${command.lines.join('\n')}`,
    ...(timeoutMs !== undefined && { timeoutMs }),
    look: () => watch.look(),
    judge: async (ended) => {
      const results: TestResults = watch.end();
      const result = judgeTests(results, ended, { level, runner, isNamed: place.isNamed });
      if (!results.isEmpty) await keepReports(name, { results, durationMs: result.duration_ms }, place);
      return command.amend?.(result, ended) ?? result;
    },
  };
}
