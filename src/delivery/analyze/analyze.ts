import type { Analysis, Changes } from '../../core/analysis.ts';
import type { Change, Vcs } from '../../core/vcs.ts';
import { serviceDecision, testDecisions, type Unknown } from './decide.ts';
import {
  type AnalysisRequest,
  basesOf,
  dirtyFiles,
  extraCommits,
  type Place,
  type Seen,
  serviceNames,
} from './bases.ts';
import { type Gathered, pathsFrom } from './gather.ts';
import { judge, type Judgement } from './judge.ts';
import { type Classified, type Classifier, createClassifier } from './patterns.ts';

/** Paths that are listed of each category; the artifact has all. */
const MAX_LISTED = 50;

export interface AnalysisReport extends Analysis {
  readonly warnings: readonly string[];
  /** Every path with its categories, for the artifact. */
  readonly files: readonly Classified[];
}

/** What changed since the last commit deployed, and what therefore runs. Whatever is not known runs everything. */
export async function analyze(request: AnalysisRequest): Promise<AnalysisReport> {
  const opened = await request.openVcs(request.project);
  const head = opened.ok ? await opened.value.head() : opened;
  if (!opened.ok || !head.ok) {
    const { failure } = opened.ok ? { failure: head.ok ? undefined : head.failure } : opened;
    const reason = failure?.reason === 'invalid' ? failure.message : 'the repository cannot be read';
    return withoutRepository(request, { rule: 'no-repository', reason });
  }
  const seen = { vcs: opened.value, head: head.value };
  const places = await basesOf(request, seen);
  const extra = await extraCommits(request, seen, places);
  return report(request, seen, { places, extra, dirty: await dirtyFiles(seen.vcs) });
}

interface Found {
  readonly places: readonly Place[];
  readonly extra: Gathered & { readonly warnings: readonly string[] };
  readonly dirty: readonly Change[];
}

async function report(request: AnalysisRequest, { vcs, head }: Seen, found: Found): Promise<AnalysisReport> {
  const { places, extra, dirty } = found;
  const classifier = createClassifier(request.settings.analyze);
  const judged = (files: readonly Change[]): Judged =>
    judgeFiles(pathsFrom(request.project, vcs.root, files), classifier);
  const common = [...extra.files, ...dirty];
  const whole = judged([...places.flatMap(({ files }) => files), ...common]);
  const unknown = places.find((place) => place.unknown)?.unknown ?? extra.unknown;
  const services = places.flatMap((place) => {
    if (place.service === undefined) return [];
    const own = judged([...place.files, ...common]);
    const why = place.unknown ?? extra.unknown;
    return [serviceOf(request, { name: place.service, base: place.base, own, ...(why && { unknown: why }) })];
  });
  const dirtyCount = judged(dirty).files.length;
  const warnings = [...extra.warnings, ...dirtyWarning(dirtyCount)];
  return {
    changes: {
      any: unknown !== undefined || whole.files.length > 0,
      head,
      base: unknown ? null : await oldestOf(vcs, places),
      is_dirty: dirtyCount > 0,
      ...listed(whole.files),
      services: Object.fromEntries(services.map(({ name, changes }) => [name, changes])),
    },
    decisions: [
      ...testDecisions(whole.judgement, unknown, classifier),
      ...services.map(({ decision }) => decision),
    ],
    warnings,
    files: whole.files,
  };
}

interface Judged {
  readonly files: readonly Classified[];
  readonly judgement: Judgement;
}

function judgeFiles(paths: readonly string[], classifier: Classifier): Judged {
  const files = paths.map(classifier.classify).filter((file) => file !== undefined);
  return { files, judgement: judge(files, paths.length - files.length) };
}

function serviceOf(
  { settings }: AnalysisRequest,
  {
    name,
    base,
    own,
    unknown,
  }: {
    readonly name: string;
    readonly base: string | null;
    readonly own: Judged;
    readonly unknown?: Unknown;
  },
) {
  const view = {
    name,
    base: unknown ? null : base,
    ...(unknown && { unknown }),
    judgement: own.judgement,
    filesCount: own.files.length,
    categories: settings.build.services[name]?.categories ?? [],
  };
  return { name, ...serviceDecision(view) };
}

function listed(
  files: readonly Classified[],
): Pick<Changes, 'files_count' | 'categories' | 'counts' | 'is_truncated'> {
  const byCategory: Record<string, string[]> = {};
  for (const { path, categories } of files) {
    for (const category of categories.length > 0 ? categories : ['other'])
      (byCategory[category] ??= []).push(path);
  }
  const entries = Object.entries(byCategory);
  return {
    files_count: files.length,
    categories: Object.fromEntries(entries.map(([name, paths]) => [name, paths.slice(0, MAX_LISTED)])),
    counts: Object.fromEntries(entries.map(([name, paths]) => [name, paths.length])),
    is_truncated: entries.some(([, paths]) => paths.length > MAX_LISTED),
  };
}

async function oldestOf(vcs: Vcs, places: readonly Place[]): Promise<string | null> {
  let oldest: string | null = null;
  for (const { base } of places) {
    if (base === null) continue;
    const isOlder = oldest === null ? undefined : await vcs.isAncestor(base, oldest);
    if (oldest === null || (isOlder?.ok && isOlder.value)) oldest = base;
  }
  return oldest;
}

function dirtyWarning(count: number): readonly string[] {
  if (count === 0) return [];
  return [`${count === 1 ? '1 file is' : `${count} files are`} not committed, and part of what is built`];
}

function withoutRepository(request: AnalysisRequest, unknown: Unknown): AnalysisReport {
  const classifier = createClassifier(request.settings.analyze);
  const own = judgeFiles([], classifier);
  const services = serviceNames(request.settings).map((name) =>
    serviceOf(request, { name, base: null, own, unknown }),
  );
  return {
    changes: {
      any: true,
      head: '',
      base: null,
      is_dirty: false,
      ...listed([]),
      services: Object.fromEntries(services.map(({ name, changes }) => [name, changes])),
    },
    decisions: [
      ...testDecisions(own.judgement, unknown, classifier),
      ...services.map(({ decision }) => decision),
    ],
    warnings: [unknown.reason],
    files: [],
  };
}
