import { describe, expect, test } from 'vitest';
import { inspectStaged } from '../../../src/delivery/guard/inspect.ts';
import { triggeredBranches } from '../../../src/delivery/guard/pushed.ts';
import type { Finding } from '../../../src/core/staged.ts';

/** Put together here, so that this file holds nothing that looks like a key. */
const AWS = ['AKIA', 'ABCDEFGH12345678'].join('');
const RANDOM = ['q7Zk2vXw9Lp4RtB8', 'nYc3Hs6D'].join('');

function inspect(path: string, text: string, before?: string): readonly Finding[] {
  const bytes = Buffer.from(text);
  return inspectStaged({
    path,
    sizeBytes: bytes.length,
    text: bytes,
    before: before === undefined ? undefined : Buffer.from(before),
  });
}

describe('secrets', () => {
  test.each([
    ['an AWS access key', `aws = "${AWS}"`],
    ['a GitHub token', `ghp_${'a1'.repeat(18)}`],
    ['a GitLab token', `glpat-${'x1'.repeat(10)}`],
    ['a Stripe key', `sk_live_${'0a'.repeat(12)}`],
    ['a private key', '-----BEGIN RSA PRIVATE KEY-----'],
    ['a Slack webhook', `https://hooks.slack.com/services/T000/B000/${'x'.repeat(24)}`],
  ])('%s is stopped, with its line, and not repeated', (name, line) => {
    expect(inspect('src/a.ts', `one\n${line}\n`)).toEqual([
      { severity: 'block', rule: 'secret', path: 'src/a.ts', line: 2, message: `looks like ${name}` },
    ]);
  });

  test.each([
    `const apiKey = "${RANDOM}";`,
    `password: ${RANDOM}`,
    `"client_secret": "${RANDOM}"`,
    `AUTH_TOKEN=${RANDOM}`,
    'secretKey = "0123456789abcdef0123456789abcdef"',
  ])('%s gives a random value to a secret', (line) => {
    expect(inspect('a.ts', line)).toMatchObject([{ severity: 'block', rule: 'secret', line: 1 }]);
  });

  test.each([
    'password: env:DATABASE_PASSWORD_PRODUCTION',
    'const token = process.env.GITHUB_TOKEN_FOR_RELEASES;',
    'API_KEY=your-api-key-goes-here-12345',
    'secret: xxxxxxxxxxxxxxxxxxxxxxxx',
    'password = "correct horse battery staple"',
    'tokenizer: BertTokenizerFastMultilingual',
    `"integrity": "sha512-${RANDOM}${RANDOM}"`,
    `const id = "${RANDOM}";`,
    `token = "${RANDOM}" // pipewright:allow-secret`,
    'secretName: aaaaaaaaaaaaaaaaaaaaaaaa',
  ])('%s is no secret', (line) => {
    expect(inspect('a.ts', line)).toEqual([]);
  });

  test('a secret that was committed before is not told again', () => {
    const line = `key = ${AWS}\n`;
    expect(inspect('a.ts', `${line}more\n`, line)).toEqual([]);
    expect(inspect('a.ts', `${line}other = ${AWS}\n`, line)).toMatchObject([{ line: 2 }]);
  });

  test('binary files and endless lines are not searched', () => {
    expect(inspect('a.bin', `\0${AWS}`)).toEqual([]);
    expect(inspect('a.js', `${'x'.repeat(5000)} ${AWS}`)).toEqual([]);
  });
});

describe('.env files', () => {
  test.each(['.env', '.env.local', 'apps/web/.env.production'])('%s is stopped', (path) => {
    expect(inspect(path, 'A=1')).toMatchObject([{ severity: 'block', rule: 'env-file' }]);
  });

  test.each(['.env.example', 'a/.env.sample', '.envrc', 'env', 'src/.environment.ts'])(
    '%s may stay',
    (path) => {
      expect(inspect(path, 'A=1')).toEqual([]);
    },
  );
});

describe('JSON and YAML', () => {
  test.each([
    ['a.json', '{"a": 1,\n "b": }\n', 2],
    ['a.json', '', 1],
    ['a.json', '{\n', 1],
    ['a.json', '{"a": [1, 2,\n]}', 2],
    ['a.json', '[1]\n[2]', 2],
    ['a.json', '{"a": 1,\n\n // no\n "b": 2}', 3],
    ['a.json', '[\n01]', 2],
    ['a.json', '{"a"\n= 1}', 2],
    ['a.json', '{"a": "x\ny"}', 1],
    ['a.json', '{"a": 1]', 1],
    ['a.yaml', 'a: 1\nb: [1, 2\n', 3],
    ['a.yml', 'a: "x\n', 2],
  ])('%s that does not parse is stopped at its line', (path, text, line) => {
    expect(inspect(path, text)).toMatchObject([{ severity: 'block', rule: 'not-parsable', line }]);
  });

  test.each([
    ['a.json', '{"a": [1, 2]}'],
    ['bom.json', '\u{feff}{"a": 1}'],
    ['tsconfig.json', '{\n // why\n "a": "http://x", /* b */ "b": [1,],\n}'],
    ['.eslintrc.json', '{"a": 1, // x\n}'],
    ['.vscode/settings.json', '{"a": 1,}'],
    ['a.yaml', 'a: 1\n---\nb: !Ref x\n'],
    ['compose.yml', 'x: &a {k: 1}\ny: *a\n'],
    ['empty.yaml', ''],
    ['notes.txt', '{"a": }'],
  ])('%s parses', (path, text) => {
    expect(inspect(path, text)).toEqual([]);
  });

  test('comments are no JSON elsewhere', () => {
    expect(inspect('data.json', '{"a": 1, // x\n}')).toMatchObject([{ rule: 'not-parsable' }]);
  });

  test('a template that is not YAML yet is only warned of', () => {
    expect(inspect('chart/templates/a.yaml', '{{- if .x }}\na: [\n{{- end }}\n')).toMatchObject([
      { severity: 'warn', rule: 'not-parsable' },
    ]);
  });

  test('a bomb of aliases does not hold the commit up', () => {
    const names = 'abcdefghij'.split('');
    const bomb = names
      .map((name, index) =>
        index === 0
          ? 'a: &a [x,x,x,x,x,x,x,x,x]'
          : `${name}: &${name} [${'*'
              .concat(names[index - 1] ?? '')
              .concat(',')
              .repeat(9)}]`,
      )
      .join('\n');
    expect(inspect('bomb.yaml', bomb)).toEqual([]);
  });
});

test('a file over 10 MB is warned of, and may be committed', () => {
  const file = { path: 'video.mp4', sizeBytes: 11 * 1024 * 1024, text: undefined, before: undefined };
  expect(inspectStaged(file)).toEqual([
    { severity: 'warn', rule: 'large-file', path: 'video.mp4', message: '11 MB: every clone will carry it' },
  ]);
});

describe('branches of a push', () => {
  const zero = '0'.repeat(40);
  const [a, b] = ['a'.repeat(40), 'b'.repeat(40)];
  const pushed = (input: string, branches: readonly string[], isAncestor = true) =>
    triggeredBranches(input, { branches: [...branches] }, () => Promise.resolve(isAncestor));

  test('a branch that is named is offered with its new commits', async () => {
    expect(await pushed(`refs/heads/main ${b} refs/heads/main ${a}\n`, ['main'])).toEqual([
      { branch: 'main', commits: `${a}..${b}` },
    ]);
    expect(await pushed(`refs/heads/x ${b} refs/heads/release/2 ${a}\n`, ['release/*'])).toHaveLength(1);
  });

  test.each([
    [`refs/heads/x ${b} refs/heads/feature/main ${a}\n`],
    [`refs/heads/x ${b} refs/heads/main2 ${a}\n`],
    [`refs/tags/main ${b} refs/tags/main ${a}\n`],
    [`(delete) ${zero} refs/heads/main ${a}\n`],
    [''],
  ])('%j is not offered', async (input) => {
    expect(await pushed(input, ['main'])).toEqual([]);
  });

  test('a new branch, and one with another history, is about its last commit', async () => {
    expect(await pushed(`refs/heads/main ${b} refs/heads/main ${zero}\n`, ['main'])).toEqual([
      { branch: 'main', commits: b },
    ]);
    expect(await pushed(`refs/heads/main ${b} refs/heads/main ${a}\n`, ['main'], false)).toEqual([
      { branch: 'main', commits: b },
    ]);
  });
});
