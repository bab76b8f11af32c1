import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { temporaryProject, type TemporaryProject } from '../support/cli.ts';

interface Shown {
  readonly status: string;
  readonly exit_code: number;
  readonly stages: readonly {
    readonly name: string;
    readonly status: string;
    readonly attempt: number;
    readonly cached: boolean;
    readonly wait_ms: number;
    readonly outputs: Readonly<Record<string, unknown>>;
    readonly failure: {
      readonly reason: string;
      readonly scope?: string;
      readonly limit_bytes?: number;
    } | null;
    readonly usage: { readonly peak_memory_bytes?: number } | null;
  }[];
}

/** Runs one pipeline and returns what `show` says of it. */
async function outcome(
  project: TemporaryProject,
  text: string,
  args: readonly string[] = [],
): Promise<Shown> {
  project.write('pipelines/p.yaml', text);
  await project.run(['run', 'p', ...args]);
  return showLast(project);
}

async function showLast(project: TemporaryProject): Promise<Shown> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the contract of `show --json`
  return (await project.json(['show', 'last'])) as Shown;
}

const statuses = ({ stages }: Shown) => Object.fromEntries(stages.map(({ name, status }) => [name, status]));
const world = (project: TemporaryProject) =>
  readFileSync(path.join(project.root, 'world'), 'utf8').split('\n').slice(0, -1);

test('enabled, needs, if, env, workdir and finally act', async () => {
  using project = temporaryProject({ 'sub/here': '' });
  const shown = await outcome(
    project,
    `
params: {mode: {type: choice, choices: [fast, full], default: fast}}
env: {COLOR: "red-{{.mode}}"}
stages:
  - {name: off, enabled: false, steps: [exit 1]}
  - {name: where, workdir: sub, steps: ["ls here && pwd >> ../world"]}
  - {name: full, if: "params.mode == 'full'", steps: [exit 1]}
  - {name: after-skip, steps: [exit 1]}
  - name: colour
    needs: {where: passed, full: [passed, skipped]}
    env: {SHADE: "dark-{{.mode}}"}
    steps: ['echo "$COLOR $SHADE" >> world']
finally:
  - {name: clean, steps: [echo cleaned >> world]}
`,
  );
  expect(statuses(shown)).toEqual({
    off: 'skipped',
    where: 'passed',
    full: 'skipped',
    'after-skip': 'skipped',
    colour: 'passed',
    clean: 'passed',
  });
  expect(world(project).slice(1)).toEqual(['red-fast dark-fast', 'cleaned']);
});

test('timeout ends each attempt, total_timeout all of them', async () => {
  using project = temporaryProject();
  const attempts = await outcome(
    project,
    'stages: [{name: slow, timeout: 300ms, retry: {max_attempts: 2, delay: 10ms}, steps: [sleep 30]}]',
  );
  expect(attempts.stages[0]).toMatchObject({
    status: 'failed',
    attempt: 2,
    failure: { reason: 'timed-out', scope: 'attempt' },
  });
  const total = await outcome(
    project,
    'stages: [{name: slow, total_timeout: 500ms, retry: {max_attempts: 50, delay: 20ms, backoff: fixed}, steps: ["sleep 0.1; exit 1"]}]',
  );
  expect(total.stages[0]).toMatchObject({
    status: 'failed',
    failure: { reason: 'timed-out', scope: 'total' },
  });
  expect(total.stages[0]?.attempt).toBeLessThan(10);
});

test('steps of a parallel stage run side by side, at most max_workers, and wait is told from work', async () => {
  using project = temporaryProject();
  const step = 'echo + >> world; sleep 0.3; echo - >> world';
  const shown = await outcome(
    project,
    `
max_workers: 2
stages:
  - name: both
    needs: []
    parallel: true
    max_workers: 3
    steps: [${Array.from({ length: 4 }, () => JSON.stringify(step)).join(', ')}]
  - {name: other, needs: [], steps: [${JSON.stringify(step)}]}
`,
  );
  let inside = 0;
  let most = 0;
  for (const sign of world(project)) {
    inside += sign === '+' ? 1 : -1;
    most = Math.max(most, inside);
  }
  expect(most).toBe(2);
  expect(statuses(shown)).toEqual({ both: 'passed', other: 'passed' });
  expect(shown.stages.find(({ name }) => name === 'other')?.wait_ms).toBeGreaterThan(200);
});

test('a cached stage is reused until one of its key files changes', async () => {
  using project = temporaryProject({ 'src/a.txt': 'one' });
  const text =
    "stages: [{name: build, cache: {key: ['src/**'], ttl: 1h}, steps: [{name: b, command: 'echo built >> world; echo 42', output: 'variable:answer'}]}]";
  await outcome(project, text);
  const again = await outcome(project, text);
  expect(again.stages[0]).toMatchObject({ status: 'passed', cached: true, outputs: { answer: '42' } });
  project.write('src/a.txt', 'two');
  const changed = await outcome(project, text);
  expect(changed.stages[0]?.cached).toBe(false);
  expect(world(project)).toEqual(['built', 'built']);
});

test('on_failure rollback undoes what ran, in reverse, and exits with 5', async () => {
  using project = temporaryProject();
  const shown = await outcome(
    project,
    `
stages:
  - {name: one, steps: [echo one >> world], rollback: [echo undo one >> world]}
  - {name: two, steps: [echo two >> world], rollback: [echo undo two >> world]}
  - {name: three, on_failure: rollback, steps: [exit 9]}
`,
  );
  expect(shown).toMatchObject({ status: 'rolled_back', exit_code: 5 });
  expect(world(project)).toEqual(['one', 'two', 'undo two', 'undo one']);
});

test('a variable that a step prints is readable by later templates and conditions', async () => {
  using project = temporaryProject();
  const shown = await outcome(
    project,
    `
stages:
  - name: find
    steps: [{name: f, command: "printf '%s' \\"it's \\\\$(here)\\"", output: "variable:found"}]
  - {name: use, if: "found.contains('here')", steps: ["printf '%s\\\\n' -- {{.found}} >> world"]}
  - {name: not, if: "stages.find.outputs.found == 'x'", steps: [exit 1]}
`,
  );
  expect(statuses(shown)).toEqual({ find: 'passed', use: 'passed', not: 'skipped' });
  expect(world(project).at(-1)).toBe("it's $(here)");
});

test('a secret reaches only the stage that lists it, and no file', async () => {
  using project = temporaryProject();
  const secret = 'hunter2-S3cr3t/+x';
  project.write(
    'pipelines/p.yaml',
    `
secrets: {TOKEN: "env:DEPLOY_TOKEN"}
stages:
  - name: with
    secrets: [TOKEN]
    steps: ['echo "token $TOKEN"; printf %s "$TOKEN" | base64; printf %s "$TOKEN" | wc -c']
  - {name: without, steps: ['echo "[$TOKEN][$DEPLOY_TOKEN]"']}
`,
  );
  const run = await project.run(['run', 'p'], { env: { DEPLOY_TOKEN: secret } });
  expect(run.code).toBe(0);
  expect(run.stdout).toContain('token ***');
  expect(run.stdout).toContain('without │ [][]');
  expect(run.stdout).toContain(`with │ ${secret.length}`);
  const everything = filesBelow(path.join(project.root, 'state'))
    .map((file) => readFileSync(file, 'latin1'))
    .join('\n');
  for (const form of [secret, Buffer.from(secret).toString('base64'), Buffer.from(secret).toString('hex')]) {
    expect(everything).not.toContain(form);
    expect(run.stdout).not.toContain(form);
  }
});

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

test('kinds approval and pipeline, and a kind of the project, run in one pipeline', async () => {
  using project = temporaryProject({
    'pipelines/kinds/add.js': `
import { defineStage, z } from 'pipewright';
export default defineStage({
  kind: 'add',
  summary: 'Adds two numbers.',
  schema: z.strictObject({ a: z.number(), b: z.number() }),
  run: async ({ a, b }, { log }) => {
    await log('adding');
    return { ok: true, value: { sum: a + b } };
  },
});
`,
    'pipelines/inner.yaml': `
params: {who: {type: string, required: true}}
stages:
  - {name: greet, steps: ["echo hello {{.who}} >> world"]}
`,
  });
  const shown = await outcome(
    project,
    `
stages:
  - {name: sum, uses: add, a: 2, b: 3}
  - {name: ok, uses: approval, if: "stages.sum.outputs.sum == 5"}
  - {name: call, pipeline: inner, params: {who: "world {{.stages.sum.outputs.sum}}"}}
`,
    ['--yes'],
  );
  expect(statuses(shown)).toEqual({ sum: 'passed', ok: 'passed', call: 'passed', 'call/greet': 'passed' });
  expect(world(project)).toEqual(['hello world 5']);
});

test('a stage kind that does not load is named, with its file, exit 2', async () => {
  using project = temporaryProject({ 'pipelines/kinds/broken.js': 'export default 42;\n' });
  project.write('pipelines/p.yaml', 'stages: [{name: a, uses: broken}]');
  const run = await project.run(['run', 'p']);
  expect(run.code).toBe(2);
  expect(run.stderr).toContain('kinds/broken.js');
  expect(run.stderr).not.toContain('    at ');
});

test('a memory limit ends a stage that needs more, where this machine can limit', async () => {
  using project = temporaryProject();
  const eat = "x=$(head -c 200000000 /dev/zero | tr '\\\\0' x); echo ${#x}";
  const shown = await outcome(
    project,
    `stages: [{name: eat, resources: {memory: 64MiB}, steps: ["${eat}"]}]`,
  );
  const [stage] = shown.stages;
  expect(stage?.status).toBe('failed');
  expect(['memory-limit', 'exit-non-zero', 'signal', 'limit-unavailable']).toContain(stage?.failure?.reason);
});

test('what a run used is measured', async () => {
  using project = temporaryProject();
  // Memory is looked at now and then, on a busy machine less often.
  for (const holdSeconds of [0.7, 3, 12]) {
    const eat = `x=$(head -c 60000000 /dev/zero | tr '\\\\0' x); sleep ${holdSeconds}; echo \${#x}`;
    const shown = await outcome(project, `stages: [{name: eat, steps: ["${eat}"]}]`);
    expect(shown.stages[0]?.status).toBe('passed');
    if ((shown.stages[0]?.usage?.peak_memory_bytes ?? 0) > 50_000_000) return;
  }
  expect.fail('60 MB held for 12 s were not seen');
});

test('the second failure in a row writes an analysis that show names', async () => {
  using project = temporaryProject();
  const text = 'stages: [{name: bad, steps: [exit 1]}]';
  await outcome(project, text);
  await outcome(project, text);
  const shown = await project.json(['show', 'last']);
  expect(shown).toMatchObject({ analysis: expect.stringContaining('analysis.md') });
});
