import { expect, test } from 'vitest';
import { closest } from '../../../src/core/closest.ts';
import { errorCode, hasCode } from '../../../src/core/error-code.ts';
import { isOfPlace } from '../../../src/core/log-place.ts';
import { isSameUnit } from '../../../src/core/releases.ts';
import { EventLog } from '../../../src/core/event-log.ts';
import type { RunEvent } from '../../../src/core/events.ts';
import { FAILURE_TRAITS, reported, toFailure } from '../../../src/core/failure.ts';
import { markupAttribute, markupText } from '../../../src/core/markup-text.ts';
import { idleRun, type RunState } from '../../../src/core/run-state.ts';
import {
  keyIn,
  leaveOutKeys,
  looksLikeKey,
  secretReferenceSchema,
} from '../../../src/core/secret-reference.ts';
import { markOf, paintStatus } from '../../../src/core/status-look.ts';
import { summarize } from '../../../src/core/summary.ts';
import { withTimeLimit } from '../../../src/core/time-limit.ts';
import { runCreated } from '../../support/definitions.ts';
import { fakeClock, pipelineOf, stage } from '../../support/fakes.ts';

test.each([
  ['deploy', ['deploy', 'destroy'], 'deploy'],
  ['delpoy', ['deploy', 'destroy'], 'deploy'],
  ['DEPLOY', ['deploy'], 'deploy'],
  ['deplo', ['deploy'], 'deploy'],
  ['deployyy', ['deploy'], 'deploy'],
  ['xdeployx', ['deploy'], 'deploy'],
  ['abc', ['xyc'], 'xyc'],
  ['abc', ['xyz'], undefined],
  ['abcdef', ['abxyzf'], undefined],
  // A third of a long word may be wrong.
  ['abcdefghijkl', ['abcdefghWXYZ'], 'abcdefghWXYZ'],
  ['abcdefghijkl', ['abcdefgVWXYZ'], undefined],
  ['ab', ['cd'], undefined],
  ['a', ['bc'], undefined],
  ['ab', ['abcde'], undefined],
  ['', ['a'], undefined],
  // The nearer one, and of two as near the first.
  ['test', ['tents', 'tests', 'rest'], 'tests'],
  ['test', ['rest', 'best'], 'rest'],
  ['abcd', ['acbd'], 'acbd'],
  ['abcdef', ['badcfe'], undefined],
  ['abcdef', ['badcef'], 'badcef'],
  ['abcdef', ['abdcfe'], 'abdcfe'],
  ['abcdef', ['cbadef'], 'cbadef'],
  ['abcdef', ['cbaedf'], undefined],
  ['abcdef', ['abcdfe', 'abcdxx'], 'abcdfe'],
  ['cd', ['dc'], 'dc'],
])('%j of %j most likely means %j', (word, candidates, expected) => {
  expect(closest(word, candidates)).toBe(expected);
});

test('names that differ only far behind their beginning are compared by the beginning', () => {
  const name = 'x'.repeat(64);
  expect(closest(`${name}aaa`, [`${name}bbb`])).toBe(`${name}bbb`);
  expect(closest(`y${name}`, [`z${name}`])).toBe(`z${name}`);
});

test('work within its time gives its value, beyond it nothing; what it throws is thrown', () => {
  expect(withTimeLimit(() => 7, 1000)).toEqual({ ok: true, value: 7 });
  expect(withTimeLimit(() => undefined, 1000)).toEqual({ ok: true, value: undefined });
  const endless = (): never => {
    for (;;);
  };
  expect(withTimeLimit(endless, 20)).toEqual({ ok: false, failure: 'timeout' });
  expect(withTimeLimit(() => 8, 1000)).toEqual({ ok: true, value: 8 });
  for (const thrown of [new Error('mine'), 'text', null, { code: 'OTHER' }]) {
    let caught: unknown = 'nothing';
    try {
      withTimeLimit(() => {
        throw thrown;
      }, 1000);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBe(thrown);
  }
});

test.each([
  [`AKIA${'A1'.repeat(8)}`, 'an AWS access key'],
  [`ASIA${'A1'.repeat(8)}`, 'an AWS access key'],
  [`ghp_${'a'.repeat(20)}`, 'a GitHub token'],
  [`github_pat_${'a'.repeat(20)}`, 'a GitHub token'],
  [`glpat-${'a'.repeat(20)}`, 'a GitLab token'],
  [`xoxb-${'1'.repeat(10)}`, 'a Slack token'],
  [`sk_live_${'a'.repeat(16)}`, 'a Stripe key'],
  [`npm_${'a'.repeat(36)}`, 'an npm token'],
  ['-----BEGIN PRIVATE KEY-----', 'a private key'],
  ['-----BEGIN RSA PRIVATE KEY-----', 'a private key'],
  ['https://hooks.slack.com/services/T1/B1/abc', 'a Slack webhook'],
  ['https://discord.com/api/webhooks/12/a-b', 'a Discord webhook'],
  ['https://discordapp.com/api/webhooks/12/a-b', 'a Discord webhook'],
])('%s is taken for %s, wherever it stands', (key, name) => {
  expect(keyIn(`before ${key} after`)).toBe(name);
  expect(looksLikeKey(key)).toBe(true);
});

test.each([
  'AKIA',
  `XAKIA${'A1'.repeat(8)}`,
  `ghp_${'a'.repeat(19)}`,
  `xghp_${'a'.repeat(20)}`,
  `sk_test_${'a'.repeat(16)}`,
  `npm_${'a'.repeat(35)}`,
  '-----BEGIN PUBLIC KEY-----',
  'https://hooks.slack.com/services/T1',
  'a perfectly ordinary value',
])('%s is no key', (text) => {
  expect(keyIn(text)).toBe(undefined);
  expect(looksLikeKey(text)).toBe(false);
});

test('keys are left out of a text, all of them, and what they are is said', () => {
  const token = `ghp_${'a'.repeat(20)}`;
  expect(leaveOutKeys(`a ${token} b ${token}\nnpm_${'a'.repeat(36)}`)).toBe(
    'a [a GitHub token, left out] b [a GitHub token, left out]\n[an npm token, left out]',
  );
  expect(leaveOutKeys('nothing of it - at all')).toBe('nothing of it - at all');
});

test('a private key is left out whole, however it is written', () => {
  const begin = '-----BEGIN RSA PRIVATE KEY-----';
  const end = '-----END RSA PRIVATE KEY-----';
  const body = ['MIIEow+/IBAAKCAQEA', 'wJ4sE9=='];
  const names = ['Proc-Type: 4,ENCRYPTED', 'DEK-Info: AES-128-CBC,00FF', ''];
  const left = '[a private key, left out]';
  const whole = [begin, ...names, ...body, end].join('\n');
  expect(leaveOutKeys(`a\n${whole}\nb - c\n${whole}`)).toBe(`a\n${left}\nb - c\n${left}`);
  expect(leaveOutKeys([begin, ...body, end].join('\n-'))).toBe(left);
  // Cut off: what is there of it.
  expect(leaveOutKeys(`a ${begin}\n${body.join('\n')}`)).toBe(`a ${left}`);
  expect(leaveOutKeys(begin.repeat(20_000))).toBe(left.repeat(20_000));
});

test.each<[string | undefined, string, string | null | undefined, boolean]>([
  [undefined, 'a', null, true],
  ['a', 'a', undefined, true],
  ['a', 'a/b', 's', true],
  ['a', 'ab', undefined, false],
  ['a/b', 'a', undefined, false],
  ['a.s', 'a', 's', true],
  ['a.s', 'a', 't', false],
  ['a.null', 'a', null, false],
  ['a.undefined', 'a', undefined, false],
])('asked for %j, output of %j, step %j: %j', (wanted, stageName, stepName, expected) => {
  expect(isOfPlace(wanted, stageName, stepName)).toBe(expected);
});

test('a release is the same thing only with the same image, variables and compose file', () => {
  const unit = { reference: 'box/a:1', digest: 'sha256:a', env: { A: '1' }, compose: 'x' };
  expect(isSameUnit(unit, { ...unit, env: { A: '1' } })).toBe(true);
  for (const change of [{ digest: 'sha256:b' }, { env: { A: '2' } }, { env: {} }, { compose: 'y' }]) {
    expect(isSameUnit(unit, { ...unit, ...change })).toBe(false);
  }
});

test('only errors of the operating system have a code', () => {
  const coded = (code: unknown) => Object.assign(new Error('x'), { code });
  expect(errorCode(coded('ENOENT'))).toBe('ENOENT');
  for (const other of [coded(7), new Error('x'), { code: 'ENOENT' }, null, 'ENOENT']) {
    expect(errorCode(other)).toBe(undefined);
    expect(hasCode(other, 'ENOENT')).toBe(false);
  }
  expect(hasCode(coded('ENOENT'), 'EACCES', 'ENOENT')).toBe(true);
  expect(hasCode(coded('ENOENT'), 'EACCES')).toBe(false);
});

test.each([
  ['env:TOKEN', true],
  ['env:_t0', true],
  ['file:/run/secret', true],
  ['cmd:pass show x\ncat', true],
  ['env:1A', false],
  ['env:', false],
  ['env:A B', false],
  ['file: x', false],
  ['file:', false],
  ['cmd:', false],
  ['hunter2', false],
  [' env:TOKEN', false],
])('%j is a reference to a secret: %s', (text, expected) => {
  const parsed = secretReferenceSchema.safeParse(text);
  expect(parsed.success).toBe(expected);
  expect(parsed.error?.issues.map(({ message }) => message) ?? []).toEqual(
    expected ? [] : ['must be a reference: env:NAME, file:PATH or cmd:COMMAND'],
  );
  // What stands there may be the secret: it is not repeated.
  expect(parsed.error?.issues.map((issue) => 'params' in issue && issue.params) ?? []).toEqual(
    expected
      ? []
      : [{ code: 'secret-literal', sensitive: true, hint: 'A secret itself never stands in a file.' }],
  );
});

test.each([
  ['pending', '· dim'],
  ['waiting', '? warn'],
  ['running', '▶ info'],
  ['passed', '✓ good'],
  ['success', '✓ good'],
  ['warning', '! warn'],
  ['failed', '✗ bad'],
  ['skipped', '- dim'],
  ['cancelled', '■ bad'],
  ['interrupted', '‖ warn'],
  ['rolled_back', '↩ warn'],
] as const)('%s looks like %s', (status, expected) => {
  const paint = (name: string) => (text: string) => `${text} ${name}`;
  const paints = {
    good: paint('good'),
    bad: paint('bad'),
    warn: paint('warn'),
    info: paint('info'),
    dim: paint('dim'),
  };
  expect(paintStatus(status, markOf(status), paints)).toBe(expected);
});

test('text in markup is text: nothing becomes a tag, an entity or a second attribute', () => {
  expect(markupText('<a href="x">&amp;</a>\n\t')).toBe('&lt;a href="x"&gt;&amp;amp;&lt;/a&gt;\n\t');
  expect(markupText('a\u0000b\u0008c\u000bd\u000ce\u000ef\u001fg\ufffeh\uffff')).toBe('abcdefgh');
  expect(markupText('\ud800')).toBe('\ufffd');
  expect(markupAttribute('"<\n\t&"')).toBe('&quot;&lt;&#10;&#9;&amp;&quot;');
});

test('a bug that was thrown becomes a failure with what is known of it', () => {
  const error = new Error('mine');
  expect(toFailure(error)).toEqual({ reason: 'unexpected', message: 'mine', stack: error.stack });
  delete error.stack;
  expect(toFailure(error)).toEqual({ reason: 'unexpected', message: 'mine' });
  expect(toFailure('text')).toEqual({ reason: 'unexpected', message: 'text' });
});

test('a failure in words of our own is not tried again', () => {
  const failure = { reason: 'reported', message: 'no', retryable: false };
  expect(reported('no')).toEqual({ ok: false, failure });
});

test('each failure has its exit code, and only what another try may heal is tried again', () => {
  const codes: Record<number, string[]> = {};
  for (const [reason, { exitCode }] of Object.entries(FAILURE_TRAITS)) (codes[exitCode] ??= []).push(reason);
  expect(codes[2]).toEqual(['template-refused', 'condition-invalid', 'run-not-found', 'invalid']);
  expect(codes[4]).toEqual(['run-owned', 'locked']);
  expect(codes[130]).toEqual(['cancelled']);
  expect(Object.keys(codes)).toEqual(['1', '2', '4', '130']);
  const retried = Object.entries(FAILURE_TRAITS).filter(([, { retryable }]) => retryable);
  expect(retried.map(([reason, { retryClass }]) => `${reason}: ${retryClass}`)).toEqual([
    'exit-non-zero: exit',
    'signal: signal',
    'timed-out: timeout',
    'interrupted: lost',
    'executor-unreachable: unreachable',
    'reported: reported',
  ]);
});

/** A log whose journal takes each event when it is told to. */
function slowLog(): {
  readonly log: EventLog;
  readonly pending: PromiseWithResolvers<void>[];
  readonly seen: [RunEvent, RunState][];
} {
  const pending: PromiseWithResolvers<void>[] = [];
  const seen: [RunEvent, RunState][] = [];
  const log = new EventLog({
    runId: 'r',
    journal: {
      append: () => {
        const one = Promise.withResolvers<void>();
        pending.push(one);
        return one.promise;
      },
    },
    clock: fakeClock(),
    state: idleRun('r'),
    observers: [(event, state) => seen.push([event, state])],
  });
  return { log, pending, seen };
}

const cancel = (by: string) => ({ type: 'cancel.requested', by }) as const;

test('an event is folded at once, and shown in order only when it and all before it are durable', async () => {
  const { log, pending, seen } = slowLog();
  log.record(cancel('first'));
  const second = log.append(cancel('second'));
  expect(log.state).toMatchObject({ cancel_requested_by: 'second', last_seq: 1 });
  pending[1]?.resolve();
  await Promise.resolve();
  expect(seen).toEqual([]);
  pending[0]?.resolve();
  await second;
  expect(seen.map(([event]) => event)).toMatchObject([
    { seq: 0, run_id: 'r', by: 'first', at: '2026-01-01T00:00:00.000Z' },
    { seq: 1, run_id: 'r', by: 'second' },
  ]);
  // Each with the state after it, not with that of now.
  expect(seen.map(([, state]) => state.cancel_requested_by)).toEqual(['first', 'second']);
  expect(log.failure).toBe(undefined);
  expect(log.broken.aborted).toBe(false);
});

test('a journal that fails breaks the log: nothing after it is shown, and the first reason stays', async () => {
  const { log, pending, seen } = slowLog();
  const first = log.append(cancel('first'));
  const second = log.append(cancel('second'));
  const full = new Error('full');
  pending[0]?.reject(full);
  await expect(first).rejects.toBe(full);
  pending[1]?.reject(new Error('later'));
  await expect(second).rejects.toBe(full);
  expect(log.failure).toBe(full);
  expect(log.broken.reason).toBe(full);
  expect(seen).toEqual([]);
});

const EXIT = { reason: 'exit-non-zero', exit_code: 1 } as const;

test('a summary says what became of each stage, and why one did not run', () => {
  const state: RunState = {
    ...idleRun('r'),
    status: 'failed',
    created: {
      ...runCreated(pipelineOf([stage('a')]), { environment: 'prod', trigger: 'hook' }),
      seq: 0,
      at: 'then',
      run_id: 'r',
    },
    started_at: 'then',
    finished_at: 'now',
    duration_ms: 0,
    stages: Object.fromEntries(
      (
        [
          ['a', { status: 'passed', attempt: 2, duration_ms: 5 }],
          ['b', { status: 'failed', attempt: 1, failure: EXIT }],
          ['c', { status: 'skipped', attempt: 0 }],
        ] as const
      ).map(([name, change]) => [
        name,
        {
          name,
          kind: 'shell',
          max_attempts: 1,
          attempt_base: 0,
          warnings: [],
          outputs: {},
          cached: false,
          attempts: [],
          steps: {},
          decision: {
            action: name === 'c' ? ('skip' as const) : ('run' as const),
            rule: `rule ${name}`,
            reason: `reason ${name}`,
            evidence: [],
          },
          ...change,
        },
      ]),
    ),
  };
  expect(summarize(state)).toEqual({
    pipeline_id: 'r',
    pipeline: 'demo',
    environment: 'prod',
    status: 'failed',
    trigger: 'hook',
    started_at: 'then',
    finished_at: 'now',
    duration_ms: 0,
    stages: [
      { name: 'a', status: 'passed', duration_ms: 5, attempts: 2 },
      { name: 'b', status: 'failed', attempts: 1 },
      { name: 'c', status: 'skipped' },
    ],
    decisions: [{ action: 'skip', reason: 'reason c', stage: 'c', rule: 'rule c' }],
  });
  expect(summarize(idleRun('r'))).toEqual({
    pipeline_id: 'r',
    pipeline: 'unknown',
    environment: 'default',
    status: 'running',
    trigger: 'manual',
    started_at: '',
    stages: [],
    decisions: [],
  });
});

test('a summary has the changes of an analysis, every category named and none longer than ten', () => {
  const files = Array.from({ length: 12 }, (_, index) => `f${index}`);
  const decision = { action: 'skip_unit_test', rule: 'config-only', reason: 'only config', evidence: [] };
  const changes = {
    any: true,
    head: 'h',
    base: null,
    is_dirty: false,
    files_count: 12,
    categories: { config: files, own: ['x'] },
    counts: { config: 12 },
    is_truncated: false,
    services: {},
  };
  const base = {
    kind: 'shell',
    status: 'passed' as const,
    attempt: 1,
    max_attempts: 1,
    attempt_base: 0,
    warnings: [],
    cached: false,
    attempts: [],
    steps: {},
  };
  const summaryOf = (outputs: RunState['stages'][string]['outputs']) =>
    summarize({
      ...idleRun('r'),
      stages: {
        before: { ...base, name: 'before', outputs: { other: 1 } },
        look: { ...base, name: 'look', outputs },
      },
    });
  const summary = summaryOf({ changes, decisions: [decision] });
  expect(summary.changes).toEqual({
    any: true,
    base: null,
    head: 'h',
    files_count: 12,
    counts: { config: 12 },
    categories: {
      frontend: [],
      backend: [],
      database: [],
      config: files.slice(0, 10),
      test: [],
      own: ['x'],
    },
  });
  expect(summary.decisions).toEqual([
    { action: 'skip_unit_test', reason: 'only config', stage: 'look', rule: 'config-only' },
  ]);
  // Of a kind of the project's own, as it gave them.
  expect(summaryOf({ changes: 'three files' }).changes).toBe('three files');
  expect(summaryOf({})).not.toHaveProperty('changes');
});
