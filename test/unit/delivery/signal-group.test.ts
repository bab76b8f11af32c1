import { execFileSync, spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { SHELL_LIBRARY } from '../../../src/delivery/process/supervise.ts';

/** `/bin/sh` of Debian, of Red Hat and of small images: they disagree about `kill -TERM -- -123`. */
const SHELLS = [['dash'], ['bash'], ['busybox', 'sh'], ['/bin/sh']].filter(
  ([program = '']) => spawnSync(program, ['-c', ':']).error === undefined,
);

test('there is a shell to try', () => {
  expect(SHELLS.length).toBeGreaterThan(1);
});

// A shell that waits for its child: only a signal to the group reaches both.
const SCRIPT = `${SHELL_LIBRARY}
setsid sh -c 'sleep 60; :' >/dev/null 2>&1 &
pid=$!
sleep 0.3
signal_group TERM "$pid"
echo "$pid"
`;

test.each(SHELLS.map((shell) => [shell.join(' '), shell] as const))(
  'in %s a signal reaches every process of a service, not its shell alone',
  async (_name, [program = '', ...args]) => {
    const pid = Number(execFileSync(program, [...args, '-c', SCRIPT], { encoding: 'utf8' }));
    expect(pid).toBeGreaterThan(1);
    await expect.poll(() => isGroupThere(pid)).toBe(false);
  },
);

function isGroupThere(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}
