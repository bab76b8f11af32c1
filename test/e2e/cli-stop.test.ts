import { expect, test } from 'vitest';
import { runCli, temporaryProject } from '../support/cli.ts';
import { exampleProject } from './cli-project.ts';

/** Sends `signal` when the step has printed its first line. */
function whenBegun(signal: NodeJS.Signals) {
  let sent = false;
  return (stdout: string, child: { kill(signal: NodeJS.Signals): void }): void => {
    if (sent || !stdout.includes('long │ begun')) return;
    sent = true;
    child.kill(signal);
  };
}

test.each([
  ['SIGINT', 130, 'cancelled'],
  ['SIGTERM', 143, 'cancelled'],
  ['SIGHUP', 129, 'interrupted'],
] as const)('%s exits with %i and leaves the run %s', async (signal, code, status) => {
  using project = exampleProject();
  const ended = await project.run(['run', 'slow'], { onOutput: whenBegun(signal) });
  expect(ended.code).toBe(code);
  expect(ended.stdout).toMatch(/^logs {2}state\/runs\/\S+\/logs$/m);
  expect(await project.json(['show', 'last'])).toMatchObject({ status });
  expect(await project.json(['doctor'])).not.toMatchObject({
    findings: expect.arrayContaining([expect.objectContaining({ name: 'leftovers' })]),
  });
});

test('an interrupted run is continued to its end', async () => {
  using project = exampleProject();
  await project.run(['run', 'slow'], { onOutput: whenBegun('SIGHUP') });
  project.write('quick', '');
  expect((await project.run(['continue'])).code).toBe(0);
  expect(await project.json(['show', 'last'])).toMatchObject({ status: 'success' });
});

test('a closed stdout interrupts the run, and stderr says where the log is', async () => {
  using project = exampleProject();
  let isClosed = false;
  const ended = await project.run(['run', 'slow'], {
    onOutput: (_, child) => {
      if (!isClosed) child.closeStdout();
      isClosed = true;
    },
  });
  expect(ended.code).toBe(141);
  expect(ended.stderr).toMatch(/interrupted \(stdout closed\); logs: \S+\/logs; pipewright continue/);
  expect(await project.json(['show', 'last'])).toMatchObject({ status: 'interrupted' });
});

test('cancel from another process ends a run, which exits with 130', async () => {
  using project = exampleProject();
  let cancelled: Promise<{ readonly code: number }> | undefined;
  const ended = await project.run(['run', 'slow'], {
    onOutput: (stdout) => {
      if (stdout.includes('long │ begun')) cancelled ??= project.run(['cancel', 'last']);
    },
  });
  expect(ended.code).toBe(130);
  expect(await cancelled).toMatchObject({ code: 0 });
});

test('a run that a live process owns cannot be continued: exit 4', async () => {
  using project = exampleProject();
  let second: Promise<{ readonly code: number; readonly stderr: string }> | undefined;
  const ended = await project.run(['run', 'slow'], {
    onOutput: (stdout, child) => {
      if (!stdout.includes('long │ begun') || second) return;
      second = project.run(['continue', 'last']).finally(() => child.kill('SIGINT'));
    },
  });
  expect(ended.code).toBe(130);
  expect(await second).toMatchObject({ code: 4, stderr: expect.stringContaining('belongs to process') });
});

test('logs -f shows what a run prints until it ends', async () => {
  using project = exampleProject();
  let following: Promise<{ readonly code: number; readonly stdout: string }> | undefined;
  await project.run(['run', 'slow'], {
    onOutput: (stdout) => {
      if (!stdout.includes('long │ begun') || following) return;
      following = runCli(['logs', 'last', '-f'], {
        cwd: project.root,
        onOutput: (text) => {
          if (text.includes('long │ begun')) void project.run(['cancel', 'last']);
        },
      });
    },
  });
  expect(await following).toMatchObject({ code: 0, stdout: expect.stringContaining('long │ begun\n') });
});

test('a second Ctrl-C kills at once what ignores the first', async () => {
  using project = temporaryProject({
    'pipelines/deaf.yaml': `stages:
  - name: long
    steps:
      - command: "trap '' TERM INT HUP; echo begun; while :; do sleep 0.1; done"
`,
  });
  let pressed = 0;
  const press = (child: { kill(signal: NodeJS.Signals): void }): void => {
    pressed = performance.now();
    child.kill('SIGINT');
    // Presses so near that they look like one are taken as one: the launcher passes signals on.
    setTimeout(() => child.kill('SIGINT'), 500);
  };
  const ended = await project.run(['run', 'deaf'], {
    onOutput: (stdout, child) => {
      if (pressed === 0 && stdout.includes('long │ begun')) press(child);
    },
  });
  expect(ended.code).toBe(130);
  expect(ended.stderr).toMatch(/killed [1-9]\d* process\(es\) of the run/);
  // Well before the grace of 5 s after which the first press would have killed.
  expect(performance.now() - pressed).toBeLessThan(4_500);
  expect(await project.json(['show', 'last'])).toMatchObject({ status: 'cancelled' });
});
