import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Finding } from './finding.ts';
import { createLab, type Ended, type Lab } from './lab.ts';
import { check, currentRun } from './play.ts';

/** Longer than the room that a journal has made: events of a few hundred bytes find a place on a full disk too. */
const LONG = `# ${'x'.repeat(80_000)}`;
/** Its second step fills the disk that holds the state (the filler is the test's, in `$FILL`), the third goes on. */
const FILLS = `name: fills
stages:
  - name: before
    steps: [{name: a, command: 'echo before >> world'}]
  - name: fill
    steps:
      - {name: a, command: 'if [ "$FILL" != none ] && mkdir filled 2>/dev/null; then cat /dev/zero > "$FILL" 2>/dev/null; fi; echo fill >> world'}
  - name: after
    steps: [{name: a, command: 'echo after >> world ${LONG}'}, {name: b, command: 'echo last >> world ${LONG}'}]
`;
const STORY = { status: 'success', world: ['before', 'fill', 'after', 'last'] } as const;

/** A state folder on a disk of its own. */
interface SmallDisk {
  readonly mount: string;
  readonly state: string;
  readonly filler: string;
}

/** A full disk and a read-only one; needs root for the mount. */
export async function playDisks(): Promise<readonly Finding[]> {
  return [
    await onSmallDisk('disk full from the start', fullFromTheStart),
    await onSmallDisk('disk full in the middle', fullInTheMiddle),
    await onSmallDisk('read-only state folder', readOnly),
  ];
}

async function onSmallDisk(
  name: string,
  work: (lab: Lab, disk: SmallDisk) => Promise<readonly string[]>,
): Promise<Finding> {
  const mount = mkdtempSync(path.join(os.tmpdir(), 'pipewright-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'pipewright-chaos', mount], { stdio: 'pipe' });
  } catch (error) {
    rmSync(mount, { recursive: true });
    return { name, violations: [], skipped: `cannot mount a tmpfs: ${String(error).split('\n')[0]}` };
  }
  const disk = { mount, state: path.join(mount, 'state'), filler: path.join(mount, 'filler') };
  mkdirSync(disk.state, { mode: 0o700 });
  const lab = createLab({ 'fills.yaml': FILLS }, disk.state);
  try {
    return { name, violations: await work(lab, disk) };
  } finally {
    lab.dispose();
    execFileSync('umount', ['--lazy', mount]);
    rmSync(mount, { recursive: true, force: true });
  }
}

const RUN = ['run', 'fills', '--output', 'json'];

async function fullFromTheStart(lab: Lab, disk: SmallDisk): Promise<readonly string[]> {
  fill(disk, 0);
  const full = await lab.cli(RUN);
  const world = lab.world().length;
  rmSync(disk.filler);
  const violations = [
    ...sayable('full disk', full),
    ...(world === 0 ? [] : ['steps ran although nothing could be recorded']),
  ];
  const env = { FILL: 'none' };
  const ended = await lab.cli(RUN, { env });
  return [...violations, ...notGood('with space again', ended), ...(await check(lab, STORY))];
}

async function fullInTheMiddle(lab: Lab, disk: SmallDisk): Promise<readonly string[]> {
  const full = await lab.cli(RUN, { env: { FILL: disk.filler } });
  rmSync(disk.filler, { force: true });
  const { run_id: runId = '' } = currentRun(lab) ?? {};
  const ended = await lab.cli(['continue', runId, '-y', '--output', 'json'], { env: { FILL: disk.filler } });
  return [...sayable('full disk', full), ...notGood('continue', ended), ...(await check(lab, STORY))];
}

async function readOnly(lab: Lab, disk: SmallDisk): Promise<readonly string[]> {
  const env = { FILL: 'none' };
  const first = await lab.cli(RUN, { env });
  const worldBefore = lab.world().length;
  execFileSync('mount', ['-o', 'remount,ro', disk.mount]);
  const refused = await lab.cli(RUN, { env });
  const shown = await Promise.all([
    lab.cli(['runs', '--json']),
    lab.cli(['show', 'last']),
    lab.cli(['why', 'last']),
  ]);
  execFileSync('mount', ['-o', 'remount,rw', disk.mount]);
  return [
    ...notGood('before', first),
    ...sayable('read-only folder', refused),
    ...(lab.world().length === worldBefore ? [] : ['steps ran although nothing could be recorded']),
    ...shown.flatMap((ended) => notGood('reading a read-only state', ended)),
    ...(await check(lab, STORY)),
  ];
}

/** Exit code 1, one sentence, no stack. */
function sayable(what: string, { code, signal, stderr, stdout }: Ended): readonly string[] {
  const lines = stderr.trim().split('\n');
  return [
    ...(code === 1 ? [] : [`${what}: exit ${signal ?? code}, not 1`]),
    ...(lines.length <= 3 && stderr.trim() !== '' && !stderr.includes('    at ')
      ? []
      : [
          `${what}: no clear sentence on stderr: ${JSON.stringify(stderr.slice(0, 500))} ${stdout.slice(-300)}`,
        ]),
    ...(/space|full|read-only|ENOSPC|EROFS/i.test(stderr)
      ? []
      : [`${what}: stderr does not say why: ${stderr}`]),
  ];
}

function notGood(what: string, { code, signal, stderr }: Ended): readonly string[] {
  return code === 0 ? [] : [`${what}: exit ${signal ?? code}: ${stderr.trim()}`];
}

/** Takes all space but `leaveBytes`. */
function fill({ mount, filler }: SmallDisk, leaveBytes: number): void {
  const { bavail, bsize } = statfsSync(mount);
  try {
    writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - leaveBytes)));
  } catch {
    // Filled to the last byte that could be had.
  }
}
