import { existsSync } from 'node:fs';
import path from 'node:path';
import { shellQuote } from '../../core/shell-quote.ts';
import type { TestSettings } from '../../core/settings/test.ts';
import { readManifest } from './manifest.ts';
import { liveReporter } from './runners.ts';
import { hasProgram } from './script.ts';
import { cannotRun, type PlannedSuite, type SuitePlace, type SuiteResult } from './suite.ts';
import { testsSuite } from './tests-suite.ts';
import { testFiles } from './watch-tests.ts';

type E2eSettings = Partial<Exclude<TestSettings['e2e'], false | undefined>>;

const CONFIGS = ['ts', 'js', 'mts', 'mjs', 'cts', 'cjs'].map((end) => `playwright.config.${end}`);

/** Playwright itself, with nothing behind it that would take the words added to it. */
const PLAYWRIGHT = /^\s*(?:npx\s+(?:--no-install\s+)?)?playwright\s+test\b[^|&;<>()`$#\n]*$/;

/** The tests in a browser: playwright's, or a command of the user's. */
export function planE2e(settings: E2eSettings, place: SuitePlace): PlannedSuite {
  const { verdict: level = 'critical', command = 'playwright test', timeout: timeoutMs } = settings;
  const missing = settings.command === undefined ? missingPlaywright(place, level) : undefined;
  if (missing) return missing;
  const isPlaywright = PLAYWRIGHT.test(command);
  const files = testFiles('e2e', place);
  return {
    state: 'ready',
    suite: testsSuite(
      {
        name: 'e2e',
        level,
        runner: isPlaywright ? 'playwright' : 'other',
        text: command,
        files,
        live: isPlaywright ? 'lines' : 'log',
        variables: isPlaywright ? { PIPEWRIGHT_LIVE: files.live } : {},
        lines: [isPlaywright ? `${command} ${shellQuote(`--reporter=list,${liveReporter}`)}` : command],
        timeoutMs,
      },
      place,
    ),
  };
}

function missingPlaywright(place: SuitePlace, level: SuiteResult['level']): PlannedSuite | undefined {
  const hasConfig = CONFIGS.some((name) => existsSync(path.join(place.folder, name)));
  if (!place.isNamed && !hasConfig) return { state: 'absent', reason: 'there is no playwright.config' };
  if (hasProgram(place.folder, 'playwright')) return undefined;
  const isDependency = readManifest(place.folder)?.dependencies.has('@playwright/test') === true;
  const how = isDependency
    ? 'run npm ci before the tests'
    : 'add @playwright/test to the project, or name a command under test.e2e.command';
  return cannotRun(place, level, `playwright is not installed in this project: ${how}`);
}
