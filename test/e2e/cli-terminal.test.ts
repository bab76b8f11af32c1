import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { LAUNCHER, PINNED_NODE } from '../support/cli.ts';
import { exampleProject } from './cli-project.ts';

/** Instead of keys: the terminal goes away. */
const CLOSE = Symbol('close');

interface Typed {
  readonly code: number | null;
  readonly screen: string;
}

/** Runs the program on a pseudo-terminal of script(1); types each answer when its text has appeared. */
function onTerminal(
  cwd: string,
  args: readonly string[],
  answers: readonly (readonly [text: string, keys: string | typeof CLOSE])[],
): Promise<Typed> {
  const command = [PINNED_NODE, LAUNCHER, ...args].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    cwd,
    env: { ...process.env, TERM: 'xterm', NO_COLOR: '' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const left = [...answers];
  let screen = '';
  let seen = 0;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text;
    const [next] = left;
    const at = next ? screen.indexOf(next[0], seen) : -1;
    if (!next || at === -1) return;
    seen = at + next[0].length;
    left.shift();
    if (next[1] === CLOSE) child.kill('SIGKILL');
    else child.stdin.write(next[1]);
  });
  const { promise, resolve, reject } = Promise.withResolvers<Typed>();
  child.on('error', reject);
  child.on('close', (code) => resolve({ code, screen }));
  return promise;
}

test('on a terminal plain output asks; d shows the plan, y lets the stage run', async () => {
  using project = exampleProject();
  const { code, screen } = await onTerminal(
    project.root,
    ['run', 'release', '--output', 'plain'],
    [
      ['d(etails): ', 'd'],
      ['d(etails): ', 'y'],
    ],
  );
  expect(code).toBe(0);
  expect(screen).toContain('echo deployed');
  expect(screen).toMatch(/approved by \S+ \(terminal\)/);
  expect(screen).toContain('\u001b[32m');
});

test('n rejects and the run fails; s skips the stage and the run succeeds', async () => {
  using project = exampleProject();
  const rejected = await onTerminal(
    project.root,
    ['run', 'release', '--output', 'plain', '--no-color'],
    [['d(etails): ', 'n']],
  );
  expect(rejected.code).toBe(1);
  expect(rejected.screen).not.toContain('\u001b[');
  const skipped = await onTerminal(
    project.root,
    ['run', 'release', '--output', 'plain'],
    [['d(etails): ', 's']],
  );
  expect(skipped.screen).toMatch(/deploy.* skipped/);
});

test('Ctrl-C at a question cancels the run', async () => {
  using project = exampleProject();
  const { code } = await onTerminal(
    project.root,
    ['run', 'release', '--output', 'plain'],
    [['d(etails): ', '\u0003']],
  );
  expect(code).toBe(130);
  expect(await project.json(['show', 'last'])).toMatchObject({ status: 'cancelled' });
});

test('Ctrl-C while a step runs cancels the run', async () => {
  using project = exampleProject();
  const { code } = await onTerminal(
    project.root,
    ['run', 'slow', '--output', 'plain'],
    [['begun', '\u0003']],
  );
  expect(code).toBe(130);
});

test('a terminal that is closed interrupts the run; its processes end and it can be continued', async () => {
  using project = exampleProject();
  const closing = onTerminal(project.root, ['run', 'slow', '--output', 'plain'], [['begun', CLOSE]]);
  await closing;
  const status = async (): Promise<string> => {
    const document: { readonly status: string } = JSON.parse(
      (await project.run(['show', 'last', '--json'])).stdout,
    );
    return document.status;
  };
  // The owner outlives its terminal for the moment in which it writes down how it ended.
  await expect.poll(status, { interval: 100 }).toBe('interrupted');
  expect((await project.run(['why', 'last'])).stdout).toMatch(/interrupted: (?:SIGHUP|stdout closed)/);
  project.write('quick', '');
  expect((await project.run(['continue'])).code).toBe(0);
});
