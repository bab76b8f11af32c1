import type { Result } from '../../core/failure.ts';
import type { ReleaseStore } from '../../core/releases.ts';
import type { StageSettings } from '../../core/settings/index.ts';
import type { Change, Vcs } from '../../core/vcs.ts';
import type { Unknown } from './decide.ts';
import { changesToFolder, type Gathered, ofCommits, shortId, sinceBase } from './gather.ts';

export interface AnalysisRequest {
  readonly project: string;
  readonly environment: string;
  /** Chosen: full ids, oldest first. */
  readonly commits: readonly string[];
  /** Instead of the deployed commits: branch, tag or commit. */
  readonly since?: string;
  readonly settings: Pick<StageSettings, 'analyze' | 'build' | 'deploy'>;
  readonly releases: Pick<ReleaseStore, 'read'>;
  readonly openVcs: (folder: string) => Promise<Result<Vcs>>;
}

export interface Seen {
  readonly vcs: Vcs;
  readonly head: string;
}

/** One service, or the whole project where no service is named. */
export interface Place extends Gathered {
  readonly service?: string;
  readonly base: string | null;
}

/** Each service with the commit that it is compared with, and the files that differ from it. */
export async function basesOf(request: AnalysisRequest, seen: Seen): Promise<readonly Place[]> {
  const names = serviceNames(request.settings);
  const since = await sinceOf(request, seen.vcs);
  const byBase = new Map<string, Promise<Gathered>>();
  const placeOf = async (service?: string): Promise<Place> => {
    const named = service === undefined ? {} : { service };
    const base = since ?? (await releaseBase(request, service));
    if (!('id' in base)) return { ...named, files: [], base: null, ...base };
    const known = byBase.get(base.id) ?? sinceBase(seen.vcs, base.id, seen.head);
    byBase.set(base.id, known);
    return { ...named, base: base.id, ...(await known) };
  };
  return names.length === 0 ? [await placeOf()] : Promise.all(names.map((name) => placeOf(name)));
}

/** A commit to compare with, or why there is none. */
type Base = { readonly id: string } | Pick<Place, 'unknown'>;

/** Of the last healthy release; of the whole project, where no service is named, there is none. */
async function releaseBase(request: AnalysisRequest, service: string | undefined): Promise<Base> {
  if (service === undefined) return withoutBase(request, service);
  const history = await request.releases.read(request.environment, service);
  const release = history.ok ? history.value.last_healthy : undefined;
  if (!release) return withoutBase(request, service);
  if (!release.is_dirty) return { id: release.commit };
  const reason = `${service} was deployed from files that were not committed`;
  return { unknown: { rule: 'base-dirty', reason } };
}

/** The commit that `since` means; undefined where it is not given. */
async function sinceOf({ since }: AnalysisRequest, vcs: Vcs): Promise<Base | undefined> {
  if (since === undefined) return undefined;
  const found = await vcs.resolve(since);
  const [id] = found.ok ? found.value : [];
  if (id !== undefined) return { id };
  return {
    unknown: { rule: 'base-missing', reason: `since: "${since}" is not a commit of this repository` },
  };
}

/** Where this project deploys nothing, the chosen commits are all that the analysis is about. */
function withoutBase(request: AnalysisRequest, service: string | undefined): Pick<Place, 'unknown'> {
  const isDeploying = Object.keys(request.settings.deploy.services).length > 0;
  return !isDeploying && request.commits.length > 0 ? {} : { unknown: noBase(request, service) };
}

function noBase({ environment, settings }: AnalysisRequest, service: string | undefined): Unknown {
  if (service !== undefined && Object.hasOwn(settings.deploy.services, service)) {
    return { rule: 'first-deploy', reason: `${service} has no healthy release in ${environment} yet` };
  }
  return {
    rule: 'no-base',
    reason: 'nothing is deployed and no commit was chosen: there is nothing to compare with',
  };
}

/** Chosen commits that the way from a base to the tree does not contain anyway. */
export async function extraCommits(
  { commits }: AnalysisRequest,
  { vcs, head }: Seen,
  places: readonly Place[],
): Promise<Gathered & { readonly warnings: readonly string[] }> {
  const contained = new Set<string>();
  for (const base of new Set(
    places.flatMap((place) => (place.unknown || place.base === null ? [] : [place.base])),
  )) {
    const way = await vcs.resolve(`${base}..${head}`);
    if (way.ok) for (const id of way.value) contained.add(id);
  }
  const rest = commits.filter((id) => !contained.has(id));
  const newest = rest.at(-1);
  const isIn = newest === undefined ? undefined : await vcs.isAncestor(newest, head);
  const warnings =
    newest !== undefined && isIn?.ok && !isIn.value
      ? [`commit ${shortId(newest)} was chosen, and it is not in what is built (${shortId(head)})`]
      : [];
  return { ...(await ofCommits(vcs, rest)), warnings };
}

/** Files in the folder that are not as committed. */
export async function dirtyFiles(vcs: Vcs): Promise<readonly Change[]> {
  const files = await changesToFolder(vcs);
  return files.ok ? files.value : [];
}

/** In the order of deploying; what is only built comes last. */
export function serviceNames({ deploy, build }: AnalysisRequest['settings']): readonly string[] {
  return [...new Set([...Object.keys(deploy.services), ...Object.keys(build.services)])];
}
