import path from 'node:path';
import { isObject } from '../../core/json.ts';
import type { Folder, ReadText } from './survey.ts';

export type Runner = 'vitest' | 'jest' | 'mocha' | 'node';

/** One package.json that is not a member of a workspace above it. */
export interface NodePackage {
  readonly folder: string;
  readonly name?: string;
  readonly scripts: Readonly<Record<string, string>>;
  readonly manager: 'npm' | 'pnpm' | 'yarn' | 'bun';
  /** Name of the lock file, if there is one. */
  readonly lock?: string;
  readonly runner?: Runner;
  /** What the runner was recognised by. */
  readonly runnerFrom?: string;
  /** Name of the playwright configuration. */
  readonly playwright?: string;
  /** It has members: packages in folders below it. */
  readonly hasWorkspaces: boolean;
  /** Scripts of the members, by name. */
  readonly memberScripts: ReadonlySet<string>;
}

const LOCKS = [
  ['package-lock.json', 'npm'],
  ['npm-shrinkwrap.json', 'npm'],
  ['pnpm-lock.yaml', 'pnpm'],
  ['yarn.lock', 'yarn'],
  ['bun.lock', 'bun'],
  ['bun.lockb', 'bun'],
] as const;

interface Manifest {
  readonly folder: Folder;
  readonly content: Readonly<Record<string, unknown>>;
}

/** Packages, the outermost first. */
export async function surveyPackages(
  folders: readonly Folder[],
  read: ReadText,
): Promise<readonly NodePackage[]> {
  const manifests: Manifest[] = [];
  for (const folder of folders) {
    if (!folder.files.has('package.json')) continue;
    const content = parseObject(await read(path.posix.join(folder.name, 'package.json')));
    if (content) manifests.push({ folder, content });
  }
  const owners = manifests.filter(({ folder, content }) => isWorkspace(folder, content));
  const isMember = ({ folder }: Manifest): boolean =>
    owners.some((owner) => owner.folder.name !== folder.name && isBelow(folder.name, owner.folder.name));
  const own = manifests.filter((manifest) => !isMember(manifest));
  return own.map((manifest) => {
    const members = owners.includes(manifest)
      ? manifests.filter((other) => isMember(other) && isBelow(other.folder.name, manifest.folder.name))
      : [];
    return packageOf(manifest, members);
  });
}

function isWorkspace(folder: Folder, content: Manifest['content']): boolean {
  return content['workspaces'] !== undefined || folder.files.has('pnpm-workspace.yaml');
}

function isBelow(folder: string, above: string): boolean {
  return above === '.' || folder.startsWith(`${above}/`);
}

function packageOf({ folder, content }: Manifest, members: readonly Manifest[]): NodePackage {
  const scripts = textsIn(content['scripts']);
  const [lock, manager = 'npm'] = LOCKS.find(([name]) => folder.files.has(name)) ?? [];
  const playwright = [...folder.files].find((name) => /^playwright\.config\.[cm]?[jt]s$/.test(name));
  const { name } = content;
  return {
    folder: folder.name,
    ...(typeof name === 'string' && name !== '' && { name }),
    scripts,
    manager,
    ...(lock !== undefined && { lock }),
    ...runnerOf(folder, content, scripts),
    ...(playwright !== undefined && { playwright }),
    hasWorkspaces: isWorkspace(folder, content),
    memberScripts: new Set(members.flatMap((member) => Object.keys(textsIn(member.content['scripts'])))),
  };
}

/** By what the test script starts, then by configuration files, then by what is installed. */
function runnerOf(
  folder: Folder,
  content: Manifest['content'],
  scripts: Readonly<Record<string, string>>,
): Pick<NodePackage, 'runner' | 'runnerFrom'> {
  const script = scripts['test'] ?? '';
  if (/\bnode\b[^&|;]*--test\b/.test(script)) return { runner: 'node', runnerFrom: `"test": "${script}"` };
  const runners = ['vitest', 'jest', 'mocha'] as const;
  const named = runners.find((runner) => new RegExp(`\\b${runner}\\b`).test(script));
  if (named) return { runner: named, runnerFrom: `"test": "${script}"` };
  const configured = runners.flatMap((runner) => {
    const file = [...folder.files].find((name) => new RegExp(`^\\.?${runner}(?:\\.config|rc)\\.`).test(name));
    return file === undefined ? [] : [{ runner, runnerFrom: file }];
  });
  if (configured[0]) return configured[0];
  const packages = { ...textsIn(content['dependencies']), ...textsIn(content['devDependencies']) };
  const installed = runners.find((runner) => Object.hasOwn(packages, runner));
  return installed ? { runner: installed, runnerFrom: `devDependencies of package.json` } : {};
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return isObject(parsed) ? parsed : undefined;
  } catch {
    // Not JSON: then there is nothing to learn from it.
    return undefined;
  }
}

function textsIn(value: unknown): Readonly<Record<string, string>> {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, text]) => (typeof text === 'string' ? [[key, text]] : [])),
  );
}
