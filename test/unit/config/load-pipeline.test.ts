import { defaultSettings } from '../../../src/core/settings/index.ts';
import { serveSchema } from '../../../src/core/settings/serve.ts';
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { testKinds } from '../../support/config-kinds.ts';
import { configRig, found, loaded } from '../../support/config-rig.ts';
import { SPEC_1 } from '../../support/spec-forms.ts';

const SPEC_5_PIPE = `# 단순 파이프
pipeline:
  name: compress-files
  steps:
    - name: archive
      command: "tar cf - {{.source}}"
      output: stream
      
    - name: compress
      command: "gzip -9"
      input: pipe
      output: stream
      
    - name: save
      command: "cat > {{.output}}"
      input: pipe
`;

const SPEC_5_TEE = `# 체크섬과 진행률을 동시에
pipeline:
  name: backup-with-verification
  steps:
    - name: create-tar
      command: "tar cf - {{.source}}"
      output: stream
      
    - name: process
      type: tee
      input: pipe
      branches:
        - name: checksum
          command: "sha256sum"
          output: variable:checksum
          
        - name: progress
          command: "pv -pterb -s {{.estimated_size}}"
          output: stderr
          
        - name: compress-save
          steps:
            - command: "gzip -9"
              input: pipe
              output: stream
            - command: "cat > {{.backup_file}}"
              input: pipe
`;

const SPEC_5_MULTI = `pipeline:
  name: multi-format-backup
  steps:
    - name: source
      command: "kubectl exec {{.pod}} -- mongodump --archive"
      output: stream
      
    - name: multi-save
      type: tee
      branches:
        - name: raw
          command: "cat > backup.bson"
          
        - name: compressed
          command: "gzip -9 > backup.bson.gz"
          
        - name: encrypted
          command: "gpg --encrypt -r backup@example.com > backup.bson.gpg"
`;

test('the pipeline of spec 1 loads as it stands there', async () => {
  await using rig = await configRig();
  const definition = loaded(await rig.load(SPEC_1));
  expect(definition.name).toBe('case');
  expect(definition.stages.map(({ name, uses }) => [name, uses])).toEqual([
    ['vcs_analysis', 'vcs-analysis'],
    ['test_strategy', 'test-strategy'],
    ['test_code_generation', 'test-code-generation'],
  ]);
  expect(definition.stages[0]).toMatchObject({ timeout_ms: 300_000, retry: { max_attempts: 3 }, needs: {} });
  expect(definition.stages[1]).toMatchObject({
    confirmation: { expires_ms: 86_400_000 },
    needs: { vcs_analysis: ['passed', 'warning'] },
  });
  expect(definition.stages[2]).toMatchObject({ parallel: true, max_workers: 4, line: 12 });
});

test.each([
  ['pipe', SPEC_5_PIPE, 'compress-files', ['source', 'output']],
  ['tee', SPEC_5_TEE, 'backup-with-verification', ['source', 'estimated_size', 'backup_file']],
  ['multi', SPEC_5_MULTI, 'multi-format-backup', ['pod']],
])(
  'the %s pipeline of spec 5 is one stream, its unknown names are parameters',
  async (_, text, name, params) => {
    await using rig = await configRig();
    const definition = loaded(await rig.load(text));
    expect(definition.stages.map((stage) => [stage.name, stage.uses])).toEqual([[name, 'stream']]);
    expect(Object.entries(definition.params)).toEqual(
      params.map((param) => [param, { type: 'string', required: true }]),
    );
  },
);

test('without the kind stream, the first key that needs it is named once', async () => {
  await using rig = await configRig();
  const { stream: _, ...kinds } = testKinds;
  expect(found(await rig.load(SPEC_5_PIPE, { kinds }))).toEqual([
    '7:7 error: "output" here makes this a stream, and the stage kind "stream" is not there',
  ]);
});

test('every default of a stage is filled in', async () => {
  await using rig = await configRig();
  const text = 'stages:\n  - name: a\n    command: make\n';
  const definition = loaded(await rig.load(text));
  const command = { text: 'make', script: 'make', values: [] };
  expect(definition).toEqual({
    name: 'case',
    source: { file: rig.file('case.yaml'), sha256: createHash('sha256').update(text).digest('hex') },
    params: {},
    env: {},
    secrets: {},
    max_workers: 4,
    stages: [
      {
        name: 'a',
        uses: 'shell',
        enabled: true,
        needs: {},
        retry: {
          max_attempts: 1,
          delay_ms: 1000,
          backoff: 'exponential',
          max_delay_ms: 60_000,
          jitter: 0.2,
          on: ['timeout', 'exit', 'signal', 'unreachable', 'reported'],
        },
        parallel: false,
        max_workers: 1,
        on_failure: 'stop',
        on_interrupt: 'retry',
        env: {},
        secrets: [],
        context: 'local',
        rollback: [],
        config: { steps: [{ name: 'step-1', command, env: {} }] },
        line: 2,
      },
    ],
    finally: [],
  });
});

test('every key that is written arrives', async () => {
  await using rig = await configRig();
  const definition = loaded(
    await rig.load(`x-any: {goes: here}
name: release 1
version: 1.0
description: All of it.
params:
  target: {type: choice, choices: [a, b], default: a, description: Where.}
  count: {type: int, min: 1, max: 9, default: 3}
  plain:
env: {TARGET: "{{.target}}", N: 5, B: true}
secrets: {TOKEN: env:MY_TOKEN, KEY: file:/run/key, PASS: cmd:pass show x}
max_workers: 8
stages:
  - name: first
    steps: [ls, {name: two, command: "echo {{.count}}", context: local, env: {A: "{{.plain}}"}, workdir: sub, timeout: 250ms, output: variable:seen}]
    needs: []
    if: "'x' in commits && params.target == 'a'"
    timeout: 1m
    total_timeout: 1h
    retry: {max_attempts: 4, delay: 2s, backoff: linear, max_delay: 1m, jitter: 0, on: exit}
    require_confirmation: {message: Sure?, expires: 30m}
    parallel: true
    max_workers: 2
    cache: {key: "src/**", ttl: 24h}
    on_failure: rollback
    on_interrupt: keep
    env: {X: y}
    secrets: [TOKEN]
    workdir: app
    context: local
    resources: {memory: 512MB, cpus: 1.5}
    rollback: [echo undo]
    enabled: false
  - {name: second, uses: deploy, needs: {first: [completed, skipped]}}
  - {name: third, command: "echo {{.seen}} {{.stages.first.outputs.seen}} {{.run_id}}", needs: second, if: true}
finally:
  - {name: clean, command: rm -f x}
`),
  );
  expect(definition).toMatchObject({
    name: 'release 1',
    version: '1.0',
    description: 'All of it.',
    max_workers: 8,
    secrets: { TOKEN: 'env:MY_TOKEN', KEY: 'file:/run/key', PASS: 'cmd:pass show x' },
    params: {
      target: { type: 'choice', choices: ['a', 'b'], default: 'a', required: false, description: 'Where.' },
      count: { type: 'int', min: 1, max: 9, default: 3, required: false },
      plain: { type: 'string', required: true },
    },
    env: { N: { text: '5' }, B: { text: 'true' } },
  });
  const [first, second, third] = definition.stages;
  expect(first).toMatchObject({
    enabled: false,
    needs: {},
    if: "'x' in commits && params.target == 'a'",
    timeout_ms: 60_000,
    total_timeout_ms: 3_600_000,
    retry: {
      max_attempts: 4,
      delay_ms: 2000,
      backoff: 'linear',
      max_delay_ms: 60_000,
      jitter: 0,
      on: ['exit'],
    },
    confirmation: { message: 'Sure?', expires_ms: 1_800_000 },
    parallel: true,
    max_workers: 2,
    cache: { key: ['src/**'], ttl_ms: 86_400_000 },
    on_failure: 'rollback',
    on_interrupt: 'keep',
    secrets: ['TOKEN'],
    workdir: 'app',
    resources: { memory_bytes: 512_000_000, cpus: 1.5 },
    rollback: [{ name: 'step-1', command: { text: 'echo undo' } }],
  });
  expect(first?.config['steps']).toMatchObject([
    { name: 'step-1' },
    { name: 'two', context: 'local', workdir: 'sub', timeout_ms: 250, variable: 'seen' },
  ]);
  expect(second).toMatchObject({
    needs: { first: ['passed', 'skipped'] },
    on_interrupt: 'ask',
    confirmation: { expires_ms: 86_400_000 },
  });
  expect(third).toMatchObject({ needs: { second: ['passed', 'warning'] }, if: 'true' });
  expect(definition.finally).toMatchObject([{ name: 'clean', needs: {} }]);
});

test('a definition is plain JSON', async () => {
  await using rig = await configRig();
  const definition = loaded(await rig.load(SPEC_5_TEE));
  expect(JSON.parse(JSON.stringify(definition))).toEqual(definition);
});

test('anchors, aliases and merges work, written keys win', async () => {
  await using rig = await configRig();
  const definition = loaded(
    await rig.load(`x-base: &base {timeout: 5m, retry: 2}
stages:
  - {<<: *base, name: a, command: ls}
  - <<: [{retry: 3}, *base]
    name: b
    timeout: 1m
    command: ls
`),
  );
  expect(definition.stages).toMatchObject([
    { timeout_ms: 300_000, retry: { max_attempts: 2 } },
    { timeout_ms: 60_000, retry: { max_attempts: 3 } },
  ]);
});

test('200 honest aliases are no bomb', async () => {
  await using rig = await configRig();
  const stages = Array.from({ length: 200 }, (_, index) => `  - {<<: *b, name: s${index}}`);
  const definition = loaded(await rig.load(`x-b: &b {command: ls}\nstages:\n${stages.join('\n')}\n`));
  expect(definition.stages).toHaveLength(200);
});

test('a byte order mark and Windows line ends change nothing', async () => {
  await using rig = await configRig();
  const definition = loaded(await rig.load(`\uFEFF${SPEC_1.replaceAll('\n', '\r\n')}`));
  expect(definition.stages).toHaveLength(3);
});

test('what is odd but possible is a warning, and the pipeline loads', async () => {
  await using rig = await configRig();
  const result = await rig.load(`stages:
  - name: a
    command: ls
    retry_count: 1
    max_workers: 3
    on_failure: rollback
    if: enviroment == 'prod'
`);
  expect(result.ok).toBe(true);
  expect(found(result).map((line) => line.replace(/ \[.*/, ''))).toEqual([
    '4:18 warning: retry_count: 1 means one try in all, so nothing is tried again',
    '5:5 warning: "max_workers" does nothing without parallel: true',
    '6:17 warning: on_failure: rollback, but no stage says how to undo it',
    '7:9 warning: if: nothing here declares "enviroment"',
  ]);
});

test('the project decides how long a confirmation waits and how many workers there are', async () => {
  await using rig = await configRig();
  const config = {
    name: 'p',
    safety: { max_consecutive_failures: 3, confirmation_expires_ms: 5000 },
    environments: {},
    max_workers: 7,
    settings: defaultSettings('p'),
    serve: serveSchema.parse({}),
  };
  const project = { folder: rig.folder, config };
  const text = 'stages: [{name: a, command: ls, require_confirmation: Really?}]\n';
  const definition = loaded(await rig.load(text, { project }));
  expect(definition.max_workers).toBe(7);
  expect(definition.stages[0]?.confirmation).toEqual({ message: 'Really?', expires_ms: 5000 });
});
