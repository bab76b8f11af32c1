import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { bindCommand } from '../../../../src/core/template/bind.ts';
import { compileCommand } from '../../../../src/core/template/compile.ts';

/** Where a script may write; the folder it runs in must stay empty, or a value was executed. */
let folder = '';
let out = '';
let work = '';

beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-template-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  out = mkdtempSync(path.join(folder, 'out-'));
  work = mkdtempSync(path.join(folder, 'work-'));
});

const SHELLS = ['/bin/sh', '/bin/bash'].filter((shell) => existsSync(shell));
const SEED = Number(process.env['TEMPLATE_SEED'] ?? 20_260_101);
const RUNS_FACTOR = Number(process.env['TEMPLATE_RUNS_FACTOR'] ?? 1);

function run(shell: string, script: string, env: Readonly<Record<string, string>>) {
  const result = spawnSync(shell, ['-c', script], {
    cwd: work,
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', OUT: out, LC_ALL: 'C', ...env },
    // A socket as standard input would make bash read its start-up files.
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 5000,
  });
  return { status: result.status, stdout: result.stdout, stderr: result.stderr.toString() };
}

const HOSTILE = [
  '',
  ' ',
  '\n',
  'a\nb\n\n',
  '$(touch canary)',
  '`touch canary`',
  '"; touch canary; "',
  "'; touch canary; '",
  "'$(touch canary)'",
  '"$(touch canary)"',
  '; touch canary;',
  '| touch canary',
  '& touch canary &',
  '> canary',
  '\nEOF\ntouch canary\n',
  '\nE\ntouch canary\n',
  ')touch canary',
  '};touch canary',
  ';; esac; touch canary',
  'done; touch canary',
  'x[$(touch canary)]',
  '${x:=$(touch canary)}',
  '$((1+$(touch canary)))',
  '$HOME',
  '${PATH}',
  '*',
  '?',
  '[a-z]*',
  '~',
  '~root',
  '!',
  '!!',
  '#',
  '\\',
  '\\\\',
  'a\\',
  "'",
  '"',
  '`',
  '$',
  '-rf',
  '--',
  '-',
  '-n',
  '-e x',
  '=',
  'A=1',
  '%s%n',
  '{a,b}',
  '{{.v}}',
  '\t\r\v\f\b\u0007\u001B[31m\u007F',
  '\u0001\u0081\u0082\u0088',
  'é中\u{1F600}\u202E\uFEFF\u2028',
  'if then fi esac done { } ( )',
];

const hostileText = fc
  .oneof(
    fc.constantFrom(...HOSTILE),
    fc.array(fc.constantFrom(...HOSTILE), { minLength: 2, maxLength: 5 }).map((parts) => parts.join('')),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.string({ unit: fc.constantFrom(...Array.from('\'"`$\\(){}<>|&;!*?[]~#= \n\t-aE')), maxLength: 30 }),
  )
  .map((text) => text.replaceAll('\0', '').toWellFormed());

interface Shape {
  readonly template: string;
  /** What must be in the file $OUT/<n>. */
  readonly expected: (value: string) => string;
  /** An option would be read there: such a value must be refused. */
  readonly leads?: boolean;
}

const same = (value: string): string => value;

const SHAPES: readonly Shape[] = [
  { template: 'printf %s {{.v}} > "$OUT/N"', expected: same },
  { template: 'printf %s "{{.v}}" > "$OUT/N"', expected: same },
  { template: 'printf %s \'{{ .v }}\' > "$OUT/N"', expected: same },
  { template: 'printf %s "a{{.v}}b" > "$OUT/N"', expected: (v) => `a${v}b` },
  { template: 'printf %s \'a\'{{.v}}\'b\'{{.v}}"c" > "$OUT/N"', expected: (v) => `a${v}b${v}c` },
  { template: 'printf %s a{{.v}}b > "$OUT/N"', expected: (v) => `a${v}b` },
  { template: 'printf %s --option={{.v}} > "$OUT/N"', expected: (v) => `--option=${v}` },
  { template: 'printf "%s|" {{.v}} {{.v}}{{.v}} > "$OUT/N"', expected: (v) => `${v}|${v}${v}|` },
  { template: 'cat > "$OUT/N" <<EOF\n<{{.v}}> " \' {{.v}}\nEOF', expected: (v) => `<${v}> " ' ${v}\n` },
  { template: 'cat > "$OUT/N" <<-E\n\t"{{.v}}"\n\tE', expected: (v) => `"${v}"\n` },
  { template: 'cat <<"A" - > "$OUT/N" <<B\nA {\nA\n{{.v}}\nB', expected: (v) => `${v}\n` },
  { template: 'printf %s "$(printf %s. {{.v}})" > "$OUT/N"', expected: (v) => `${v}.` },
  {
    template: 'printf %s "$(printf \'%s.\' "$(printf %s, \'{{.v}}\')")" > "$OUT/N"',
    expected: (v) => `${v},.`,
  },
  { template: 'cat > "$OUT/N" <<E\n$(printf %s. "{{.v}}" \')\')\nE', expected: (v) => `${v}.).\n` },
  { template: 'x={{.v}}; printf %s "$x" > "$OUT/N"', expected: same },
  { template: 'x=\'a \'"{{.v}}"; printf %s "$x" > "$OUT/N"', expected: (v) => `a ${v}` },
  { template: 'x={{.v}} sh -c \'printf %s "$x"\' > "$OUT/N"', expected: same },
  { template: 'export y="{{.v}}"; printf %s "$y" > "$OUT/N"', expected: same },
  { template: 'for i in {{.v}} end; do printf "%s|" "$i"; done > "$OUT/N"', expected: (v) => `${v}|end|` },
  {
    template: 'case {{.v}} in "{{.v}}") printf yes ;; (*) printf no; esac > "$OUT/N"',
    expected: () => 'yes',
  },
  { template: 'case "a"{{.v}} in a{{.v}}) printf %s {{.v}};; esac > "$OUT/N"', expected: same },
  { template: 'if [ {{.v}} = "{{.v}}" ]; then printf %s {{.v}}; fi > "$OUT/N"', expected: same },
  { template: 'f() { printf "%s|" "$@"; }\nf -- {{.v}} > "$OUT/N"', expected: (v) => `--|${v}|` },
  { template: '# {{.v}} \'\nprintf %s {{.v}} > "$OUT/N" # it\'s {{.v}}', expected: same },
  { template: '{ printf %s {{.v}} | cat; } > "$OUT/N"', expected: same },
  { template: '(printf %s {{.v}}) 2>/dev/null >"$OUT/N"', expected: same },
  { template: 'true && ! false || : "{{.v}}"\nprintf %s \\\n  {{.v}} > "$OUT/N"', expected: same },
  {
    template: 'sh -c \'printf %s "$1"\' sh -- {{.v}} > /dev/null\nprintf %s {{.v}} > "$OUT/N"',
    expected: same,
  },
  { template: 'env printf "%s|" "x" {{.v}} > "$OUT/N"', expected: (v) => `x|${v}|` },
  { template: 'set -- {{.v}}; printf %s "$1" > "$OUT/N"', expected: same },
  { template: 'f2() { printf %s "$1"; }; f2 {{.v}} > "$OUT/N"', expected: same, leads: true },
];

test.each(SHELLS)('every value arrives byte by byte in every quoting context of %s', (shell) => {
  const compiled = SHAPES.map((shape, index) => ({
    ...shape,
    ...accepted(shape.template.replaceAll('$OUT/N', `$OUT/${index}`)),
  }));
  const check = (value: string): void => {
    const scripts: string[] = [];
    let env: Readonly<Record<string, string>> = {};
    const isRun = compiled.map((shape) => {
      const bound = bindCommand(shape.template, { v: value });
      expect(bound.ok, `${shape.template.text} with ${JSON.stringify(value)}`).toBe(
        !(shape.leads === true && value.startsWith('-')),
      );
      if (!bound.ok) return false;
      scripts.push(bound.value.script);
      env = bound.value.env;
      return true;
    });
    const { stderr } = run(shell, scripts.join('\n'), env);
    compiled.forEach((shape, index) => {
      if (!isRun[index]) return;
      const got = readFileSync(path.join(out, String(index)));
      const about = { template: shape.template.text, value, stderr };
      const isSame = got.equals(Buffer.from(shape.expected(value)));
      expect({ isSame, ...about }).toEqual({ isSame: true, ...about });
    });
    expect(readdirSync(work), `a value was executed: ${JSON.stringify(value)}`).toEqual([]);
  };
  for (const value of HOSTILE) check(value);
  check('"$(touch canary)\' \n'.repeat(5_000));
  fc.assert(fc.property(hostileText, check), { seed: SEED, numRuns: 25 * RUNS_FACTOR });
});

test('a redirection target is one file name, whatever the value holds', () => {
  const { template } = accepted('printf x > "$OUT/"{{.v}}');
  const names = HOSTILE.filter((name) => !name.includes('/') && !['', '.', '..'].includes(name));
  const made = new Set<string>();
  for (const name of names) {
    const bound = bindCommand(template, { v: name });
    if (!bound.ok) throw new Error(JSON.stringify(bound.failure));
    const { stderr } = run('/bin/sh', bound.value.script, bound.value.env);
    made.add(name);
    expect({ made: new Set(readdirSync(out)), stderr }).toEqual({ made, stderr: '' });
  }
  expect(readdirSync(work)).toEqual([]);
});

/** Commands that print the value and a dot, and ways to put a command into another that prints the same. */
const INNERMOST = [
  "printf '%s.' {{.v}}",
  'printf "%s." "{{.v}}"',
  "printf %s '{{.v}}'.",
  'x="{{.v}}"\nprintf %s "$x".',
  'cat <<A\n{{.v}}.\nA',
  "cat <<-\\A - <<B\n$it's\n\tA\n{{.v}}.\nB",
  'printf %s. -- {{.v}} >/dev/null; printf %s {{.v}}.',
];
const AROUND: readonly ((command: string, label: string) => string)[] = [
  (command) => `(\n${command}\n)`,
  (command) => `{\n${command}\n}`,
  (command) => `if false; then :; else\n${command}\nfi`,
  (command) => `for i in 1; do\n${command}\ndone`,
  (command) => `n=1\nwhile [ "$n" = 1 ]; do n=2\n${command}\ndone`,
  (command) => `case a in\nb) : ;;\n(a)\n${command}\n;;\nesac`,
  (command) => `printf %s "$(\n${command}\n)"`,
  (command, label) => `y${label}=$(\n${command}\n)\nprintf %s "$y${label}"`,
  (command, label) => `cat <<E${label}\n$(\n${command}\n)\nE${label}`,
  (command, label) => `f${label}() {\n${command}\n}\nf${label}`,
  (command) => `# it's "a" comment {{.v}}\n${command}`,
  (command) => `: "it's" 'a "' \\' $(: ')')\n${command}`,
  (command) => `{\n${command}\n} | cat`,
  (command) => `: \${none:-"}'"} \`: "it's"\` $((1 + (2)))\n${command}`,
  (command) => `false ||\n{\n${command}\n} 2>&1`,
];

const nested = fc
  .record({
    inner: fc.constantFrom(...INNERMOST),
    around: fc.array(fc.constantFrom(...AROUND), { maxLength: 6 }),
    value: hostileText,
  })
  .map(({ inner, around, value }) => ({
    value,
    text: around.reduce((command, wrap, index) => wrap(command, `_${index}`), inner),
  }));

test('a value arrives through any nesting of commands', () => {
  fc.assert(
    fc.property(nested, ({ text, value }) => {
      const bound = bindCommand(accepted(text).template, { v: value });
      if (!bound.ok) throw new Error(JSON.stringify(bound.failure));
      for (const shell of SHELLS) {
        const { stdout, stderr } = run(shell, bound.value.script, bound.value.env);
        expect(stdout.toString().replace(/\n+$/, ''), `${shell}: ${text}\n${stderr}`).toBe(`${value}.`);
      }
      expect(readdirSync(work)).toEqual([]);
    }),
    { seed: SEED, numRuns: 120 * RUNS_FACTOR },
  );
});

const SOUP = [
  '"',
  "'",
  '`',
  '$(',
  '$((',
  '))',
  ')',
  '(',
  '{',
  '}',
  '${x:-',
  '\\',
  '#',
  ';',
  ';;',
  '\n',
  ' ',
  ' ',
  '|',

  '&&',
  '<<E\n',
  "<<'E'\n",
  'E\n',
  '\nE\n',
  'if true\nthen ',
  '\nfi\n',
  'case a in a) ',
  ' esac',
  ' do ',
  ' done ',
  'printf %s ',
  'eval ',
  'sh -c ',
  'x=',
  'echo ',
  '>f ',
  '$x',
  "$'",
  ' -- ',
  'set ',
  'a',
  '=',

  '! ',
  '[[ ',
  ' ]]',
  'export ',
  'for i in ',
  'for ',
  'trap ',
  'read ',
  'test -v ',
  'xargs ',
  '. ',
  '<<<',
];
const soup = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...SOUP) },
      { weight: 1, arbitrary: fc.constant('{{.v}}') },
    ),
    {
      minLength: 2,
      maxLength: 14,
    },
  )
  .map((parts) => parts.join(''));

test('no shell text around a place makes the value run: it is refused, or stays data', () => {
  // One value that breaks out of most contexts, so that a single run asks about all of them.
  const value = '$(touch canary)`touch canary`\n"\'\ntouch canary\n;touch canary;\nE\ntouch canary\n';
  let compiledCount = 0;
  fc.assert(
    fc.property(soup, (text) => {
      const compiled = compileCommand(text);
      if (!compiled.ok || compiled.value.values.length === 0) return;
      compiledCount += 1;
      const bound = bindCommand(compiled.value, { v: value });
      if (!bound.ok) return;
      for (const shell of compiledCount % 3 === 0 ? SHELLS : ['/bin/sh'])
        run(shell, bound.value.script, bound.value.env);
      const isExecuted = existsSync(path.join(work, 'canary'));
      rmSync(path.join(work, 'canary'), { force: true });
      expect({ text, isExecuted }).toEqual({ text, isExecuted: false });
    }),
    { seed: SEED, numRuns: 5000 * RUNS_FACTOR },
  );
  expect(compiledCount).toBeGreaterThan(100 * Math.min(1, RUNS_FACTOR));
});

test('an array index smuggled through a name or an expression is not calculated', () => {
  const value = 'x[$(touch canary)]';
  const texts = [
    '[ {{.v}} = 1 ]',
    'test -n {{.v}}',
    'echo {{.v}} > /dev/null',
    'exit {{.v}}',
    'shift {{.v}}',
    'printf {{.v}}',
  ];
  for (const text of texts) {
    const bound = bindCommand(accepted(text).template, { v: value });
    if (!bound.ok) throw new Error(JSON.stringify(bound.failure));
    for (const shell of SHELLS) run(shell, bound.value.script, bound.value.env);
  }
  expect(readdirSync(work)).toEqual([]);
});

function accepted(text: string) {
  mkdirSync(out, { recursive: true });
  const compiled = compileCommand(text);
  if (!compiled.ok) throw new Error(`${text}\n${JSON.stringify(compiled.failure)}`);
  return { template: compiled.value };
}
