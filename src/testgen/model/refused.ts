import type { Language } from '../characterize/value.ts';

/** What no unit test needs and what could do harm: a test that a model wrote is run before a person has read it. */
const JAVASCRIPT: readonly (readonly [RegExp, string])[] = [
  [/child_process|worker_threads|['"](?:node:)?cluster['"]|\bexeca\b|\bzx\b/, 'start programs'],
  [
    /['"](?:node:)?(?:net|http|https|http2|dgram|tls|dns|inspector|vm|repl)['"]|\bfetch\s*\(|\bWebSocket\b|XMLHttpRequest/,
    'reach the network',
  ],
  [
    /\beval\s*\(|\bnew\s+Function\b|\bFunction\s*\(|process\s*\.\s*binding|\bimport\s*\(\s*[^'")\s]/,
    'run text as code',
  ],
  [
    /\b(?:writeFile|appendFile|unlink|rmdir|rename|truncate|symlink|copyFile|createWriteStream|chmod|mkdtemp|mkdir)(?:Sync)?\b|\brm(?:Sync)?\s*\(/,
    'write files',
  ],
  [
    /process\s*\.\s*(?:env|kill|exit|abort|chdir|dlopen)\b|process\s*\[/,
    'read the environment or end the process',
  ],
];
const PYTHON: readonly (readonly [RegExp, string])[] = [
  [
    /\bsubprocess\b|\bos\s*\.\s*(?:system|popen|exec\w*|spawn\w*|fork|kill|posix_spawn)|\bpty\b|\bmultiprocessing\b/,
    'start programs',
  ],
  [
    /\bsocket\b|\burllib\b|\brequests\b|\bhttpx\b|\bhttp\.client\b|\bftplib\b|\bsmtplib\b|\baiohttp\b/,
    'reach the network',
  ],
  [
    /(?<![\w.])(?:eval|exec|compile|__import__)\s*\(|\bctypes\b|\bimportlib\b|__builtins__/,
    'run text as code',
  ],
  [
    /\bshutil\b|\bos\s*\.\s*(?:remove|unlink|rename|rmdir|mkdir|makedirs|chmod|symlink)|\bopen\s*\([^)]*['"][wax+]|\bwrite_(?:text|bytes)\b|\.unlink\s*\(/,
    'write files',
  ],
  [/\bos\s*\.\s*(?:environ|getenv|_exit)\b|\bsys\s*\.\s*exit\b/, 'read the environment or end the process'],
];
const GO: readonly (readonly [RegExp, string])[] = [
  [/"os\/exec"|"syscall"|"unsafe"|"plugin"/, 'start programs'],
  [/"net(?:\/[\w/]+)?"/, 'reach the network'],
  [
    /\bos\s*\.\s*(?:Remove|RemoveAll|WriteFile|Create|Rename|Mkdir|MkdirAll|Chmod|Exit|Getenv|Environ|Setenv)\b/,
    'write files or read the environment',
  ],
];

/** What the text would do that it must not; undefined when it does nothing of that kind. A first guard, not a cage. */
export function refusedIn(text: string, language: Language): string | undefined {
  const rules = language === 'python' ? PYTHON : language === 'go' ? GO : JAVASCRIPT;
  return rules.find(([pattern]) => pattern.test(text))?.[1];
}
