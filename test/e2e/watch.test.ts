import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { type TemporaryProject, temporaryProject } from '../support/cli.ts';

const PIPELINE = `
name: proc
params:
  case: {type: path, required: true}
  case_name: {type: string}
stages:
  - name: work
    uses: shell
    on_interrupt: retry
    steps:
      - {name: slow, command: "sleep 0.2"}
      - {name: count, command: "printf '%s\\\\0' {{.case}} >> ledger; test ! -e {{.case}}/bad"}
`;

function inbox(): TemporaryProject & { readonly put: (name: string, file?: string) => void } {
  const project = temporaryProject({
    'pipewright.yaml':
      'cases:\n  proc: {folder: inbox, stable: 100ms, poll: 200ms}\nsafety: {max_consecutive_failures: 0}\n',
    'pipelines/proc.yaml': PIPELINE,
  });
  mkdirSync(path.join(project.root, 'inbox'));
  const put = (name: string, file = 'data'): void => {
    mkdirSync(path.join(project.root, 'inbox', name));
    writeFileSync(path.join(project.root, 'inbox', name, file), name);
  };
  return { ...project, put, [Symbol.dispose]: () => project[Symbol.dispose]() };
}

function ledger({ root }: TemporaryProject): readonly string[] {
  const text = readFileSync(path.join(root, 'ledger'), 'utf8');
  return text
    .split('\0')
    .slice(0, -1)
    .map((file) => path.basename(file))
    .toSorted();
}

test('killed again and again, a watcher loses no case and runs none twice', async () => {
  using project = inbox();
  const names = ['a', 'b', 'c', 'd', 'e', '-rf', 'new\nline', '$(touch pwned)'];
  for (const name of names) project.put(name);
  for (const killAfter of [1, 3, 5]) {
    await project.run(['watch', 'proc', '--json', '--max-parallel', '2'], {
      onOutput: (stdout, child) => {
        const told = stdout.match(/"type":"case\.(?:taken|finished|continued)"/g) ?? [];
        if (told.length >= killAfter) child.kill('SIGKILL');
      },
    });
  }
  const last = await project.run(['watch', 'proc', '--once', '--json']);
  expect(last).toMatchObject({ code: 0, stderr: '' });
  expect(ledger(project)).toEqual(names.toSorted());
  const listed = await project.json(['watch', 'proc', '--list']);
  expect(listed).toMatchObject({ succeeded: names.length, failed: 0, open: 0 });
  expect(await project.json(['runs'])).toMatchObject({
    pipelines: expect.arrayContaining([
      expect.objectContaining({ case: 'new\nline', trigger: 'watch', status: 'success' }),
    ]),
  });
});

test('a failed case keeps its reason, its run can be run again, and the case is not taken anew', async () => {
  using project = inbox();
  project.put('broken', 'bad');
  expect((await project.run(['watch', 'proc', '--once'])).code).toBe(1);
  const { stdout } = await project.run(['watch', 'proc', '--list']);
  expect(stdout).toMatch(/broken +✗ failed +\S+ +\S+ +stage "work" failed/);
  expect((await project.run(['watch', 'proc', '--once'])).code).toBe(0);
  expect(ledger(project)).toEqual(['broken']);
  writeFileSync(path.join(project.root, 'pipelines/proc.yaml'), PIPELINE.replace('test ! -e', 'true'));
  expect((await project.run(['rerun', 'last', '--failed'])).code).toBe(1);
  expect(ledger(project)).toEqual(['broken', 'broken']);
});

test('a second watcher is refused; SIGTERM lets what runs end and takes nothing new', async () => {
  using project = inbox();
  project.put('first');
  let second: Promise<{ readonly code: number; readonly stderr: string }> | undefined;
  const watching = await project.run(['watch', 'proc', '--json'], {
    onOutput: (stdout, child) => {
      if (!stdout.includes('"case.taken"') || second) return;
      second = project.run(['watch', 'proc']).finally(() => {
        project.put('late');
        child.kill('SIGTERM');
      });
    },
  });
  expect(await second).toMatchObject({ code: 4, stderr: expect.stringContaining('watches') });
  expect(watching).toMatchObject({ code: 0, stdout: expect.stringContaining('"watch.draining"') });
  expect(watching.stdout).toMatch(/"watch.stopped".*"cause":"SIGTERM".*"open":0/);
  expect(ledger(project)).toEqual(['first']);
  await project.run(['watch', 'proc', '--once']);
  expect(ledger(project)).toEqual(['first', 'late']);
});

test('what cannot be watched is told before anything is taken', async () => {
  using project = inbox();
  project.write('pipelines/plain.yaml', 'name: plain\nsteps: ["true"]\n');
  expect((await project.run(['watch', 'plain', '--folder', 'inbox'])).stderr).toContain(
    'no parameter "case"',
  );
  project.write('pipewright.yaml', '');
  expect((await project.run(['watch', 'proc'])).stderr).toContain('--folder DIR');
  project.write('pipewright.yaml', 'cases:\n  proc: {folder: inbox, marker: done}\n');
  const refused = await project.run(['watch', 'proc']);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('{case}');
});
