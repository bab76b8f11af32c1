import { describe, expect, test } from 'vitest';
import { compileCommand, compileValue } from '../../../../src/core/template/compile.ts';
import { isMutated } from '../../../support/mutated.ts';
import { cpuMs } from '../../../support/cpu-time.ts';

describe('a command is refused where a value could not stay data', () => {
  test.each([
    ['echo $((1 + {{.x}}))', 'expression'],
    ['echo "$(( {{.x}} ))"', 'expression'],
    ['((1 + {{.x}}))', 'expression'],
    ['echo `ls {{.x}}`', 'backticks'],
    ['echo "`ls {{.x}}`"', 'backticks'],
    ['echo ${y:-{{.x}}}', '${…}'],
    ['echo "${y#{{.x}}}"', '${…}'],
    ['echo ${y:-$(ls {{.x}})}', '${…}'],
    ["echo $'{{.x}}'", "$'…'"],
    ['echo ${{.x}}', '`$`'],
    ['echo "${{.x}}"', '`$`'],
    ['echo \\{{.x}}', 'backslash'],
    ['echo "\\{{.x}}"', 'backslash'],
    ["cat <<'EOF'\n{{.x}}\nEOF", 'here-document'],
    ['cat <<\\EOF\n{{.x}}\nEOF', 'here-document'],
    ['cat <<{{.x}}\nhello\n', 'delimiter'],
    ['{{.x}} --help', 'program'],
    ['{{.x}}=1', 'name of a variable'],
    ['a{{.x}}=1', 'name of a variable'],
    ['"{{.x}}" arg', 'program'],
    ['A=1 {{.x}}', 'program'],
    ['true; {{.x}}', 'program'],
    ['true && ./bin/{{.x}}', 'program'],
    ['true | {{.x}}', 'program'],
    ['true\n{{.x}}', 'program'],
    ['if {{.x}}; then :; fi', 'program'],
    ['if true; then {{.x}}; fi', 'program'],
    ['while true; do {{.x}}; done', 'program'],
    ['case a in a) {{.x}};; esac', 'program'],
    ['( {{.x}} )', 'program'],
    ['{ {{.x}}; }', 'program'],
    ['! {{.x}}', 'program'],
    ['echo $({{.x}})', 'program'],
    ['$(which {{.x}}) a', 'program'],
    ['>out {{.x}}', 'program'],
    ['exec {{.x}}', 'program'],
    ['command {{.x}}', 'program'],
    ['nohup {{.x}} &', 'program'],
    ['time -p {{.x}}', 'program'],
    ['timeout -k 5 10 {{.x}}', 'program'],
    ['env A=1 {{.x}}', 'program'],
    ['sudo -u root {{.x}}', 'program'],
    ['nice -n 5 {{.x}}', 'program'],
    ['find . -type f | xargs -n 1 {{.x}}', 'program'],
    ['find . -exec {{.x}} \\;', 'program'],
    ['eval {{.x}}', '`eval`'],
    ['eval "echo $(ls {{.x}})"', '`eval`'],
    ['command eval "{{.x}}"', '`eval`'],
    ['trap {{.x}} EXIT', '`trap`'],
    ['. {{.x}}', '`.`'],
    ['source ./{{.x}}', '`source`'],
    ['sh -c {{.x}}', '-c'],
    ['sh -c "ls {{.x}}"', '-c'],
    ["sh -c 'ls {{.x}}'", '-c'],
    ['bash -euo pipefail -c {{.x}}', '-c'],
    ['/bin/dash -ec {{.x}}', '-c'],
    ['zsh --no-rcs -c {{.x}}', '-c'],
    ['exec timeout 5 env -i A=1 sh -c {{.x}}', '-c'],
    ['ls | xargs -I % sh -c "rm {{.x}}"', '-c'],
    ['docker run --rm image sh -c "ls {{.x}}"', '-c'],
    ['kubectl exec pod -- bash -c {{.x}}', '-c'],
    ['find . -exec sh -c {{.x}} \\;', '-c'],
    ['busybox sh -c {{.x}}', '-c'],
    ['sh {{.x}}', 'script'],
    ['su - deploy -c {{.x}}', '`su`'],
    ['ssh host ls {{.x}}', 'ssh'],
    ['ssh -p 22 host "ls {{.x}}"', 'ssh'],
    ['ssh -o ProxyCommand={{.x}} host', 'ssh'],
    ['scp file host:{{.x}}', 'shell on that host'],
    ['rsync -a {{.from}} backup:/data/{{.x}}', 'shell on that host'],
    ['rsync -e {{.x}} a b', 'code'],
    ['python3 -c {{.x}}', 'python3'],
    ['python3 -u -c "print({{.x}})"', 'python3'],
    ['perl -ne {{.x}} file', 'perl'],
    ['node -e {{.x}}', 'node'],
    ['ruby -e {{.x}}', 'ruby'],
    ['php -r {{.x}}', 'php'],
    ["awk '{print {{.x}}}' file", 'awk'],
    ['awk -F , {{.x}} file', 'awk'],
    ['sed s/a/{{.x}}/ file', 'sed'],
    ['sed -n -e {{.x}} file', 'sed'],
    ['psql -c "select {{.x}}"', 'psql'],
    ['echo {{.x}} | sh', 'input'],
    ['echo {{.x}} | sudo bash -s', 'input'],
    ['{ echo {{.x}}; } | { cat | sh; }', 'input'],
    ['echo {{.x}} | ssh host', 'input'],
    ['echo {{.x}} | python3 -', 'input'],
    ['echo {{.x}} | xargs -I % sh -c "echo %"', 'input'],
    ['sh <<EOF\necho {{.x}}\nEOF', 'input'],
    ['sh < {{.x}}', 'input'],
    ['if true; then sh; fi <<EOF\n{{.x}}\nEOF', 'input'],
    ['docker exec -i box sh <<EOF\n{{.x}}\nEOF', 'input'],
    ['echo hi >&{{.x}}', '>&'],
    ['export {{.x}}', '`export`'],
    ['read {{.x}}', '`read`'],
    ['unset {{.x}}', '`unset`'],
    ['for {{.x}} in a; do :; done', 'name'],
    ['PATH={{.x}} ls', 'PATH'],
    ['export LD_PRELOAD={{.x}}', '`export`'],
    ['env BASH_ENV={{.x}} bash -c ls', 'BASH_ENV'],
    ['head -{{.x}} file', 'dash'],
    ['ls --{{.x}}', 'dash'],
    ['tar --to-command={{.x}} -xf a.tar', '--to-command'],
    ['[[ {{.x}} -eq 1 ]]', '[['],
    ['test -v {{.x}}', '-v'],
    ['$SHELL -c {{.x}}', '-c'],
    ['echo "unterminated {{.x}}', 'never closed'],
    ["echo 'unterminated {{.x}}", 'never closed'],
    ['echo $(ls {{.x}}', 'never closed'],
    ['cat <<EOF\n{{.x}}\n', 'never ended'],
    ['cat <<EOF $(ls\n)\n{{.x}}\nEOF', 'here-document'],
    ['echo {{.x}})', 'closes nothing'],
  ])('%s', (text, word) => {
    const compiled = compileCommand(text);
    const messages = compiled.ok ? [] : compiled.failure.map(({ message }) => message);
    expect(messages.join('\n')).toContain(word);
  });
});

describe('a command is taken where a value stays data', () => {
  test.each([
    ['sh -c \'ls "$1"\' sh {{.x}}', 'sh -c \'ls "$1"\' sh "${PW_VALUE_1}"'],
    ['sh build.sh {{.x}}', 'sh build.sh "${PW_VALUE_1}"'],
    [
      'curl -s https://x.test/i.sh | sh -s -- {{.x}}',
      'curl -s https://x.test/i.sh | sh -s -- "${PW_VALUE_1}"',
    ],
    ["awk '{print $1}' {{.x}}", 'awk \'{print $1}\' "${PW_VALUE_1}"'],
    ['awk -v n={{.x}} "{print n}"', 'awk -v n="${PW_VALUE_1}" "{print n}"'],
    ['sed -n 1p {{.x}}', 'sed -n 1p "${PW_VALUE_1}"'],
    ['grep -e {{.x}} file', 'grep -e "${PW_VALUE_1}" file'],
    ['jq .{{.x}} file', 'jq ."${PW_VALUE_1}" file'],
    ['python3 tool.py {{.x}}', 'python3 tool.py "${PW_VALUE_1}"'],
    ['echo {{.x}} | python3 tool.py', 'echo "${PW_VALUE_1}" | python3 tool.py'],
    ['command -v git > {{.x}}', 'command -v git > "${PW_VALUE_1}"'],
    ['ssh -i {{.x}} host ls', 'ssh -i "${PW_VALUE_1}" host ls'],
    ['export A={{.x}}', 'export A="${PW_VALUE_1}"'],
    ['env A={{.x}} make', 'env A="${PW_VALUE_1}" make'],
    ['A={{.x}} make', 'A="${PW_VALUE_1}" make'],
    ['docker run -e V={{.x}} image', 'docker run -e V="${PW_VALUE_1}" image'],
    ['find . -name {{.x}} -exec rm {} \\;', 'find . -name "${PW_VALUE_1}" -exec rm {} \\;'],
    ['if a; then if b; then c {{.x}}; fi fi', 'if a; then if b; then c "${PW_VALUE_1}"; fi fi'],
    ['echo a#{{.x}}', 'echo a#"${PW_VALUE_1}"'],
    ["# it's {{.x}}\nls", "# it's \nls"],
    ['echo "\\$"{{.x}} \\\\{{.x}}', 'echo "\\$""${PW_VALUE_1}" \\\\"${PW_VALUE_1}"'],
    ["echo '${'{{.x}}'}'", "echo '${'\"${PW_VALUE_1}\"'}'"],
    ['echo {{.a}} {{.b.c-d.0}} {{.a}}', 'echo "${PW_VALUE_1}" "${PW_VALUE_2}" "${PW_VALUE_1}"'],
    [`docker ps --format '{{"{{"}}.Names}}' {{.x}}`, `docker ps --format '{{.Names}}' "\${PW_VALUE_1}"`],
    ['echo }} {{.x}}', 'echo }} "${PW_VALUE_1}"'],
  ])('%s', (text, script) => {
    const compiled = compileCommand(text);
    expect(compiled.ok ? compiled.value.script : compiled.failure).toBe(script);
  });
});

test.each([
  ['rm {{.x}}', true],
  ['rm "{{.x}}"', true],
  ["rm ''{{.x}}", true],
  ['rm $y{{.x}}', true],
  ['rm -- {{.x}}', false],
  ['rm ./{{.x}}', false],
  ['npm test -- {{.x}}', false],
  ['sudo -- rm {{.x}}', true],
  ['kubectl exec pod -- rm {{.x}}', true],
  ['ls -- a; rm {{.x}}', true],
  ['ls > {{.x}}', false],
  ['a={{.x}}', false],
  ['for i in {{.x}}; do ls "$i"; done', false],
  ['case {{.x}} in a) ls;; esac', false],
  ['dd if={{.x}}', false],
  ['printf "%s" {{.x}}', false],
  ['printf {{.x}}', true],
  ['echo hello {{.x}}', false],
  ['echo {{.x}}', true],
  ['[ {{.x}} = a ]', false],
  ['[ -n {{.x}} ]', false],
  ['[ {{.x}} ]', true],
  ['git log -n {{.x}}', true],
  ['ls $(dirname {{.x}})', true],
])('in %s a value that begins with a dash could be an option: %s', (text, leads) => {
  const compiled = compileCommand(text);
  expect(compiled.ok ? compiled.value.values.map((value) => value.leads_word) : compiled.failure).toEqual([
    leads,
  ]);
});

test('raw is compiled without a look at where it stands', () => {
  const compiled = compileCommand('{{raw .tool}} {{ raw .tool }} $(( {{raw .n}} + 1 ))');
  expect(compiled.ok && compiled.value.values).toEqual([
    { variable: 'PW_RAW_1', path: 'tool', leads_word: false, raw: true },
    { variable: 'PW_RAW_2', path: 'n', leads_word: false, raw: true },
  ]);
});

test('a command without values is taken as it stands, whatever its syntax', () => {
  const text = 'echo "unterminated $(( ` \'';
  expect(compileCommand(text)).toEqual({ ok: true, value: { text, script: text, values: [] } });
});

test('all problems of a text come at once, in order, with their place and a way out', () => {
  const compiled = compileCommand('eval {{.a}}; echo `{{.b}}`; {{.c}}');
  expect(!compiled.ok && compiled.failure).toMatchObject([
    { offset: 5, hint: expect.stringContaining('{{raw .name}}') },
    { offset: 19, hint: expect.stringContaining('$( … )') },
    { offset: 28 },
  ]);
});

test.each([
  ['{{name}}', 'Write {{.name}}'],
  ['{{ raw name }}', 'Write {{raw .name}}'],
  ['{{}}', '{{"{{"}}'],
  ['{{.a', '{{"{{"}}'],
  ['{{json .}}', '--format'],
  ['{{.a | upper}}', '--format'],
  ['{{.a..b}}', '--format'],
  ['{{{.a}}}', '--format'],
])('%s is no place, and the hint says what to write', (text, hint) => {
  for (const compile of [compileCommand, compileValue]) {
    const compiled = compile(`echo ${text}`);
    expect(!compiled.ok && compiled.failure).toMatchObject([
      { offset: 5, hint: expect.stringContaining(hint) },
    ]);
  }
});

test('a NUL in a command is refused', () => {
  expect(compileCommand('echo \0')).toMatchObject({ ok: false, failure: [{ offset: 5 }] });
});

test('an environment value keeps its text; raw means nothing there', () => {
  expect(compileValue('a {{.x}} $(b) {{.x}}')).toMatchObject({
    ok: true,
    value: { script: 'a {{.x}} $(b) {{.x}}', values: [{ variable: '{{.x}}', path: 'x', raw: false }] },
  });
  expect(compileValue('{{raw .x}}')).toMatchObject({
    ok: false,
    failure: [{ offset: 0, hint: 'Write {{.x}}.' }],
  });
});

test.skipIf(isMutated)('depth and length have no cliff: a problem or a script, quickly', () => {
  const started = cpuMs();
  const deep = compileCommand(`${'echo $('.repeat(5000)}{{.x}}${')'.repeat(5000)}`);
  expect(deep.ok).toBe(false);
  for (const text of ['(', '{ ', 'if ', '"$(', '${a:-', '`', '<<A ', "'", '$((', 'case a in (']) {
    compileCommand(`${text.repeat(5000)}{{.x}}`);
  }
  const long = compileCommand('echo -- {{.x}}\n'.repeat(10_000));
  expect(long.ok).toBe(true);
  expect(cpuMs() - started).toBeLessThan(5000);
});
