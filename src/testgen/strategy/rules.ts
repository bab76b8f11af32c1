import type { ChangedFile, TestStrategy, VcsAnalysis } from '../../core/testgen.ts';

/** What a pattern in the change asks for. */
export interface Wanted {
  readonly type: TestStrategy['type'];
  /** Added to the risk of the file. */
  readonly extra: number;
  readonly reason: string;
}

type Rule = (file: ChangedFile, subjects: readonly string[]) => Wanted | undefined;

const SECURITY =
  /auth|login|logout|passw|token|crypt|secret|session|permission|credential|sanitiz|escape|csrf|cors|jwt|oauth|signature|acl\b/i;
const BORDER =
  /(?:^|\/)(?:api|routes?|server|controllers?|handlers?|services?|repositor(?:y|ies)|db|database|models?|migrations?)(?:\/|\.)/i;
const PAGE = /(?:^|\/)(?:pages|views|screens|components|app)\/|\.(?:tsx|jsx)$/i;
const ASIDE = /(?:^|\/)(?:bench(?:marks?)?|examples?|demos?)(?:\/|\.[^/]+$)/i;
const SPEED = /\b(?:perf(?:ormance)?|faster|slow(?:er)?|speed|optimi[sz]\w*|latency|benchmark|memory)\b/i;
const MENDS = /\b(?:fix(?:e[sd])?|bugs?|hotfix|regression|crash(?:es)?|mend(?:s|ed)?)\b/i;
const DANGER = /\b(?:security|cve|xss|injection|vulnerab\w*|exploit)\b/i;

/** Dependents from where a change is one of several parts that have to work together. */
const MANY_DEPENDENTS = 3;

const RULES: readonly Rule[] = [
  (file) => {
    const changed = file.symbols.filter(({ change, kind }) => change !== 'deleted' && kind !== 'type');
    if (changed.length === 0) return undefined;
    const exported = changed.filter((symbol) => symbol.is_exported).length;
    return {
      type: 'unit',
      extra: 0,
      reason: `${exported} of ${changed.length} changed declarations can be called from outside`,
    };
  },
  (file, subjects) => {
    const modified = file.symbols.some(({ change }) => change === 'modified');
    const subject = modified ? subjects.find((text) => MENDS.test(text)) : undefined;
    return subject === undefined
      ? undefined
      : {
          type: 'regression',
          extra: 10,
          reason: `the commit "${subject.slice(0, 80)}" mends something: its test has to fail without it`,
        };
  },
  (file) => {
    const deleted = file.symbols.filter((symbol) => symbol.change === 'deleted' && symbol.is_exported);
    return deleted.length === 0 || file.dependents_count === 0
      ? undefined
      : {
          type: 'regression',
          extra: 15,
          reason: `${deleted
            .map(({ name }) => name)
            .slice(0, 3)
            .join(', ')} is gone, and files import what it was in`,
        };
  },
  (file) => {
    if (file.symbols.length === 0 && file.category !== 'database') return undefined;
    if (file.category === 'database')
      return { type: 'integration', extra: 10, reason: 'it changes the database' };
    if (BORDER.test(file.path))
      return { type: 'integration', extra: 5, reason: 'it lies where parts of the program meet' };
    return file.dependents_count >= MANY_DEPENDENTS
      ? { type: 'integration', extra: 0, reason: `${file.dependents_count} files depend on it` }
      : undefined;
  },
  (file) =>
    file.symbols.length > 0 && PAGE.test(file.path)
      ? { type: 'e2e', extra: 0, reason: 'it is part of what a user sees' }
      : undefined,
  (file, subjects) => {
    const subject = file.symbols.length > 0 ? subjects.find((text) => SPEED.test(text)) : undefined;
    return subject === undefined
      ? undefined
      : { type: 'performance', extra: 0, reason: `the commit "${subject.slice(0, 80)}" is about speed` };
  },
  (file, subjects) => {
    const named = [file.path, ...file.symbols.map(({ name }) => name)].find((name) => SECURITY.test(name));
    const subject = subjects.find((text) => DANGER.test(text));
    if (file.symbols.length === 0 || (named === undefined && subject === undefined)) return undefined;
    const reason =
      named === undefined
        ? `the commit "${(subject ?? '').slice(0, 80)}" is about security`
        : `"${named}" decides about access or handles secrets`;
    return { type: 'security', extra: 15, reason };
  },
];

/** What the patterns in one changed file ask for; each type once, with all its reasons. */
export function wantedFor(file: ChangedFile, { commits }: VcsAnalysis): readonly Wanted[] {
  if (file.category !== 'source' && file.category !== 'database') return [];
  if (file.status === 'deleted' || file.is_binary || ASIDE.test(file.path)) return [];
  const own = commits.filter(({ id }) => file.commits.includes(id));
  // Of one that was not looked up, any of them may be about it.
  const subjects = (file.commits.length === 0 ? commits : own).map(({ subject }) => subject);
  const byType = new Map<Wanted['type'], Wanted>();
  for (const rule of RULES) {
    const wanted = rule(file, subjects);
    if (!wanted) continue;
    const known = byType.get(wanted.type);
    byType.set(
      wanted.type,
      known
        ? {
            ...known,
            extra: Math.max(known.extra, wanted.extra),
            reason: `${known.reason}; ${wanted.reason}`,
          }
        : wanted,
    );
  }
  return [...byType.values()];
}

/** Why a changed file gets no strategy. */
export function leftOutBecause(file: ChangedFile): string {
  if (file.status === 'deleted') return 'it is gone';
  if (file.is_binary) return 'it is binary';
  if (file.category === 'test') return 'it is a test itself';
  if (file.category === 'docs') return 'it is documentation';
  if (file.category === 'config') return 'it is configuration';
  if (/\.d\.[cm]?ts$/.test(file.path)) return 'it holds only types';
  if (ASIDE.test(file.path)) return 'it is a benchmark, a demo or an example';
  if (file.category === 'other')
    return `no declarations are read of "${file.language || 'files without an ending'}"`;
  return 'only comments, spacing or types differ';
}
