import { expect, test } from 'vitest';
import type { RunState } from '../../../src/core/run-state.ts';
import { pendingStage, type StageState } from '../../../src/core/stage-state.ts';
import { idleRun } from '../../../src/core/run-state.ts';
import { runHtml } from '../../../src/reporters/html.ts';
import { runJunit } from '../../../src/reporters/junit.ts';
import { readJunit } from '../../../src/delivery/reports/junit.ts';

const EVENT = { seq: 1, at: '2026-02-06T16:00:00.000+09:00', run_id: 'r' };

function stage(name: string, change: Partial<StageState>): StageState {
  return { ...pendingStage(name, 'shell'), status: 'passed', attempt: 1, duration_ms: 1500, ...change };
}

function step(name: string, failed: boolean): StageState['steps'] {
  const facts = { stage: 's', step: name, attempt: 1 };
  return {
    [name]: {
      started: {
        ...EVENT,
        ...facts,
        type: 'step.started',
        index: 1,
        total: 1,
        command: `run <${name}> && "x"`,
        context: 'local',
        log: `logs/${name}.log`,
        token: 't',
      },
      finished: {
        ...EVENT,
        ...facts,
        type: 'step.finished',
        duration_ms: 1500,
        log_bytes: 3,
        adopted: false,
        ...(failed && {
          failure: {
            reason: 'exit-non-zero',
            exit_code: 3,
            step: name,
            tail: ['<script>alert(1)</script>', '\u001b[31mred\u001b[0m'],
          },
        }),
      },
    },
  };
}

const RUN: RunState = {
  ...idleRun('20260206-160000-a1b2c3d'),
  status: 'failed',
  stages: {
    good: stage('good', { steps: step('one', false) }),
    bad: stage('bad', {
      status: 'failed',
      steps: step('two', true),
      failure: { reason: 'exit-non-zero', exit_code: 3 },
    }),
    judged: stage('judged', {
      status: 'failed',
      steps: step('three', false),
      failure: { reason: 'reported', message: 'too slow', retryable: false },
    }),
    left: stage('left', {
      status: 'skipped',
      attempt: 0,
      decision: { action: 'skip', rule: 'need-unmet', reason: 'bad failed', evidence: [] },
    }),
  },
};

test('a run as JUnit: a suite per stage, a test per step; what the stage itself found is a test, too', () => {
  const xml = runJunit(RUN);
  expect(readJunit(xml)?.map(({ name, status, message }) => [name, status, message])).toEqual([
    ['good > one', 'passed', undefined],
    ['bad > two', 'failed', 'step "two" exited with code 3'],
    ['judged > three', 'passed', undefined],
    ['judged > judged', 'failed', 'too slow'],
    ['left > left', 'skipped', undefined],
  ]);
  expect(xml).toContain('tests="5" failures="2" errors="0" skipped="1" time="4.500"');
});

test('a run as a page: nothing that it quotes becomes markup, and the page may run nothing', () => {
  const html = runHtml(RUN);
  expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
  expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
  expect(html).not.toContain('<script');
  expect(html).not.toContain('\u001b');
  expect(html).toContain('$ run &lt;two&gt; &amp;&amp; "x"');
  expect(html).toMatch(/<details class="stage" id="bad" open>/);
  expect(html).toContain('skip: bad failed [need-unmet]');
});
