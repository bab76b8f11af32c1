import { expect, test } from 'vitest';
import { inheritedEnvironment } from '../../../src/executors/local/environment.ts';
import { stopFailure } from '../../../src/executors/local/outcome.ts';
import { parseClaim, parseExitRecord } from '../../../src/executors/local/records.ts';

const STAT =
  '4711 (sh) S 1 4711 4711 0 -1 4194560 100 0 0 0 0 0 0 0 20 0 1 0 987654 2560000 200 18446744073709551615';

test.each([
  [`boot-1 ${STAT}\n`, { bootId: 'boot-1', pid: 4711, startTime: '987654' }],
  [
    '- 4711 () - Sat Nov 21 11:00:00 2026\n',
    { bootId: '-', pid: 4711, startTime: 'Sat Nov 21 11:00:00 2026' },
  ],
  [`boot-1 ${STAT.replace('(sh)', '(a) b (c)')}\n`, { bootId: 'boot-1', pid: 4711, startTime: '987654' }],
  ['cancelled\n', 'cancelled'],
  ['', undefined],
  ['boot-1 4711 (sh) S 1', undefined],
  ['boot-1 4711 (sh) S 1\n', undefined],
  ['nonsense\n', undefined],
])('the claim %j is read, or known to be unfinished', (text, claim) => {
  expect(parseClaim(text)).toEqual(claim);
});

test.each([
  [
    'exit 3\n0m0.00s 0m0.00s\n1m0.25s 0m0.500000s\n',
    { type: 'exited', exitCode: 3, usage: { cpu_user_ms: 60_250, cpu_system_ms: 500 } },
  ],
  ['exit 0\n', { type: 'exited', exitCode: 0, usage: {} }],
  ['exit 1', undefined],
  ['', undefined],
  ['exit x\n', undefined],
  ['orphan-killed\n', { type: 'orphan-killed' }],
  ['limit-unavailable\n', { type: 'limit-unavailable' }],
])('the exit record %j is read, or known to be torn', (text, record) => {
  expect(parseExitRecord(text)).toEqual(record);
});

test('commands inherit our environment without what is only ours', () => {
  expect(
    inheritedEnvironment(
      { HOME: '/h', PIPEWRIGHT_STATE: 'x', NODE_CHANNEL_FD: '3', TOKEN: 't', GONE: undefined },
      ['TOKEN'],
    ),
  ).toEqual({ HOME: '/h' });
});

test('what npm adds is taken away again, what the user set stays', () => {
  expect(
    inheritedEnvironment({
      npm_lifecycle_event: 'start',
      npm_package_name: 'x',
      npm_config_user_agent: 'npm',
      npm_config_registry: 'https://registry.example',
      INIT_CWD: '/p',
      NODE: '/n',
      NODE_OPTIONS: '--max-old-space-size=1',
      PATH: '/p/node_modules/.bin:/node_modules/.bin:/x/npm/node-gyp-bin:/usr/bin:/u/node_modules/.bin',
    }),
  ).toEqual({
    npm_config_registry: 'https://registry.example',
    NODE_OPTIONS: '--max-old-space-size=1',
    PATH: '/usr/bin:/u/node_modules/.bin',
  });
});

test.each([
  [
    { reason: 'timed-out', limit_ms: 1, scope: 'step' },
    { reason: 'timed-out', limit_ms: 1, scope: 'step' },
  ],
  [
    { kind: 'cancel', cause: 'SIGINT' },
    { reason: 'cancelled', by: 'SIGINT' },
  ],
  ['key q', { reason: 'cancelled', by: 'key q' }],
  [{ reason: 'no such reason' }, { reason: 'cancelled', by: 'signal' }],
  [undefined, { reason: 'cancelled', by: 'signal' }],
])('stopped for %j', (reason, failure) => {
  expect(stopFailure(reason)).toEqual(failure);
});
