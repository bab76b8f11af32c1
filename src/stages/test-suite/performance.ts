import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { shellQuote } from '../../core/shell-quote.ts';
import type { TestSettings } from '../../core/settings/test.ts';
import type { StepResult } from '../../core/stage-kind.ts';
import { medianScores, readLighthouse, type LighthouseRun } from '../../delivery/reports/lighthouse.ts';
import { hasProgram, isOnPath, prelude } from './script.ts';
import {
  cannotRun,
  inconclusiveReason,
  type PlannedSuite,
  type SuitePlace,
  type SuiteResult,
} from './suite.ts';

type PerformanceSettings = Exclude<TestSettings['performance'], false | undefined>;

/** Names under which a Chrome is found on the PATH, as Lighthouse looks for it. */
const BROWSERS = ['google-chrome-stable', 'google-chrome', 'chromium-browser', 'chromium'];
/** How long a page may take until it answers for the first time, seconds. */
const SERVE_SECONDS = 60;

/** Lighthouse, several times, because one run differs from the next by up to 22 points; the median counts. */
export function planPerformance(settings: PerformanceSettings | undefined, place: SuitePlace): PlannedSuite {
  if (!settings) {
    const reason = 'pipewright.yaml names no page to measure (test.performance.url)';
    return place.isNamed ? cannotRun(place, 'warning', reason) : { state: 'absent', reason };
  }
  const { verdict: level, url, runs, thresholds } = settings;
  if (!isPage(url))
    return cannotRun(place, level, 'test.performance.url must begin with http:// or https://');
  if (!hasProgram(place.folder, 'lighthouse') && !isOnPath('lighthouse')) {
    return cannotRun(
      place,
      level,
      'lighthouse is not installed: add it to the project with npm i -D lighthouse',
    );
  }
  if (process.env['CHROME_PATH'] === undefined && !BROWSERS.some(isOnPath)) {
    return cannotRun(place, level, 'there is no Chrome or Chromium for lighthouse; CHROME_PATH may name one');
  }
  const again = place.attempt > 1 ? `@${place.attempt}` : '';
  const reports = Array.from({ length: runs }, (_, index) =>
    path.join(place.reports, `performance${again}-${index + 1}.json`),
  );
  const categories = Object.keys(thresholds);
  return {
    state: 'ready',
    suite: {
      name: 'performance',
      kind: 'report',
      text: `lighthouse ${url}, ${runs === 1 ? 'one run' : `${runs} runs`}`,
      script: scriptOf(settings, { place, reports, categories }),
      ...(settings.timeout !== undefined && { timeoutMs: settings.timeout }),
      look: () => {
        const done = reports.filter((file) => existsSync(file)).length;
        return { result: done < runs ? `run ${done + 1} of ${runs}` : `measured ${runs} of ${runs}` };
      },
      judge: async (ended) => judge(settings, { reports: readReports(reports), ended, categories }),
    },
  };
}

function isPage(url: string): boolean {
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
}

function scriptOf(
  { url, serve }: PerformanceSettings,
  {
    place,
    reports,
    categories,
  }: {
    readonly place: SuitePlace;
    readonly reports: readonly string[];
    readonly categories: readonly string[];
  },
): string {
  const isRoot = process.getuid?.() === 0;
  // Chromium refuses to start its sandbox as root.
  const flags = [
    '--headless=new',
    ...(isRoot ? ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] : []),
  ];
  const options = [
    '--quiet',
    '--output=json',
    `--only-categories=${categories.join(',')}`,
    `--chrome-flags=${flags.join(' ')}`,
  ].map(shellQuote);
  const page = shellQuote(new URL(url).href);
  return [
    `${prelude(place)}rm -f -- ${reports.map(shellQuote).join(' ')}`,
    ...(serve === undefined ? [] : [servingLines(serve)]),
    `${shellQuote(process.execPath)} -e ${shellQuote(WAIT)} ${page} ${SERVE_SECONDS} || exit 1`,
    // One run that fails does not take the others away: the median is over what there is.
    ...reports.map(
      (file) =>
        `lighthouse ${page} ${options.join(' ')} ${shellQuote(`--output-path=${file}`)} || echo 'pipewright: this run measured nothing'`,
    ),
    '',
  ].join('\n');
}

/** A session of its own, so that what it starts ends with it. Without setsid only the shell is ended here, the rest with the run. */
function servingLines(serve: string): string {
  const command = `sh -c ${shellQuote(serve)}`;
  return [
    `if command -v setsid >/dev/null; then setsid ${command} & else ${command} & fi`,
    'served=$!',
    `trap 'kill -TERM -"$served" 2>/dev/null || kill -TERM "$served" 2>/dev/null' EXIT`,
    `trap 'exit 143' TERM INT HUP`,
  ].join('\n');
}

/** Until the page answers, whatever it says. */
const WAIT = `
const [url, seconds] = process.argv.slice(1);
const until = Date.now() + Number(seconds) * 1000;
const look = () => fetch(url, { redirect: 'manual' }).then(() => process.exit(0), (error) => {
  if (Date.now() < until) return setTimeout(look, 200);
  console.error('pipewright: ' + url + ' did not answer within ' + seconds + ' s: ' + (error.cause && error.cause.code || error.message));
  process.exit(1);
});
look();
`;

function readReports(files: readonly string[]): readonly LighthouseRun[] {
  return files.flatMap((file) => {
    const run = existsSync(file) ? readLighthouse(readFileSync(file, 'utf8')) : undefined;
    return run && run.error === undefined ? [run] : [];
  });
}

function judge(
  { thresholds, runs, verdict: level }: PerformanceSettings,
  {
    reports,
    ended,
    categories,
  }: {
    readonly reports: readonly LighthouseRun[];
    readonly ended: StepResult;
    readonly categories: readonly string[];
  },
): SuiteResult {
  const facts = { level, duration_ms: ended.finished.duration_ms };
  const cut = inconclusiveReason(ended);
  if (cut !== undefined) return { ...facts, verdict: 'inconclusive', reason: cut };
  if (ended.failure)
    return { ...facts, verdict: 'failed', reason: 'the page could not be measured; its log says why' };
  const medians = medianScores(reports, categories);
  const scores = Object.fromEntries(
    Object.entries(medians).map(([name, { score }]) => [name, score ?? null]),
  );
  const missing = categories.filter((name) => (medians[name]?.runs ?? 0) * 2 <= runs);
  if (missing.length > 0) {
    const reason = `fewer than half of ${runs} runs gave a score for ${missing.join(', ')}`;
    return { ...facts, scores, verdict: 'inconclusive', reason };
  }
  const low = Object.entries(thresholds).flatMap(([name, least]) => {
    const score = medians[name]?.score ?? 0;
    return least !== undefined && score < least ? [`${name} is ${score}, less than ${least}`] : [];
  });
  if (low.length === 0) return { ...facts, scores, verdict: 'passed' };
  return { ...facts, scores, verdict: 'failed', reason: `${low.join('; ')} (median of ${reports.length})` };
}
