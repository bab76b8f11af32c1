import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Finding } from './finding.ts';
import { createLab } from './lab.ts';
import { checkJournal, currentRun } from './play.ts';
import { processesOfRun, until } from './processes.ts';
import { between, seeded } from './random.ts';
import { chaosStory } from './stories.ts';

const SIZE = '400M';
type FileSystem = 'ext4' | 'xfs';

/**
 * The state lies on a loop device whose file system is shut down without flushing its log, as xfstests do;
 * then a copy of the device is mounted anew. Does not model a disk that lies about flushes.
 */
export async function playPowerCuts(rounds: number, seed: number): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const type of ['ext4', 'xfs'] as const) findings.push(await cutOften(type, rounds, seed));
  return findings;
}

async function cutOften(type: FileSystem, rounds: number, seed: number): Promise<Finding> {
  const name = `power cut on ${type}`;
  const obstacle = findObstacle(type);
  if (obstacle !== undefined) return { name, violations: [], skipped: obstacle };
  const random = seeded(seed);
  const violations: string[] = [];
  let acked = 0;
  for (let round = 0; round < rounds; round += 1) {
    const cut = await cutOnce(type, between(random, 150, 1200));
    acked += cut.acked;
    violations.push(...cut.violations.map((line) => `round ${round}: ${line}`));
  }
  return { name, violations, note: `${rounds} cuts, ${acked} acknowledged events` };
}

async function cutOnce(
  type: FileSystem,
  afterMs: number,
): Promise<{ readonly violations: readonly string[]; readonly acked: number }> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-power-'));
  const mount = path.join(folder, 'mount');
  mkdirSync(mount);
  const image = path.join(folder, 'disk.img');
  const lab = createLab(chaosStory.pipelines, path.join(mount, 'state'));
  const loops: string[] = [];
  try {
    run('truncate', '-s', SIZE, image);
    run(`mkfs.${type}`, '-q', image);
    loops.push(run('losetup', '-f', '--show', image));
    run('mount', loops[0] ?? '', mount);
    run('sync', '-f', mount);
    const { child, ended } = lab.start(['run', 'chaos', '-y', '--output', 'json']);
    await delay(afterMs);
    child.kill('SIGSTOP');
    await delay(20);
    run('xfs_io', '-x', '-c', 'shutdown', mount);
    child.kill('SIGKILL');
    await ended;
    await endAll(lab.acked);
    await unmount(mount);
    const after = path.join(folder, 'after.img');
    copyFileSync(image, after);
    loops.push(run('losetup', '-f', '--show', after));
    run('mount', ...(type === 'xfs' ? ['-o', 'nouuid'] : []), loops[1] ?? '', mount);
    const violations = [...checkJournal(lab)];
    const current = currentRun(lab);
    if (current && current.status !== 'success') {
      const again = await lab.cli(['continue', current.run_id, '-y', '--output', 'json']);
      if (again.code !== 0) violations.push(`continue ended with ${again.code}: ${again.stderr.trim()}`);
    }
    const audit = current && (await lab.cli(['audit', 'verify', current.run_id]));
    if (audit && audit.code !== 0) violations.push(`audit verify: ${audit.stdout} ${audit.stderr}`);
    const runs = await lab.cli(['runs', '--json']);
    if (runs.code !== 0) violations.push(`runs --json: ${runs.stderr}`);
    return { violations: [...violations, ...checkJournal(lab)], acked: lab.acked.size };
  } finally {
    await unmount(mount);
    for (const loop of loops) run('losetup', '-d', loop);
    rmSync(folder, { recursive: true, force: true });
    lab.dispose();
  }
}

/** With the power every process of the run goes, too. */
async function endAll(acked: ReadonlyMap<string, string>): Promise<void> {
  const runIds = new Set([...acked.keys()].map((key) => key.split('#')[0] ?? ''));
  await until(() => {
    const left = [...runIds].flatMap((runId) => processesOfRun(runId));
    for (const { pid } of left) kill(pid);
    return left.length === 0;
  }, 3_000);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone by itself.
  }
}

async function unmount(mount: string): Promise<void> {
  const isGone = await until(() => {
    // Not `mountpoint`: a file system that was shut down answers nothing.
    if (!readFileSync('/proc/mounts', 'utf8').includes(` ${mount} `)) return true;
    try {
      run('umount', mount);
    } catch {
      // A keeper or a step still has a file open in it.
    }
    return false;
  }, 15_000);
  if (!isGone) run('umount', '--lazy', mount);
}

function findObstacle(type: FileSystem): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root for loop devices';
  for (const program of [`mkfs.${type}`, 'losetup', 'xfs_io', 'mount']) {
    try {
      run('sh', '-c', `command -v ${program}`);
    } catch {
      return `needs ${program}`;
    }
  }
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-power-'));
  try {
    run('truncate', '-s', '1M', path.join(folder, 'probe'));
    run('losetup', '-d', run('losetup', '-f', '--show', path.join(folder, 'probe')));
    return undefined;
  } catch (error) {
    return `loop devices are not possible here: ${String(error).split('\n')[0]}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}
