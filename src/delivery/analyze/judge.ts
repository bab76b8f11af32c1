import type { Classified } from './patterns.ts';

/** What a set of changed files comes to, before anything is decided about tests and services. */
export interface Judgement {
  readonly rule:
    | NonNullable<Classified['rule']>
    | 'no-change'
    | 'only-ignored'
    | 'frontend-only'
    | 'backend-only'
    | 'config-only'
    | 'config-changed'
    | 'test-only'
    | 'several-areas';
  readonly reason: string;
  /** Everything has to run. */
  readonly isEverything: boolean;
  /** The parts of the project that are touched: categories, those of tests too. */
  readonly areas: readonly string[];
  /** Some of the files that the rule rests on. */
  readonly files: readonly string[];
}

/** Paths shown as evidence. */
const SHOWN = 3;

const EVERYTHING_REASONS: Readonly<Record<NonNullable<Classified['rule']>, string>> = {
  'lockfile-changed': 'a lock file changed: dependencies of everything',
  'dockerfile-changed': 'a Dockerfile or compose file changed',
  'pipeline-changed': 'the pipeline itself changed',
  'shared-changed': 'a shared file changed',
  'unknown-file': 'no category knows a changed file',
  'outside-project': 'a file outside the project changed',
};

/** The rules of spec 2 over the files that changed and are not ignored; `ignored` are those that are. */
export function judge(files: readonly Classified[], ignored: number): Judgement {
  if (files.length === 0) return nothing(ignored);
  const found = files.filter(({ rule }) => rule !== undefined);
  const [first] = found;
  if (first?.rule) {
    const { rule } = first;
    const same = found.filter((file) => file.rule === rule);
    return { ...at(rule, same), reason: EVERYTHING_REASONS[rule], isEverything: true, areas: areasOf(files) };
  }
  const areas = areasOf(files);
  const only = areas.length === 1 ? ONLY[areas[0] ?? ''] : undefined;
  if (only) return { ...at(only.rule, files), reason: only.reason, isEverything: false, areas };
  if (areas.includes('config')) {
    const config = files.filter(({ categories }) => categories.includes('config'));
    const reason = 'configuration changed together with other files';
    return { ...at('config-changed', config), reason, isEverything: true, areas };
  }
  const reason = `files changed in: ${areas.join(', ')}`;
  return { ...at('several-areas', files), reason, isEverything: false, areas };
}

const ONLY: Readonly<Record<string, Pick<Judgement, 'rule' | 'reason'>>> = {
  frontend: { rule: 'frontend-only', reason: 'only frontend files changed' },
  backend: { rule: 'backend-only', reason: 'only backend files changed' },
  config: { rule: 'config-only', reason: 'only configuration changed' },
  test: { rule: 'test-only', reason: 'only tests changed' },
};

function nothing(ignored: number): Judgement {
  const base = { isEverything: false, areas: [], files: [] };
  return ignored === 0
    ? { ...base, rule: 'no-change', reason: 'nothing changed' }
    : { ...base, rule: 'only-ignored', reason: `only ignored files changed (${ignored})` };
}

function at<Rule extends Judgement['rule']>(
  rule: Rule,
  files: readonly Classified[],
): { readonly rule: Rule; readonly files: readonly string[] } {
  return { rule, files: files.slice(0, SHOWN).map(({ path }) => path) };
}

/** A test belongs to what it tests; one that lies nowhere in particular is an area of its own. */
function areasOf(files: readonly Classified[]): readonly string[] {
  const areas = new Set<string>();
  for (const { categories } of files) {
    const tested = categories.filter((category) => category !== 'test');
    for (const area of tested.length > 0 ? tested : categories) areas.add(area);
  }
  return [...areas].toSorted();
}
