import type { AnalyzeSettings } from '../../core/settings/analyze.ts';
import { compileGlob, type Matcher } from './glob.ts';

/** The categories of spec 2, with its patterns. */
export const CATEGORIES: Readonly<Record<string, readonly string[]>> = {
  frontend: ['*.tsx', '*.jsx', 'src/pages/', 'src/components/', 'tailwind.config*'],
  backend: ['server/', 'api/', '*.go', '*.py', 'src/api/', 'src/routes/'],
  database: ['migrations/', 'prisma/', 'drizzle/', '*.sql'],
  config: ['docker/', '.github/', 'Dockerfile', 'package.json'],
  test: ['*.{test,spec}.{ts,tsx,mts,cts,js,jsx,mjs,cjs}', '__tests__/'],
};

/** Files that decide about everything: whoever changes one tests and builds all. */
export const EVERYTHING: Readonly<Record<EverythingRule, readonly string[]>> = {
  'lockfile-changed': [
    'package-lock.json',
    'npm-shrinkwrap.json',
    'yarn.lock',
    'pnpm-lock.yaml',
    'bun.lock',
    'bun.lockb',
    'deno.lock',
    'go.sum',
    'poetry.lock',
    'Pipfile.lock',
    'uv.lock',
    'Cargo.lock',
    'Gemfile.lock',
    'composer.lock',
  ],
  'dockerfile-changed': [
    'Dockerfile',
    'Dockerfile.*',
    '*.{Dockerfile,dockerfile}',
    '.dockerignore',
    '{docker-compose,compose}*.{yml,yaml}',
  ],
  'pipeline-changed': ['/pipewright.yaml', '/pipelines/'],
  'shared-changed': ['shared/', 'common/'],
};

export type EverythingRule =
  | 'lockfile-changed'
  | 'dockerfile-changed'
  | 'pipeline-changed'
  | 'shared-changed';

/** What one path is. */
export interface Classified {
  readonly path: string;
  /** Empty for one that no pattern knows. */
  readonly categories: readonly string[];
  /** It makes everything run. */
  readonly rule?: EverythingRule | 'unknown-file' | 'outside-project';
}

export interface Classifier {
  /** Undefined for what the project ignores. */
  readonly classify: (path: string) => Classified | undefined;
  /** Globs of one category. */
  readonly globsOf: (category: string) => readonly string[];
}

/** The built-in patterns and those of the project together. */
export function createClassifier(settings: AnalyzeSettings): Classifier {
  const globs = new Map(Object.entries(CATEGORIES));
  for (const [name, added] of Object.entries(settings.categories)) {
    globs.set(name, [...(globs.get(name) ?? []), ...added]);
  }
  const categories = [...globs].map(([name, patterns]) => [name, anyOf(patterns)] as const);
  const rules = RULES.map((rule) => {
    const added = rule === 'shared-changed' ? (settings.shared ?? []) : [];
    return [rule, anyOf([...EVERYTHING[rule], ...added])] as const;
  });
  const isIgnored = anyOf(settings.ignore ?? []);
  return {
    globsOf: (category) => globs.get(category) ?? [],
    classify: (path) => {
      if (isIgnored(path)) return undefined;
      const found = categories.flatMap(([name, matches]) => (matches(path) ? [name] : []));
      if (path.startsWith('../')) return { path, categories: found, rule: 'outside-project' };
      const rule = rules.find(([, matches]) => matches(path))?.[0];
      if (rule) return { path, categories: found, rule };
      return found.length === 0
        ? { path, categories: found, rule: 'unknown-file' }
        : { path, categories: found };
    },
  };
}

const RULES: readonly EverythingRule[] = [
  'lockfile-changed',
  'dockerfile-changed',
  'pipeline-changed',
  'shared-changed',
];

function anyOf(patterns: readonly string[]): Matcher {
  const matchers = patterns.map(compileGlob);
  return (path) => matchers.some((matches) => matches(path));
}
