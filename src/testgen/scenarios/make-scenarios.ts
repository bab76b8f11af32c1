import type {
  GeneratedTest,
  TestCode,
  TestScenario,
  TestStrategies,
  VcsAnalysis,
} from '../../core/testgen.ts';

type Case = GeneratedTest['cases'][number];

/** Cases that one scenario takes: a person works through them one by one. */
const MOST_CASES = 20;

/**
 * Scenarios for people, by rules: for each function what the commits changed, what it refuses, and what stays as it was.
 * Cases that a model named are scenarios of their own.
 */
export function makeScenarios(
  { tests, differences }: TestCode,
  { strategies }: Pick<TestStrategies, 'strategies'>,
  analysis: Pick<VcsAnalysis, 'commits' | 'head'>,
): readonly TestScenario[] {
  const about = new Map(strategies.map((strategy) => [strategy.id, strategy]));
  const changed = new Set(differences.map(({ call }) => call));
  const drafts = tests
    .filter(({ verdict }) => verdict === 'passed' || verdict === 'unmeasured')
    .flatMap((test) => {
      const strategy = about.get(test.strategy_id);
      const file = strategy?.file ?? test.file;
      const priority = strategy?.priority ?? 'medium';
      const facts = { file, priority, preconditions: preconditionsOf(test, analysis) };
      return test.source === 'model'
        ? test.cases.map((one) => namedScenario(one, facts))
        : groupsOf(test.cases, changed).map((group) => callScenario(group, facts));
    });
  return drafts.map((draft, at) => ({ id: `TS-${String(at + 1).padStart(3, '0')}`, ...draft }));
}

type Draft = Omit<TestScenario, 'id'>;

interface Facts {
  readonly file: string;
  readonly priority: TestScenario['priority'];
  readonly preconditions: string[];
}

function preconditionsOf(
  { verdict }: GeneratedTest,
  { commits, head }: Pick<VcsAnalysis, 'commits' | 'head'>,
): string[] {
  const subjects = commits.map(({ subject }) => `“${subject}”`);
  const shown = subjects.slice(0, 3).join(', ');
  const rest = subjects.length > 3 ? ` and ${subjects.length - 3} more` : '';
  return [
    `The version of commit ${head.slice(0, 10)} is installed${subjects.length === 0 ? '' : `: ${shown}${rest}`}.`,
    ...(verdict === 'unmeasured'
      ? ['Its generated test could not be run here: check each result by hand.']
      : []),
  ];
}

interface Group {
  readonly name: string;
  readonly kind: 'changed' | 'refused' | 'kept';
  readonly cases: readonly Case[];
}

function groupsOf(cases: readonly Case[], changed: ReadonlySet<string>): readonly Group[] {
  const groups = new Map<
    string,
    { readonly name: string; readonly kind: Group['kind']; readonly cases: Case[] }
  >();
  for (const one of cases) {
    const name = one.given.split('(')[0] ?? one.given;
    const isChanged = one.detects_revert === true || changed.has(one.given);
    const isRefused = /^\w*(?:Error|Exception)\b/.test(one.expects);
    const kind = isChanged ? 'changed' : isRefused ? 'refused' : 'kept';
    const group = groups.get(`${kind} ${name}`) ?? { name, kind, cases: [] };
    group.cases.push(one);
    groups.set(`${kind} ${name}`, group);
  }
  const order = { changed: 0, refused: 1, kept: 2 } as const;
  return [...groups.values()].toSorted((a, b) => order[a.kind] - order[b.kind]);
}

const TITLES: Readonly<Record<Group['kind'], (name: string) => string>> = {
  changed: (name) => `${name} gives the results that the change wants`,
  refused: (name) => `${name} refuses what it cannot take`,
  kept: (name) => `${name} keeps its results where the change is not meant to reach`,
};

const LOWER = { high: 'medium', medium: 'low', low: 'low' } as const;

function callScenario({ name, kind, cases }: Group, { file, priority, preconditions }: Facts): Draft {
  const taken = cases.slice(0, MOST_CASES);
  return {
    title: TITLES[kind](name),
    preconditions,
    steps: [
      `Open ${file} at that version, or the part of the application that uses ${name}.`,
      ...taken.map(({ given }) => `Call ${given}.`),
      'Compare each result with the test data.',
    ],
    expected: taken.map(({ given, expects }) => `${given}: ${expects}`).join('\n'),
    data: taken.map(({ given, expects }) => ({ name: given, value: expects })),
    priority: kind === 'kept' ? LOWER[priority] : priority,
    covers: taken.map(({ id }) => id),
  };
}

function namedScenario({ id, name, given, expects }: Case, { file, priority, preconditions }: Facts): Draft {
  return {
    title: name,
    preconditions,
    steps: [
      `Use what ${file} offers with this input: ${given === '' ? 'as in the test' : given}`,
      'Compare the result.',
    ],
    expected: expects === '' ? 'As the test of the same name says.' : expects,
    data: given === '' ? [] : [{ name: 'input', value: given }],
    priority,
    covers: [id],
  };
}
