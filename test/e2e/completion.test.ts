import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test, type TestContext } from 'vitest';
import { completionScript } from '../../src/cli/completion.ts';
import { LAUNCHER, PINNED_NODE, temporaryProject, type TemporaryProject } from '../support/cli.ts';
import { completionCall, hasShell, type Shell, SHELLS } from '../support/shells.ts';

/** What each shell is asked, and what it must offer. `%` stands for the name of a run. */
const CASES: readonly (readonly [words: readonly string[], offers: readonly string[]])[] = [
  [['ru'], ['run', 'runs']],
  [['run', 'dep'], ['deploy-it']],
  // Whatever there is, so that the pipeline with the evil name could be among it.
  [['run', ''], ['deploy-it']],
  [['run', 'deploy-it', '--wh'], ['--where']],
  [['run', '--outp'], ['--output']],
  [['run', 'deploy-it', '--output', 'p'], ['plain']],
  [['show', 'la'], ['last']],
  [['why', '20'], ['%']],
  [['schema', 'proj'], ['project']],
  [['completion', 'f'], ['fish']],
];

function projectWithProgram(): TemporaryProject & { readonly env: Record<string, string> } {
  const project = temporaryProject({
    'pipelines/deploy-it.yaml': 'params: {where: {default: here}}\nsteps: ["true"]\n',
    // Shells expand words that they offer: this one must never be among them.
    'pipelines/evil.yaml': 'name: "$(touch hacked)`touch hacked`"\nsteps: ["true"]\n',
  });
  const bin = path.join(project.root, '.bin');
  mkdirSync(bin);
  writeFileSync(path.join(bin, 'pipewright'), `#!/bin/sh\nexec "${PINNED_NODE}" "${LAUNCHER}" "$@"\n`);
  chmodSync(path.join(bin, 'pipewright'), 0o755);
  const env = { ...process.env, PATH: `${bin}:${process.env['PATH']}`, HOME: project.root, TERM: 'xterm' };
  return {
    ...project,
    env: Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined)),
  };
}

/** Skips on a user's machine without that shell, and fails where everything must be there. */
function needs(shell: Shell, context: TestContext): void {
  if (!hasShell(shell)) context.skip(`${shell} is not installed`);
}

test.for(SHELLS)('%s completes commands, options, choices, pipelines and runs', async (shell, context) => {
  needs(shell, context);
  using project = projectWithProgram();
  await project.run(['run', 'deploy-it']);
  const runId = /^\d{8}-\S+/m.exec((await project.run(['runs'])).stdout)?.[0] ?? 'none';
  const script = path.join(project.root, `completion.${shell}`);
  writeFileSync(script, completionScript(shell));
  for (const [words, offers] of CASES) {
    const [program, ...args] = completionCall(shell, words, script);
    const said = execFileSync(program, args, { cwd: project.root, env: project.env, encoding: 'utf8' });
    const expected = offers.map((word) => (word === '%' ? runId : word));
    expect({ words, offered: said.split('\n').filter((line) => line !== '') }).toEqual({
      words,
      offered: expect.arrayContaining(expected),
    });
    expect(said).not.toContain('touch');
  }
  const hacked = spawnSync('test', ['-e', 'hacked'], { cwd: project.root });
  expect(hacked.status).toBe(1);
});
