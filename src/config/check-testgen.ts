import { idleKey, isSaid, problem, type SettingCheck } from './setting-check.ts';

const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;
const AT = ['testgen', 'model'];

/** Keys that mean something to a provider, beside the limits. */
const OWN_KEYS = {
  none: [],
  command: ['command'],
  anthropic: ['url', 'model', 'api_key'],
  openai: ['url', 'model', 'api_key'],
} as const;

/** Reports a language model that could not be asked, and a key that would travel in the open. */
export function checkTestgen(check: SettingCheck): void {
  if (!isSaid(check, AT)) return;
  const { model } = check.settings.testgen;
  const { provider } = model;
  if (provider === 'command' && !model.command) {
    problem(check, [...AT, 'provider'], 'the provider "command" needs command: [program, argument]');
  }
  const own: readonly string[] = OWN_KEYS[provider];
  for (const key of [...OWN_KEYS.command, ...OWN_KEYS.openai]) {
    if (own.includes(key) || !isSaid(check, [...AT, key])) continue;
    idleKey(check, [...AT, key], `${key} does nothing with the provider "${provider}"`);
  }
  if (provider === 'anthropic' || provider === 'openai') checkHttp(check);
}

function checkHttp(check: SettingCheck): void {
  const { provider, model, url, api_key: key } = check.settings.testgen.model;
  const needs = (what: string): void =>
    problem(check, [...AT, 'provider'], `the provider "${provider}" needs ${what}`);
  if (model === undefined) needs('model: which one is asked');
  if (url === undefined) {
    if (key === undefined) needs('api_key: env:NAME');
    return;
  }
  const { protocol, hostname = '' } = URL.parse(url) ?? {};
  if (key !== undefined && protocol === 'http:' && !LOOPBACK.test(hostname)) {
    problem(check, [...AT, 'url'], 'the key would travel unencrypted', 'Begin it with https://.');
  }
}
