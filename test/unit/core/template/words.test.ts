import { expect, test } from 'vitest';
import { bindCommand } from '../../../../src/core/template/bind.ts';
import { compileCommand, compileValue } from '../../../../src/core/template/compile.ts';

/* Which words of a command are its program, its options, and code: where one of them is misread, a value could run. */

/** Whether each value could be read as an option; the refusals where there are some. */
function leads(text: string): readonly boolean[] | string {
  const compiled = compileCommand(text);
  return compiled.ok
    ? compiled.value.values.map((value) => value.leads_word)
    : compiled.failure.map(({ message }) => message).join('\n');
}

function messages(text: string): readonly string[] {
  const compiled = compileCommand(text);
  return compiled.ok ? [] : compiled.failure.map(({ message }) => message);
}

test.each([
  // Programs that take no options at all.
  [': {{.x}}', [false]],
  ['true {{.x}}', [false]],
  ['false {{.x}}', [false]],
  // What `[` and `test` compare stands where POSIX says it does; anything else is looked at.
  ['test {{.x}} = a', [false]],
  ['test -n {{.x}}', [false]],
  ['test {{.x}}', [true]],
  ['[ a = {{.x}} ]', [false]],
  ['[ {{.x}} = {{.y}} ]', [false, false]],
  ['[ a $op {{.x}} ]', [true]],
  ['[ $op {{.x}} ]', [true]],
  ['[ -n {{.x}} -a b ]', [true]],
  ['[ a = {{.x}} -o b = c ]', [true]],
  ['tester {{.x}} = a', [true]],
  // `--` ends the options of the program it is for.
  ['rm -f -- {{.x}} {{.y}}', [false, false]],
  ['rm {{.x}} -- {{.y}}', [true, false]],
  ['docker run image rm {{.x}}', [true]],
  ['docker run -- image rm {{.x}}', [true]],
  ['docker run -- image rm -- {{.x}}', [false]],
  ['sudo rm -- {{.x}}', [false]],
  ['sudo docker exec -- box rm {{.x}}', [true]],
  ['npx -- tool {{.x}}', [true]],
  // Text in front: echo and printf look no further.
  ['echo a {{.x}} {{.y}}', [false, false]],
  ['echo -n {{.x}}', [true]],
  ['echo -n a {{.x}}', [true]],
  ['echo $y {{.x}}', [true]],
  ['echo {{.x}} {{.y}}', [true, true]],
  ['printf %s {{.x}}', [false]],
  ['printf -- {{.x}}', [false]],
  ['/bin/echo a {{.x}}', [false]],
  ['sudo echo a {{.x}}', [false]],
  ['cat a {{.x}}', [true]],
  // A program of a wrapper.
  ['timeout 5 rm {{.x}}', [true]],
  ['timeout 5 rm -- {{.x}}', [false]],
  ['env A=1 B=2 rm -- {{.x}}', [false]],
  ['A=1 rm -- {{.x}}', [false]],
])('in %s: %j', (text, expected) => {
  expect(leads(text)).toEqual(expected);
});

/** What is said where the value would be code of a program, its name, or a script of a shell. */
const PROGRAM = 'A value cannot choose the program that runs, or the name of a variable.';
const code = (name: string): string => `\`${name}\` reads this argument as code of its own.`;
const shellCode = (name: string): string => `\`${name} -c\` reads this argument as code.`;
const SCRIPT = 'A value cannot choose the script that runs.';
const INPUT = 'The value reaches the input of a program that runs what it reads.';

test.each([
  // Options of wrappers, with and without arguments, before the program they run.
  ['timeout -s KILL 5 {{.x}}', PROGRAM],
  ['timeout --signal KILL 5 {{.x}}', PROGRAM],
  ['timeout 5 {{.x}}', PROGRAM],
  ['nice -n 5 -- {{.x}}', PROGRAM],
  ['env -u A -i B=1 {{.x}}', PROGRAM],
  ['sudo -E -u root nice -n 1 {{.x}}', PROGRAM],
  ['chroot /x {{.x}}', PROGRAM],
  ['flock -w 5 file {{.x}}', PROGRAM],
  ['/usr/bin/env {{.x}}', PROGRAM],
  ['exec -a name {{.x}}', PROGRAM],
  ['xargs -0 -n 1 {{.x}}', PROGRAM],
  ['xargs --replace X {{.x}}', PROGRAM],
  ['sudo --chdir folder {{.x}}', PROGRAM],
  ['stdbuf --output L {{.x}}', PROGRAM],
  // Behind a launcher as if they stood alone.
  ['docker run image timeout 5 {{.x}}', PROGRAM],
  ['docker exec box sudo -u root {{.x}}', PROGRAM],
  ['kubectl exec pod -- env {{.x}}', PROGRAM],
  // Code by a short option, in a group, glued to it, by a long one.
  ['perl -e {{.x}}', code('perl')],
  ['perl -lne {{.x}}', code('perl')],
  ['perl -e{{.x}}', code('perl')],
  ['perl -lne{{.x}}', code('perl')],
  ['node --print {{.x}}', code('node')],
  ['node --print={{.x}}', code('node')],
  ['node --require ./a.js --print {{.x}}', code('node')],
  ['python3 -W ignore -c {{.x}}', code('python3')],
  // A letter inside the argument of another option is no option: what stands behind it is still looked at.
  ['python3 -Wc -c {{.x}}', code('python3')],
  ['perl -MStorable -e {{.x}}', code('perl')],
  ['perl -Mfeature -ne {{.x}} file', code('perl')],
  ['ruby -rbundle -e {{.x}}', code('ruby')],
  ['/usr/bin/python3 -c {{.x}}', code('python3')],
  ['psql -h host -c {{.x}}', code('psql')],
  ['psql --set v={{.x}}', code('psql')],
  ['sqlite3 db {{.x}}', code('sqlite3')],
  ['deno eval {{.x}}', code('deno')],
  // The first operand is the code, unless an option gave it.
  ['awk {{.x}} file', code('awk')],
  ['awk -v a=1 -F : {{.x}} file', code('awk')],
  ['sed -n {{.x}} file', code('sed')],
  ['sed --expression={{.x}} file', code('sed')],
  ['sudo sed {{.x}} file', code('sed')],
  ['docker run image awk {{.x}} file', code('awk')],
  // A library beside the program does not replace it.
  ['gawk -i inplace {{.x}} file', code('gawk')],
  ['gawk -i {{.x}} 1 file', code('gawk')],
  ['gawk --field-separator , {{.x}} file', code('gawk')],
  // Shells: -c in any group, behind -o and its argument, behind +o.
  ['sh -ec {{.x}}', shellCode('sh')],
  ['bash -o pipefail -c {{.x}}', shellCode('bash')],
  ['bash +o posix -c {{.x}}', shellCode('bash')],
  ['bash -O extglob -c {{.x}}', shellCode('bash')],
  ['bash --norc -c {{.x}}', shellCode('bash')],
  ['fish --command {{.x}}', shellCode('fish')],
  ['sh -c -e {{.x}}', shellCode('sh')],
  ['docker run image sh -c {{.x}}', shellCode('sh')],
  ['bash --rcfile file -c {{.x}}', shellCode('bash')],
  ['bash --init-file {{.x}} script', shellCode('bash')],
  ['zsh --emulate sh -c {{.x}}', shellCode('zsh')],
  ['fish -C a -c {{.x}}', shellCode('fish')],
  ['fish --init-command {{.x}} script', shellCode('fish')],
  ['pwsh -ExecutionPolicy Bypass -Command {{.x}}', shellCode('pwsh')],
  ['docker run --entrypoint sh image -c {{.x}}', shellCode('sh')],
  ['flock file -c {{.x}}', 'What follows -c is run by a shell.'],
  ['sudo flock -n file --command {{.x}}', 'What follows -c is run by a shell.'],
  ['sh {{.x}}', SCRIPT],
  ['sh -e {{.x}}', SCRIPT],
  ['bash --norc {{.x}}', SCRIPT],
  ['bash -o pipefail {{.x}}', SCRIPT],
  ['docker run image sh {{.x}}', SCRIPT],
  // What reaches an input that is run.
  ['echo a {{.x}} | sh', INPUT],
  ['echo a {{.x}} | sh -e', INPUT],
  ['echo a {{.x}} | sh -s arg', INPUT],
  ['echo a {{.x}} | sh /dev/stdin', INPUT],
  ['echo a {{.x}} | sh -', INPUT],
  ['echo a {{.x}} | bash --rcfile file', INPUT],
  ['echo a {{.x}} | pwsh -Command -', INPUT],
  ['echo a {{.x}} | sh /dev/fd/0', INPUT],
  ['echo a {{.x}} | python3', INPUT],
  ['echo a {{.x}} | python3 -u', INPUT],
  ['echo a {{.x}} | node /dev/stdin', INPUT],
  ['echo a {{.x}} | psql', INPUT],
  ['echo a {{.x}} | cat | sh', INPUT],
  ['echo a {{.x}} | docker exec -i box bash', INPUT],
  ['echo a {{.x}} | xargs sh script', INPUT],
  ['echo a {{.x}} | xargs python3 tool', INPUT],
  ['echo a {{.x}} | source /dev/stdin', INPUT],
])('%s: %s', (text, message) => {
  expect(messages(text)).toContain(message);
});

test.each([
  'awk -f prog.awk {{.x}}',
  "awk -F : '{print $1}' {{.x}}",
  'sed -e p {{.x}}',
  'sed -ep {{.x}}',
  'sed --expression=p {{.x}}',
  'perl -e p {{.x}}',
  'perl script {{.x}}',
  'python3 -m tool {{.x}}',
  'python3 -W {{.x}} script',
  'psql -h {{.x}} -f file',
  'sh script -c {{.x}}',
  'sh -c script name {{.x}}',
  'sh -s {{.x}}',
  'bash -o pipefail script {{.x}}',
  'grep sh {{.x}}',
  'grep awk {{.x}}',
  'ls docker sh {{.x}}',
  'echo a {{.x}} | sh script',
  'echo a {{.x}} | sh -c cat',
  'echo a {{.x}} | python3 -c code',
  'echo a {{.x}} | awk 1',
  'echo a {{.x}} | sed p',
  'echo a {{.x}} | grep sh',
  'echo a {{.x}} | xargs ls',
  'echo a {{.x}}; sh',
  'sh; echo a {{.x}}',
  'sudo -u {{.x}} ls',
  'timeout {{.x}} ls',
  'nice -n {{.x}} ls',
  'scp {{.x}} host:there',
  'scp host:there {{.x}}',
  'rsync -a {{.x}} there',
  'ssh -p {{.x}} host',
  'ssh -i {{.x}} -p 22 host ls',
  'export A={{.x}} B={{.x}}',
  'unset -v A; ls {{.x}}',
  'test -f {{.x}}',
  'printf %s {{.x}}',
  'find {{.x}} -name a',
  'find . -name {{.x}} -exec ls {} +',
  'env A={{.x}} ls',
  'docker exec {{.box}} ls {{.x}}',
  'docker run --name {{.name}} -e A={{.x}} {{.image}} sh script {{.x}}',
  'docker run --rm image env A={{.x}} ls {{.x}}',
  'docker exec box sudo -u {{.x}} ls',
  'kubectl exec {{.pod}} -- ls {{.x}}',
  'find . -name env {{.x}}',
  'flock file ls -c {{.x}}',
  'gawk -f prog.awk -i inplace {{.x}}',
  'bash --norc script {{.x}}',
  'bash --rcfile file script {{.x}}',
  'ls -- -{{.x}}',
  'ls --lines={{.x}}',
  'head -n{{.x}}',
])('%s is taken', (text) => {
  expect(messages(text)).toEqual([]);
});

test.each([
  ['env -S {{.x}}', PROGRAM],
  ['env --split-string={{.x}} ls', 'What follows --split-string= can be read as code.'],
  ['env PATH={{.x}} ls', 'What is in PATH decides which code runs, so a value cannot be put there.'],
  [
    'sudo env LD_PRELOAD={{.x}} ls',
    'What is in LD_PRELOAD decides which code runs, so a value cannot be put there.',
  ],
  ['PATH={{.x}}', 'What is in PATH decides which code runs, so a value cannot be put there.'],
  [
    'NODE_OPTIONS={{.x}} node a.js',
    'What is in NODE_OPTIONS decides which code runs, so a value cannot be put there.',
  ],
  ['tar --to-command {{.x}} -xf a', 'What follows --to-command is run as a command.'],
  ['git --exec-path={{.x}} log', 'What follows --exec-path is run as a command.'],
  ['printf -v {{.x}} a', 'What follows -v can be read as code.'],
  ['[ -v {{.x}} ]', 'What follows -v can be read as code.'],
  ['$TOOL --command {{.x}}', 'What follows --command can be read as code.'],
  ['$TOOL -e{{.x}}', 'What follows -e can be read as code.'],
  ['rsync -e {{.x}} a b', 'What follows -e can be read as code.'],
  ['scp -o {{.x}} a b', 'What follows -o can be read as code.'],
  ['scp -F{{.x}} a b', 'What follows -F can be read as code.'],
  ['ssh -o {{.x}} host', 'An option of ssh can name a program.'],
  ['ssh -v{{.x}} host', 'An option of ssh can name a program.'],
  ['ssh -J {{.x}} host', 'An option of ssh can name a program.'],
  [
    'ssh -- host {{.x}}',
    'ssh hands its command to a shell on the other machine, which reads the value as code.',
  ],
  ['export PATH={{.x}}', '`export` takes names of variables, and a value cannot choose one.'],
  ['local {{.x}}', '`local` takes names of variables, and a value cannot choose one.'],
  ['find . -execdir {{.x}} +', PROGRAM],
  ['find . -exec awk {{.x}} +', code('awk')],
  [
    'find . -exec env PATH={{.x}} ls +',
    'What is in PATH decides which code runs, so a value cannot be put there.',
  ],
  ['fd -x {{.x}}', PROGRAM],
  ['docker exec box su - user -c {{.x}}', '`su` runs its arguments as code.'],
  [
    'docker run image ssh host {{.x}}',
    'ssh hands its command to a shell on the other machine, which reads the value as code.',
  ],
  [
    'kubectl exec pod -- env PATH={{.x}} ls',
    'What is in PATH decides which code runs, so a value cannot be put there.',
  ],
  ['docker run --entrypoint={{.x}} image', 'What follows --entrypoint is run as a command.'],
  ['ls -{{.x}}', 'Right behind a dash the value would choose which option it is.'],
  ['ls --{{.x}}', 'Right behind a dash the value would choose which option it is.'],
  ['watch ls {{.x}}', '`watch` runs its arguments as code.'],
  ['[[ a = {{.x}} ]]', '`[[` calculates some of its operands as expressions, and so could run code.'],
  [
    'rsync {{.a}} host:{{.x}}',
    'A path behind `host:` may be read by a shell on that host, depending on the version of rsync.',
  ],
])('%s: %s', (text, message) => {
  expect(messages(text)).toContain(message);
});

test.each([
  ['echo {{.aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd!}}', '`{{.aaaaaaaaaabbbbbbbbbbccccccccccddddddddd…}}`'],
  [
    'echo {{json .x}}',
    '`{{json .x}}` is not a name: only {{.name}}, {{.a.b.c}} and {{raw .name}} can stand there.',
  ],
  ['echo {{name}}', '`{{name}}` lacks the dot before the name.'],
  ['echo {{raw}}', '`{{raw}}` is not a name'],
  ['echo {{}}', 'There is no name between `{{` and `}}`.'],
  ['echo {{ }}', 'There is no name between `{{` and `}}`.'],
  ['echo {{.x', '`{{` is never closed with `}}`.'],
])('%s: %s', (text, message) => {
  expect(messages(text).join('\n')).toContain(message);
});

test('a place of forty characters is shown whole, and the next place is still read', () => {
  const name = `.${'a'.repeat(38)}!`;
  expect(messages(`echo {{${name}}} {{}}`)).toEqual([
    `\`{{${name}}}\` is not a name: only {{.name}}, {{.a.b.c}} and {{raw .name}} can stand there.`,
    'There is no name between `{{` and `}}`.',
  ]);
  expect(compileValue('{{raw .x}}')).toMatchObject({
    failure: [{ message: 'No shell reads this text, so there is nothing that `raw` could change.' }],
  });
});

/** What is said of a value that is not there. */
function missing(path: string, variables: Parameters<typeof bindCommand>[1]): string {
  const compiled = compileCommand(`echo a {{.${path}}}`);
  if (!compiled.ok) throw new Error(path);
  const bound = bindCommand(compiled.value, variables);
  return bound.ok ? JSON.stringify(bound.value) : 'detail' in bound.failure ? bound.failure.detail : '';
}

test('a name that is not there says what is, at most eight of them', () => {
  const many = Object.fromEntries('abcdefghij'.split('').map((name) => [`${name}${name}${name}${name}`, 1]));
  expect(missing('zzzzzzzz', many)).toBe(
    '{{.zzzzzzzz}} is not there; there are aaaa, bbbb, cccc, dddd, eeee, ffff, gggg, hhhh.',
  );
  expect(missing('one.two.zzzzzzzz', { one: { two: { aaaa: 1, bbbb: 2 } } })).toBe(
    '{{.one.two.zzzzzzzz}} is not there; one.two has aaaa, bbbb.',
  );
  expect(missing('one.x', { one: {} })).toBe('{{.one.x}} is not there.');
  expect(missing('one.two.x', { one: { two: 5 } })).toBe(
    '{{.one.two.x}} is not there: one.two is a number and has no names in it.',
  );
  expect(missing('one.x', { one: null })).toBe(
    '{{.one.x}} is not there: one is empty (null) and has no names in it.',
  );
  expect(missing('list', { list: ['a', null] })).toBe(
    '{{.list}} is a list that holds more than text; only text, numbers, true, false and lists of these can stand in a command.',
  );
  expect(missing('list', { list: [null, null] })).toContain('is a list that holds more than text');
});

test('a value may fill the environment to the last byte, its name and end included', () => {
  const compiled = compileCommand('echo a {{.x}}');
  if (!compiled.ok) throw new Error('refused');
  const most = 131_072 - 'PW_VALUE_1'.length - 2;
  expect(bindCommand(compiled.value, { x: 'a'.repeat(most) }).ok).toBe(true);
  expect(bindCommand(compiled.value, { x: 'a'.repeat(most + 1) }).ok).toBe(false);
  // In bytes, not in characters.
  expect(bindCommand(compiled.value, { x: `é${'a'.repeat(most - 1)}` }).ok).toBe(false);
});

test('a name stands for one value, raw and not raw apart; what may be an option somewhere is one everywhere', () => {
  const compiled = compileCommand('ls ./{{.x}} && rm {{.x}} && echo a {{.y}}');
  expect(compiled.ok && compiled.value.values).toMatchObject([
    { path: 'x', leads_word: true },
    { path: 'y', leads_word: false },
  ]);
  const raw = compileCommand('{{raw .x}} a ./{{.x}} {{raw .y}}');
  expect(raw.ok && raw.value.values.map(({ path, raw: isRaw }) => [path, isRaw])).toEqual([
    ['x', true],
    ['x', false],
    ['y', true],
  ]);
});

const gitRuns = (key: string): string =>
  `git may run what is in ${key}, or what it names, so a value cannot be put there.`;
const GIT_CHOOSES = 'The value would choose which setting of git is changed, and some of them are run.';
const MAKEFILE = 'A value cannot choose the makefile whose commands run.';
const MAKE = '`make` reads a `=` in its arguments as a variable, and runs what is in it.';

test.each([
  ['git -c core.pager={{.x}} log', gitRuns('core.pager')],
  ['git -c Core.SSHCommand={{.x}} fetch', gitRuns('Core.SSHCommand')],
  ['git -C a -c user.name=n -c alias.x={{.x}} x', gitRuns('alias.x')],
  ['git -c diff.external="a {{.x}}" diff', gitRuns('diff.external')],
  ['git --config-env=core.editor={{.x}} commit', gitRuns('core.editor')],
  ['git -c {{.x}} log', GIT_CHOOSES],
  ['git -c user.{{.x}} log', GIT_CHOOSES],
  ['sudo git -c core.fsmonitor={{.x}} status', gitRuns('core.fsmonitor')],
  ['docker run image git -c core.pager={{.x}} log', gitRuns('core.pager')],
  ['git config --global core.editor {{.x}}', gitRuns('core.editor')],
  ['git config set alias.l {{.x}}', gitRuns('alias.l')],
  ['git config {{.x}} true', GIT_CHOOSES],
  ['git clone -c core.hooksPath={{.x}} a', gitRuns('core.hooksPath')],
  ['git clone --template={{.x}} a', 'What follows --template of `git clone` is run.'],
  ['git rebase --exec {{.x}} main', 'What follows --exec of `git rebase` is run.'],
  ['git rebase -x {{.x}} main', 'What follows -x of `git rebase` is run.'],
  ['git grep -O{{.x}} a', 'What follows -O of `git grep` is run.'],
  ['git bisect run {{.x}}', '`git bisect run` runs its arguments as code.'],
  ['git submodule foreach "ls {{.x}}"', '`git submodule foreach` runs its arguments as code.'],
  ['git filter-branch --env-filter {{.x}}', '`git filter-branch` runs its arguments as code.'],
  ['git fetch ext::{{.x}}', 'Behind `::` git runs a program that the value would name.'],
  ['make -f {{.x}}', MAKEFILE],
  ['make -f{{.x}}', MAKEFILE],
  ['make --file={{.x}} all', MAKEFILE],
  ['make {{.x}}', MAKE],
  ['make NAME={{.x}}', MAKE],
  ['make -j {{.x}}', MAKE],
  ['deno eval --ext=ts {{.x}}', code('deno')],
  ['deno eval --ext ts {{.x}}', code('deno')],
])('a value that git, make or deno run is refused: %s', (text, message) => {
  expect(messages(text)).toEqual([message]);
});

test.each([
  'git -c user.name={{.x}} -c user.email={{.x}} commit -m {{.x}}',
  'git -c init.defaultBranch={{.x}} init {{.x}}',
  'git config user.name {{.x}}',
  'git config --get user.name',
  'git -C {{.x}} log --end-of-options {{.x}}',
  'git clone --branch {{.x}} -- {{.x}} there',
  'git rebase {{.x}}',
  'git submodule update --init {{.x}}',
  'make -C {{.x}} all',
  'make --directory={{.x}}',
  'deno run script.ts {{.x}}',
])('a value that git, make or deno only read is taken: %s', (text) => {
  expect(messages(text)).toEqual([]);
});
