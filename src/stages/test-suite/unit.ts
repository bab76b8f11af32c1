import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { shellQuote } from '../../core/shell-quote.ts';
import type { TestSettings } from '../../core/settings/test.ts';
import { readCoverage } from '../../delivery/reports/coverage.ts';
import { type Manifest, readManifest } from './manifest.ts';
import { callOf, commandOf, type Detected, detectRunner, missingProgram, ownCommand } from './runners.ts';
import { cannotRun, type PlannedSuite, type SuitePlace, type SuiteResult } from './suite.ts';
import { testsSuite, type TestsCommand } from './tests-suite.ts';
import { testFiles } from './watch-tests.ts';

type UnitSettings = Partial<Exclude<TestSettings['unit'], false | undefined>>;

/** The unit tests: the project's own script or runner, made to report each test as it ends. */
export function planUnit(settings: UnitSettings, place: SuitePlace): PlannedSuite {
  const level = settings.verdict ?? 'critical';
  const manifest = readManifest(place.folder);
  const detected = runnerOf(settings, manifest);
  if (!detected) return nothingFound(manifest, level, place);
  const missing = settings.command === undefined ? missingProgram(detected.runner, place.folder) : undefined;
  if (missing !== undefined) return cannotRun(place, level, missing);
  return { state: 'ready', suite: testsSuite(commandFor(detected, settings, place), place) };
}

function nothingFound(
  manifest: Manifest | undefined,
  level: SuiteResult['level'],
  place: SuitePlace,
): PlannedSuite {
  const reason = manifest
    ? 'package.json has no test script and no runner that is known (vitest, jest, mocha, node --test)'
    : 'there is no package.json';
  if (!place.isNamed) return { state: 'absent', reason };
  return cannotRun(place, level, `${reason}; name a command under test.unit.command`);
}

/** What can be read of each runner while it runs. */
const LIVE = { vitest: 'lines', jest: 'lines', mocha: 'lines', node: 'tap', other: 'log' } as const;

function commandFor(detected: Detected, settings: UnitSettings, place: SuitePlace): TestsCommand {
  const { runner, command, takes } = detected;
  const { coverage: least, timeout: timeoutMs, verdict: level = 'critical' } = settings;
  const files = testFiles('unit', place);
  const coverage = least === undefined ? undefined : path.join(place.reports, 'coverage');
  const call = callOf(detected, {
    folder: place.folder,
    live: files.live,
    leaveOut: place.leaveOut,
    ...(coverage !== undefined && { coverage }),
  });
  return {
    name: 'unit',
    level,
    runner,
    text: command,
    files,
    live: takes === 'nothing' && runner !== 'node' ? 'log' : LIVE[runner],
    variables: call.variables,
    lines: [
      ...(coverage === undefined ? [] : [`mkdir -p -- ${shellQuote(coverage)}`]),
      ...(call.keptIn.length > 0
        ? ["echo 'pipewright: this runner cannot leave tests out, so all are run'"]
        : []),
      call.line,
    ],
    timeoutMs,
    ...(least !== undefined && {
      amend: (result, ended) => withCoverage(result, least, coverageOf(place, ended.finished.duration_ms)),
    }),
  };
}

function runnerOf(settings: UnitSettings, manifest: Manifest | undefined): Detected | undefined {
  const { command, runner = 'auto' } = settings;
  if (command !== undefined) {
    const own = ownCommand(command, manifest);
    return runner === 'auto' || runner === own.runner ? own : { ...own, runner, takes: 'nothing' };
  }
  if (runner === 'auto') return manifest && detectRunner(manifest);
  const found = manifest && detectRunner(manifest);
  return found?.runner === runner ? found : commandOf(runner);
}

/** Percent of lines, from where the runner was told to put it or where tools put it by themselves. */
function coverageOf({ reports, folder }: SuitePlace, durationMs: number): number | undefined {
  // A file that is older than the tests is that of another run.
  const since = Date.now() - durationMs - 5000;
  const candidates = [path.join(reports, 'coverage'), path.join(folder, 'coverage')].flatMap((one) => [
    path.join(one, 'coverage-summary.json'),
    path.join(one, 'lcov.info'),
  ]);
  const file = candidates.find((one) => existsSync(one) && statSync(one).mtimeMs >= since);
  return file === undefined ? undefined : readCoverage(readFileSync(file, 'utf8'));
}

function withCoverage(result: SuiteResult, least: number, percent: number | undefined): SuiteResult {
  if (percent === undefined) {
    const warning = `the coverage of the unit tests is unmeasured: the runner left no coverage-summary.json or lcov.info`;
    return { ...result, warnings: [...(result.warnings ?? []), warning] };
  }
  const measured = { ...result, coverage_percent: percent };
  if (percent >= least) return measured;
  const warning = `the unit tests cover ${percent} % of the lines, less than ${least} %`;
  return { ...measured, warnings: [...(result.warnings ?? []), warning] };
}
