import { isObject } from '../core/json.ts';
import { formatDuration } from '../core/quantities.ts';
import type { Path } from './located.ts';
import { idleKey, isSaid, problem, type SettingCheck, unknownName } from './setting-check.ts';

/** Reports limits that can never be reached, and services that are not deployed. */
export function checkVerify(check: SettingCheck): void {
  const { verify, deploy } = check.settings;
  const { smoke } = verify;
  const at = ['verify', 'smoke'];
  checkLatency(check, [...at, 'max_latency'], smoke.max_latency, smoke.timeout);
  const known = Object.keys(deploy.services);
  for (const [index, endpoint] of smoke.endpoints.entries()) {
    const place = [...at, 'endpoints', index];
    checkLatency(check, [...place, 'max_latency'], endpoint.max_latency ?? 0, smoke.timeout);
    if (endpoint.status < 200) problem(check, [...place, 'status'], `${endpoint.status} is no final answer`);
    const { service: name } = endpoint;
    if (name === undefined || known.includes(name)) continue;
    unknownName(check, [...place, 'service'], { what: 'deploy.services has no', name, known });
  }
  checkWatchdog(check);
}

function checkLatency(check: SettingCheck, at: Path, limitMs: number, timeoutMs: number): void {
  if (limitMs <= timeoutMs) return;
  const timeout = formatDuration(timeoutMs);
  problem(check, at, `a request ends after the timeout of ${timeout} already`, 'Raise verify.smoke.timeout.');
}

function checkWatchdog(check: SettingCheck): void {
  const { duration, interval, strikes, window } = check.settings.verify.watchdog;
  const at = ['verify', 'watchdog'];
  const looks = Math.floor(duration / interval);
  if (looks < 1) {
    const key = isSaid(check, [...at, 'interval']) ? 'interval' : 'duration';
    problem(check, [...at, key], 'the interval must not be longer than the duration: it would never look');
    return;
  }
  const key = isSaid(check, [...at, 'strikes']) ? 'strikes' : 'window';
  if (strikes > window) {
    problem(check, [...at, key], `${strikes} strikes cannot be reached in a window of ${window}`);
  } else if (strikes > looks) {
    const message = `${strikes} strikes cannot be reached: it looks ${looks} times in ${formatDuration(duration)}`;
    problem(check, [...at, key], message);
  }
}

/** Reports what would never be measured, or excused twice. */
export function checkTestSettings(check: SettingCheck): void {
  const { performance, security } = check.settings.test;
  if (performance && !/^(?:https?:\/\/\S+|.*\{\{)/.test(performance.url)) {
    problem(check, ['test', 'performance', 'url'], 'must begin with http:// or https://');
  }
  if (!security) return;
  const seen = new Set<string>();
  for (const [index, { id }] of security.allow.entries()) {
    if (seen.has(id)) problem(check, ['test', 'security', 'allow', index, 'id'], `"${id}" stands here twice`);
    seen.add(id);
  }
}

/** Reports a trigger for an environment that nothing declares. */
export function checkTrigger(check: SettingCheck): void {
  const { environment: name } = check.settings.trigger;
  const { environments } = check.raw;
  if (name === undefined || name === 'default' || !isObject(environments)) return;
  const known = Object.keys(environments);
  if (!known.includes(name))
    unknownName(check, ['trigger', 'environment'], { what: 'there is no environment', name, known });
}

/** Reports a notification that reaches nobody. */
export function checkNotify(check: SettingCheck): void {
  const { notify } = check.settings;
  if (!isSaid(check, ['notify'])) return;
  if (!notify.command && !notify.webhook && !notify.email) {
    problem(check, ['notify'], 'it reaches nobody', 'Add command, webhook or email.');
  }
  const { email } = notify;
  if (!email) return;
  if (email.user !== undefined && email.password === undefined) {
    problem(check, ['notify', 'email', 'user'], 'a login name needs a password', 'Write password: env:NAME.');
  } else if (email.password !== undefined && email.user === undefined) {
    idleKey(check, ['notify', 'email', 'password'], 'a password needs a login name: user');
  }
}
