import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { shellQuote } from '../../core/shell-quote.ts';
import { type TestSettings, testSchema } from '../../core/settings/test.ts';
import type { StepResult } from '../../core/stage-kind.ts';
import { countBySeverity, type Finding, readAudit, sortFindings } from '../../delivery/reports/npm-audit.ts';
import { prelude } from './script.ts';
import {
  cannotRun,
  inconclusiveReason,
  type PlannedSuite,
  type SuitePlace,
  type SuiteResult,
} from './suite.ts';

type SecuritySettings = Exclude<TestSettings['security'], false | undefined>;

const LOCK_FILES = ['package-lock.json', 'npm-shrinkwrap.json'];
/** Findings that a result carries; the answer itself is an artifact. */
const MOST_FINDINGS = 50;

/** npm audit of the lock file. */
export function planSecurity(given: SecuritySettings | undefined, place: SuitePlace): PlannedSuite {
  const settings = given ?? defaultSecurity();
  if (!LOCK_FILES.some((name) => existsSync(path.join(place.folder, name)))) {
    const reason = 'npm audit reads package-lock.json, and there is none';
    const isOther = ['yarn.lock', 'pnpm-lock.yaml'].some((name) => existsSync(path.join(place.folder, name)));
    return place.isNamed || isOther
      ? cannotRun(place, settings.verdict, reason)
      : { state: 'absent', reason };
  }
  const file = path.join(place.reports, `security${place.attempt > 1 ? `@${place.attempt}` : ''}.json`);
  return {
    state: 'ready',
    suite: {
      name: 'security',
      kind: 'report',
      text: 'npm audit --json',
      // Its exit code is 1 for findings and for errors alike: what it says decides.
      script: `${prelude(place)}npm audit --json >${shellQuote(file)} || [ $? -lt 126 ]`,
      ...(settings.timeout !== undefined && { timeoutMs: settings.timeout }),
      look: () => ({ result: 'asking the registry' }),
      judge: async (ended) => judge(settings, { text: textOf(file), ended, today: place.today }),
    },
  };
}

function defaultSecurity(): SecuritySettings {
  const { security } = testSchema.parse({ security: {} });
  if (security === undefined || security === false) throw new Error('the schema has no default for security');
  return security;
}

function textOf(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

function judge(
  { level: from, allow, verdict: level }: SecuritySettings,
  { text, ended, today }: { readonly text: string; readonly ended: StepResult; readonly today: string },
): SuiteResult {
  const facts = { level, duration_ms: ended.finished.duration_ms };
  const cut = inconclusiveReason(ended);
  if (cut !== undefined) return { ...facts, verdict: 'inconclusive', reason: cut };
  if (ended.failure)
    return { ...facts, verdict: 'unmeasured', reason: 'npm audit could not be run; its log says why' };
  const answer = readAudit(text);
  if (answer.kind === 'no-report') return { ...facts, verdict: 'unmeasured', reason: answer.reason };
  const { counted, allowed, expired, minor } = sortFindings(answer.findings, { level: from, allow, today });
  const result = {
    ...facts,
    findings: counted.slice(0, MOST_FINDINGS).map(plain),
    allowed: allowed.map((finding) => ({ ...plain(finding), reason: finding.reason, until: finding.until })),
  };
  if (counted.length === 0) return { ...result, verdict: 'passed' };
  const over = expired.map(({ id, until }) => `${id} was allowed until ${until}`);
  const rest = minor.length > 0 ? [`${countBySeverity(minor)} below the level`] : [];
  const reason = [`${countBySeverity(counted)} (${namesOf(counted)})`, ...over, ...rest].join('; ');
  return { ...result, verdict: 'failed', reason };
}

function plain({ id, package: name, title, severity, range, url }: Finding) {
  return { id, package: name, title, severity, range, url };
}

function namesOf(findings: readonly Finding[]): string {
  const names = findings.slice(0, 3).map(({ id, package: name }) => `${name} ${id}`);
  return [...names, ...(findings.length > 3 ? [`${findings.length - 3} more`] : [])].join(', ');
}
