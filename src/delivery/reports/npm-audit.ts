import { isObject } from '../../core/json.ts';
import { listOf, parseJson, textOf } from './unknown-json.ts';

/** How bad npm says it is, least first. */
export const SEVERITIES = ['info', 'low', 'moderate', 'high', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** One advisory that a lock file is affected by. */
export interface Finding {
  /** `GHSA-…` where its address has one, otherwise npm's number. */
  readonly id: string;
  readonly ids: readonly string[];
  readonly package: string;
  readonly title: string;
  readonly severity: Severity;
  readonly range: string;
  readonly url: string;
}

export type AuditAnswer =
  | { readonly kind: 'report'; readonly findings: readonly Finding[] }
  /** A registry that has no audit, a network that is down, a program that said something else. */
  | { readonly kind: 'no-report'; readonly reason: string };

/**
 * What `npm audit --json` has answered. Its exit code is 1 for findings and for errors alike, and an error is JSON
 * too: only an answer with `auditReportVersion` is a report.
 */
export function readAudit(text: string): AuditAnswer {
  const answer = parseJson(text);
  if (!isObject(answer)) return { kind: 'no-report', reason: 'npm audit gave no JSON' };
  if (typeof answer['auditReportVersion'] !== 'number' || !isObject(answer['vulnerabilities'])) {
    return { kind: 'no-report', reason: reasonOf(answer) };
  }
  const found = new Map<string, Finding>();
  for (const [name, entry] of Object.entries(answer['vulnerabilities'])) {
    for (const via of isObject(entry) ? listOf(entry['via']) : []) {
      // A text names another package of the report, through which it comes.
      const finding = isObject(via) ? findingOf(via, name) : undefined;
      if (finding) found.set(`${finding.id} ${finding.package}`, finding);
    }
  }
  return { kind: 'report', findings: [...found.values()] };
}

function reasonOf(answer: Readonly<Record<string, unknown>>): string {
  const { error, message, statusCode } = answer;
  const summary = isObject(error) ? textOf(error['summary']) : undefined;
  const said = summary || textOf(message) || (isObject(error) ? textOf(error['code']) : undefined) || '';
  const status = typeof statusCode === 'number' ? ` (HTTP ${statusCode})` : '';
  return `the registry gave no audit report${status}${said === '' ? '' : `: ${said.split('\n')[0]}`}`;
}

function findingOf(via: Readonly<Record<string, unknown>>, packageName: string): Finding | undefined {
  const url = textOf(via['url']) ?? '';
  const [ghsa] = /GHSA(?:-[0-9a-z]{4}){3}/i.exec(url) ?? [];
  const source = via['source'];
  const number = typeof source === 'number' || typeof source === 'string' ? String(source) : undefined;
  const id = ghsa ?? number;
  const severity = SEVERITIES.find((word) => word === via['severity']);
  if (id === undefined || severity === undefined) return undefined;
  return {
    id,
    ids: [ghsa, number].filter((one) => one !== undefined),
    package: textOf(via['name']) ?? packageName,
    title: textOf(via['title']) ?? '',
    severity,
    range: textOf(via['range']) ?? '',
    url,
  };
}

export interface AllowedFinding {
  readonly id: string;
  readonly reason: string;
  /** Last day, YYYY-MM-DD. */
  readonly until: string;
}

export interface SortedFindings {
  /** They count. */
  readonly counted: readonly Finding[];
  /** Below the level that counts. */
  readonly minor: readonly Finding[];
  readonly allowed: readonly (Finding & { readonly reason: string; readonly until: string })[];
  /** Entries of the list whose last day has passed though their finding is still there. */
  readonly expired: readonly AllowedFinding[];
  /** Entries that match nothing any more. */
  readonly unused: readonly AllowedFinding[];
}

/** Which findings count from `level` on, with those left out that are allowed on `today` (YYYY-MM-DD). */
export function sortFindings(
  findings: readonly Finding[],
  {
    level,
    allow,
    today,
  }: { readonly level: Severity; readonly allow: readonly AllowedFinding[]; readonly today: string },
): SortedFindings {
  const floor = SEVERITIES.indexOf(level);
  const entryOf = ({ ids }: Finding): readonly AllowedFinding[] =>
    allow.filter(({ id }) => ids.some((known) => known.toLowerCase() === id.toLowerCase()));
  const serious = findings.filter(({ severity }) => SEVERITIES.indexOf(severity) >= floor);
  const minor = findings.filter(({ severity }) => SEVERITIES.indexOf(severity) < floor);
  const counted: Finding[] = [];
  const allowed: SortedFindings['allowed'][number][] = [];
  for (const finding of serious) {
    const valid = entryOf(finding).find(({ until }) => until >= today);
    if (valid) allowed.push({ ...finding, reason: valid.reason, until: valid.until });
    else counted.push(finding);
  }
  return {
    counted,
    minor,
    allowed,
    expired: [...new Set(counted.flatMap(entryOf))],
    unused: allow.filter((entry) => !findings.some((finding) => entryOf(finding).includes(entry))),
  };
}

/** `2 critical, 1 high`, worst first. */
export function countBySeverity(findings: readonly Finding[]): string {
  return SEVERITIES.toReversed()
    .map((severity) => ({ severity, count: findings.filter((one) => one.severity === severity).length }))
    .filter(({ count }) => count > 0)
    .map(({ severity, count }) => `${count} ${severity}`)
    .join(', ');
}
