import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { open, statfs, unlink } from 'node:fs/promises';
import path from 'node:path';
import { errorCode } from '../../core/error-code.ts';
import { formatBytes } from '../../core/quantities.ts';
import { sanitizeText } from '../../core/terminal-text.ts';
import type { Tool } from './doctor-tools.ts';

/** What `doctor` says of one thing. */
export interface Finding {
  readonly name: string;
  readonly status: 'found' | 'missing' | 'broken' | 'warning';
  readonly required: boolean;
  readonly version?: string;
  readonly path?: string;
  /** What lacks without it, or what is wrong. */
  readonly detail?: string;
}

/** A program that hangs when asked for its version is given up, milliseconds. */
const PROBE_MS = 5_000;
const LOW_SPACE_BYTES = 100 * 1024 * 1024;

/** Looks along PATH, then asks for the version. */
export async function probeTool(tool: Tool, env: NodeJS.ProcessEnv): Promise<Finding> {
  const { name, required, without } = tool;
  const file = [name, ...(tool.aliases ?? [])].map((each) => findOnPath(each, env)).find(Boolean);
  if (file === undefined) return { name, required, status: 'missing', detail: without };
  const version = await versionOf(file, tool.args, env);
  return version === undefined
    ? { name, required, status: 'broken', path: file, detail: `it does not tell its version; ${without}` }
    : judged(tool, { name, required, status: 'found', path: file, version });
}

/** Found, or too old for something. */
function judged({ since }: Tool, finding: Finding): Finding {
  const [, major = '', minor = ''] = /^(\d+)\.(\d+)/.exec(finding.version ?? '') ?? [];
  if (!since || major === '') return finding;
  const [wantedMajor, wantedMinor] = since.version;
  const isOld = Number(major) < wantedMajor || (Number(major) === wantedMajor && Number(minor) < wantedMinor);
  if (!isOld) return finding;
  return {
    ...finding,
    status: 'warning',
    detail: `too old for ${since.for}: ${since.version.join('.')} is needed`,
  };
}

/** Absolute; undefined where no folder of PATH has such a program. */
export function findOnPath(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const folders = (env['PATH'] ?? '').split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  return folders.map((folder) => path.join(folder, name)).find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Undefined where it cannot be started, or says nothing in time. */
export async function versionOf(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const { execa } = await import('execa');
  const { stdout, stderr, timedOut } = await execa(file, args, {
    env,
    extendEnv: false,
    stdin: 'ignore',
    timeout: PROBE_MS,
    forceKillAfterDelay: 100,
    maxBuffer: 64 * 1024,
    reject: false,
  });
  const [line = ''] = sanitizeText(stdout.trim() || stderr.trim()).split('\n');
  return line === '' || timedOut ? undefined : shortVersion(line);
}

/** `git version 2.39.5` is `2.39.5`. */
function shortVersion(line: string): string {
  return /\d+(?:\.\d+)+[\w.+-]*/.exec(line)?.[0] ?? line.slice(0, 40);
}

/** The nearest folder that is there: `doctor` creates nothing but a file of its own, for a moment. */
export async function probeState(stateDir: string): Promise<Finding> {
  const name = 'state folder';
  let folder = stateDir;
  while (!existsSync(folder) && path.dirname(folder) !== folder) folder = path.dirname(folder);
  const file = path.join(folder, `.pipewright-doctor-${process.pid}`);
  try {
    const handle = await open(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      await handle.writeFile('x');
      await handle.datasync();
    } finally {
      await handle.close();
      await unlink(file);
    }
    const { bavail, bsize } = await statfs(folder);
    return spaceFinding({ name, folder: stateDir, freeBytes: bavail * bsize });
  } catch (error) {
    const code = errorCode(error) ?? 'failed';
    return {
      name,
      required: true,
      status: 'broken',
      path: stateDir,
      detail: `${folder} cannot be written durably (${code}); no run can start`,
    };
  }
}

function spaceFinding({
  name,
  folder,
  freeBytes,
}: {
  readonly name: string;
  readonly folder: string;
  readonly freeBytes: number;
}): Finding {
  const free = `${formatBytes(freeBytes)} free`;
  return freeBytes < LOW_SPACE_BYTES
    ? { name, required: true, status: 'warning', path: folder, detail: `only ${free}` }
    : { name, required: true, status: 'found', path: folder, version: free };
}

/** Whether `resources:` of a stage can be kept, and by what. */
export function probeLimits(): Finding {
  const base = { name: 'limits', required: false } as const;
  try {
    const controllers = readFileSync('/sys/fs/cgroup/cgroup.controllers', 'utf8').trim();
    accessSync('/sys/fs/cgroup', constants.W_OK);
    return { ...base, status: 'found', version: `cgroup v2 (${controllers})` };
  } catch {
    // No cgroup v2, or not ours to write.
  }
  try {
    accessSync('/sys/fs/cgroup/memory', constants.W_OK);
    return { ...base, status: 'found', version: 'cgroup v1' };
  } catch {
    return {
      ...base,
      status: 'warning',
      version: 'ulimit',
      detail: 'no writable cgroup: memory is limited per process by ulimit, CPU is not limited',
    };
  }
}
