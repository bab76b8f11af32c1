import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ResourceLimits } from '../../core/definition.ts';
import { failed, ok, type Result } from '../../core/failure.ts';
import { readText } from './processes.ts';
import { joinGroups, limitAddressSpace } from './shim.ts';

/** A command's limits, ready to be joined. */
export interface LimitGroup {
  /** Shell text for the shim; see shim.ts. */
  readonly shellText: string;
  /** Processes that the kernel killed because the memory limit was reached. */
  readonly memoryKills: () => number;
  /** Most memory that was in use at once, page cache included; undefined without a memory group. */
  readonly peakBytes: () => number | undefined;
  /** False while processes are in it. */
  readonly remove: () => boolean;
}

/** Where control groups of one kind can be made, and the names of their files. */
interface Controller {
  readonly folder: string;
  readonly version: 1 | 2;
}

type Kind = 'memory' | 'cpu';

const CPU_PERIOD_US = 100_000;

/** Of one try of a step. */
export function limitGroupOf(runId: string, token: string): string {
  return `pipewright-${runId}-${token}`;
}

export const NO_LIMITS: LimitGroup = {
  shellText: '',
  memoryKills: () => 0,
  peakBytes: () => undefined,
  remove: () => true,
};

/**
 * Control groups under the one that we are in, so that limits put on us hold too. `limit-unavailable`
 * where the system has none that we may use; memory then falls back to the address space of each
 * process (`ulimit -v`), which is coarser: programs that reserve much and use little hit it early.
 */
export function prepareLimits(limits: ResourceLimits | undefined, name: string): Result<LimitGroup> {
  if (limits?.memory_bytes === undefined && limits?.cpus === undefined) return ok(NO_LIMITS);
  const groups: { readonly kind: Kind; readonly folder: string; readonly version: 1 | 2 }[] = [];
  let shellText = '';
  if (limits.cpus !== undefined) {
    const group = createGroup('cpu', name, cpuFiles(limits.cpus));
    if (!group) return failed({ reason: 'limit-unavailable', detail: NO_CPU });
    groups.push({ kind: 'cpu', ...group });
  }
  if (limits.memory_bytes !== undefined) {
    const group = createGroup('memory', name, memoryFiles(limits.memory_bytes));
    if (group) groups.push({ kind: 'memory', ...group });
    else shellText = limitAddressSpace(limits.memory_bytes);
  }
  const folders = [...new Set(groups.map(({ folder }) => folder))];
  const memory = groups.find(({ kind }) => kind === 'memory');
  return ok({
    shellText: joinGroups(folders.map((folder) => path.join(folder, 'cgroup.procs'))) + shellText,
    memoryKills: () => (memory ? memoryKills(memory) : 0),
    peakBytes: () => (memory ? peakBytes(memory) : undefined),
    remove: () => folders.map(removeFolder).every(Boolean),
  });
}

const NO_CPU =
  'a limit on processor time needs a control group that this user may create (cgroup v2 delegation, for example by `systemd-run --user --scope`, or cgroup v1)';

/** Groups that a crash left behind. True when none is left. */
export function removeLimits(name: string): boolean {
  return (['memory', 'cpu'] as const)
    .flatMap((kind) => controllersOf(kind))
    .map(({ folder }) => removeFolder(path.join(folder, name)))
    .every(Boolean);
}

/** File name and text for each version, in the order of writing; `?` marks one that may be missing. */
type GroupFiles = Record<1 | 2, readonly (readonly [string, string])[]>;

function memoryFiles(bytes: number): GroupFiles {
  return {
    1: [
      ['memory.limit_in_bytes', String(bytes)],
      ['?memory.memsw.limit_in_bytes', String(bytes)],
    ],
    2: [
      ['memory.max', String(bytes)],
      ['?memory.swap.max', '0'],
    ],
  };
}

function cpuFiles(cpus: number): GroupFiles {
  const quotaUs = Math.max(1000, Math.round(cpus * CPU_PERIOD_US));
  return {
    1: [
      ['cpu.cfs_period_us', String(CPU_PERIOD_US)],
      ['cpu.cfs_quota_us', String(quotaUs)],
    ],
    2: [['cpu.max', `${quotaUs} ${CPU_PERIOD_US}`]],
  };
}

function createGroup(kind: Kind, name: string, files: GroupFiles): Controller | undefined {
  for (const { folder: parent, version } of controllersOf(kind)) {
    const folder = path.join(parent, name);
    try {
      mkdirSync(folder, { recursive: true });
      for (const [file, text] of files[version]) {
        writeGroupFile(path.join(folder, file.replace('?', '')), text, file.startsWith('?'));
      }
      return { folder, version };
    } catch {
      removeFolder(folder);
    }
  }
  return undefined;
}

function writeGroupFile(file: string, text: string, isOptional: boolean): void {
  if (isOptional && readText(file) === undefined) return;
  writeFileSync(file, text);
}

/** Groups in which one of ours could be made, best first. */
function controllersOf(kind: Kind): readonly Controller[] {
  const mounts = (readText('/proc/self/mountinfo') ?? '').split('\n').map(parseMount);
  return (readText('/proc/self/cgroup') ?? '').split('\n').flatMap((line): readonly Controller[] => {
    const [, names = '', own = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const isV2 = line.startsWith('0::');
    if (!isV2 && !names.split(',').includes(kind)) return [];
    const mount = mounts.find(({ type, options }) =>
      isV2 ? type === 'cgroup2' : type === 'cgroup' && options.includes(kind),
    );
    if (!mount) return [];
    // In a container the mount shows a part of the tree; our path is told from the tree's root.
    const inMount = mount.root !== '/' && own.startsWith(mount.root) ? own.slice(mount.root.length) : own;
    const folder = path.join(mount.point, inMount);
    if (!isV2) return [{ folder, version: 1 }];
    return selfAndAbove(folder, mount.point)
      .filter((parent) => handsDown(parent, kind))
      .map((parent) => ({ folder: parent, version: 2 as const }));
  });
}

function parseMount(line: string): {
  readonly root: string;
  readonly point: string;
  readonly type: string;
  readonly options: readonly string[];
} {
  const [before = '', after = ''] = line.split(' - ');
  const [, , , root = '', point = ''] = before.split(' ');
  const [type = '', , options = ''] = after.split(' ');
  return { root, point, type, options: options.split(',') };
}

/** In v2 a group with processes hands nothing down, so ours is usually a sibling: made in a group above. */
function selfAndAbove(folder: string, top: string): readonly string[] {
  return folder === top || !folder.startsWith(top)
    ? [folder]
    : [folder, ...selfAndAbove(path.dirname(folder), top)];
}

function handsDown(folder: string, kind: Kind): boolean {
  return (readText(path.join(folder, 'cgroup.subtree_control')) ?? '').trim().split(' ').includes(kind);
}

function memoryKills({ folder, version }: Controller): number {
  const text = readText(path.join(folder, version === 1 ? 'memory.oom_control' : 'memory.events')) ?? '';
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
}

function peakBytes({ folder, version }: Controller): number | undefined {
  const bytes = Number(
    readText(path.join(folder, version === 1 ? 'memory.max_usage_in_bytes' : 'memory.peak')),
  );
  return Number.isFinite(bytes) && bytes > 0 ? bytes : undefined;
}

/** Removing a control group: its files cannot be removed one by one, `rmdir` takes all. */
function removeFolder(folder: string): boolean {
  try {
    readFileSync(path.join(folder, 'cgroup.procs'));
  } catch {
    return true;
  }
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return false;
  }
}
