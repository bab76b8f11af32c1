import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { isObject } from '../../core/json.ts';
import { failed, ok, type Result } from '../../core/failure.ts';
import type { BuildSettings } from '../../core/settings/build.ts';
import type { Vcs } from '../../core/vcs.ts';
import { tagText } from './image-name.ts';

/** What is known of the tree that an image is built from. */
export interface SourceFacts {
  /** Full id; absent without a repository. */
  readonly commit?: string;
  /** Files of the context differ from that commit. */
  readonly isDirty: boolean;
  /** Of a tag on the commit, else of package.json. */
  readonly version?: string;
  /** Where the source is, from package.json. */
  readonly source?: string;
}

/** Looks at the repository and at package.json of the context, then of the project. */
export async function sourceFacts(
  vcs: Vcs | undefined,
  folders: { readonly project: string; readonly context: string; readonly own: readonly string[] },
): Promise<Result<SourceFacts>> {
  const manifest = {
    ...(await readManifest(folders.project)),
    ...(await readManifest(folders.context)),
  };
  if (!vcs) return ok({ isDirty: false, ...manifest });
  const [head, log, changes] = await Promise.all([
    vcs.head(),
    vcs.log({ skip: 0, limit: 1 }),
    vcs.changes({ to: 'worktree' }),
  ]);
  // A repository without a commit yet.
  if (!head.ok) return ok({ isDirty: false, ...manifest });
  if (!log.ok) return log;
  if (!changes.ok) return changes;
  const context = path.relative(vcs.root, folders.context).replaceAll(path.sep, '/');
  const own = folders.own.map((folder) => path.relative(vcs.root, folder).replaceAll(path.sep, '/'));
  const isInContext = (file: string): boolean =>
    (context === '' || isIn(file, context)) && !own.some((folder) => isIn(file, folder));
  const isDirty = changes.value.some((change) => isInContext(change.path));
  const tagged = log.value[0]?.refs.map(versionOf).find((version) => version !== undefined);
  return ok({ commit: head.value, isDirty, ...manifest, ...(tagged !== undefined && { version: tagged }) });
}

function isIn(file: string, folder: string): boolean {
  return file === folder || file.startsWith(`${folder}/`);
}

/** `v1.2.3` and `tags/v1.2.3`; `release-1` is no version. */
function versionOf(ref: string): string | undefined {
  return /(?:^|\/)v?(\d+\.\d+\.\d+(?:[-+][\w.+-]+)?)$/.exec(ref)?.[1];
}

async function readManifest(folder: string): Promise<Pick<SourceFacts, 'version' | 'source'>> {
  const text = await readFile(path.join(folder, 'package.json'), 'utf8').catch(() => '{}');
  const manifest = parsed(text);
  const repository = manifest['repository'];
  const url = isObject(repository) ? repository['url'] : repository;
  return {
    ...(typeof manifest['version'] === 'string' && { version: manifest['version'] }),
    ...(typeof url === 'string' && { source: url.replace(/^git\+/, '').replace(/\.git$/, '') }),
  };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

/**
 * Tags of an image, the one that it is deployed by first. The same run gives the same tags, so that one that is
 * taken up again adds none; `invalid` when only a version was asked for and there is none.
 */
export function imageTags(
  kinds: BuildSettings['tags'],
  facts: SourceFacts,
  { fingerprint, runId }: { readonly fingerprint: string; readonly runId: string },
): Result<readonly string[]> {
  const tags = kinds.flatMap((kind) => {
    if (kind === 'git-sha') return [revisionTag(facts, fingerprint)];
    if (kind === 'semver') return facts.version === undefined ? [] : [tagText(facts.version)];
    return [runId.slice(0, 'YYYYMMDD-HHMMSS'.length)];
  });
  if (tags.length > 0) return ok([...new Set(tags)]);
  return failed({
    reason: 'invalid',
    message: 'build.tags asks for semver, but the commit has no version tag and package.json no version',
    hint: 'Add git-sha to build.tags, or tag the commit, for example v1.2.3.',
  });
}

/** What a commit cannot name is named by its content. */
function revisionTag({ commit, isDirty }: SourceFacts, fingerprint: string): string {
  if (commit === undefined) return `tree-${fingerprint.slice(0, 12)}`;
  const short = commit.slice(0, 7);
  return isDirty ? `${short}-dirty-${fingerprint.slice(0, 8)}` : short;
}

/** Labels that tools know (opencontainers image-spec, annotations), and ours. */
export function imageLabels(
  facts: SourceFacts,
  own: { readonly name: string; readonly fingerprint: string; readonly createdAt: string },
): Readonly<Record<string, string>> {
  const { commit, version, source } = facts;
  return {
    'org.opencontainers.image.title': own.name,
    'org.opencontainers.image.created': own.createdAt,
    ...(commit !== undefined && { 'org.opencontainers.image.revision': commit }),
    ...(version !== undefined && { 'org.opencontainers.image.version': version }),
    ...(source !== undefined && { 'org.opencontainers.image.source': source }),
    ...sameBuild(own),
  };
}

/** By these labels an image of the same tree is found again. */
export function sameBuild({
  name,
  fingerprint,
}: {
  readonly name: string;
  readonly fingerprint: string;
}): Readonly<Record<string, string>> {
  return { 'pipewright.image': name, 'pipewright.fingerprint': fingerprint };
}
