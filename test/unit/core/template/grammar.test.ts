import { expect, test } from 'vitest';
import { compileCommand } from '../../../../src/core/template/compile.ts';

/* Where the parts of a command end: read too far or too short, and a value stands where nobody looked. */

const PROGRAM = 'A value cannot choose the program that runs, or the name of a variable.';

function read(text: string): string | readonly string[] {
  const compiled = compileCommand(text);
  return compiled.ok ? compiled.value.script : compiled.failure.map(({ message }) => message);
}

const DELIMITERS: readonly (readonly [written: string, line: string])[] = [
  ['<<END', 'END'],
  ['<< END', 'END'],
  ['<<-END', '\t\tEND'],
  ["<<'END'", 'END'],
  ['<<"END"', 'END'],
  ['<<\\END', 'END'],
  ["<<E'N'D", 'END'],
  ['<<"E N"D', 'E ND'],
  ["<<'E\"D'", 'E"D'],
  ["<<''", ''],
];

test.each(DELIMITERS)(
  'a here-document %s ends at the line %j, and what follows is commands',
  (written, line) => {
    const text = `cat ${written}\nbody\n${line}\n`;
    expect(read(`${text}{{.x}} a`)).toEqual([PROGRAM]);
    expect(read(`${text}ls -- {{.x}}`)).toBe(`${text}ls -- "\${PW_VALUE_1}"`);
    // Behind the delimiter of the same line there is a command, too.
    expect(read(`cat ${written}; {{.x}}\nbody\n${line}\n`)).toEqual([PROGRAM]);
  },
);

test.each(DELIMITERS.slice(0, 3))('a value in a here-document %s is data', (written, line) => {
  expect(read(`cat ${written}\na {{.x}} b\n${line}`)).toBe(`cat ${written}\na \${PW_VALUE_1} b\n${line}`);
  expect(read(`cat ${written}\n$(ls {{.x}}) \`date\` \\$x \${y}\n${line}\nls`)).toBe(
    `cat ${written}\n$(ls "\${PW_VALUE_1}") \`date\` \\$x \${y}\n${line}\nls`,
  );
  expect(read(`cat ${written}\n\\{{.x}}\n${line}`)).toEqual([expect.stringContaining('backslash')]);
  expect(read(`cat ${written}\n\`ls {{.x}}\`\n${line}`)).toEqual([expect.stringContaining('backticks')]);
  expect(read(`cat ${written}\n\${y:-{{.x}}}\n${line}`)).toEqual([expect.stringContaining('${…}')]);
});

test.each(DELIMITERS.slice(3))('a value in a here-document %s would not be filled in', (written, line) => {
  expect(read(`cat ${written}\na {{.x}} b\n${line}`)).toContain(
    'In a here-document whose delimiter is quoted nothing is filled in by the shell.',
  );
});

test.each([
  ['cat <<END\nENDING\n END\nEND \n{{.x}}\nEND', '"ENDING", " END" and "END " do not end it'],
  ['cat <<-END\n\tEND x\n{{.x}}\nEND', 'nor does what only begins so'],
  ['cat <<A <<B\n{{.x}}\nA\n{{.x}}\nB', 'two of them, one after the other'],
  ['cat <<END\na \\\\\n{{.x}}\nEND', 'two backslashes are one'],
  ['cat <<END | grep a\n{{.x}}\nEND', 'behind a pipe'],
])('%j is taken: %s', (text) => {
  expect(read(text)).toBe(text.replaceAll('{{.x}}', '${PW_VALUE_1}'));
});

test('a line that ends in a backslash before the end is read differently by shells', () => {
  const disagree = 'Shells disagree whether this here-document ends after a line that ends in a backslash.';
  expect(read('cat <<END\na\\\nEND\n{{.x}}\nEND')).toContain(disagree);
  expect(read('cat <<END\na\\\\\\\nEND\n{{.x}}\nEND')).toContain(disagree);
  expect(read("cat <<'END'\na\\\nEND\nls -- {{.x}}")).toContain('PW_VALUE_1');
});

test.each([
  ['cat <<END\n{{.x}}', 'This here-document is never ended by a line that says only END.'],
  ['cat <<END\n{{.x}}\nEN', 'This here-document is never ended by a line that says only END.'],
  ['cat <<-END\n{{.x}}\n END', 'This here-document is never ended by a line that says only END.'],
  ['cat <<END\n{{.x}}\n\tEND', 'This here-document is never ended by a line that says only END.'],
  ['cat <<E{{.x}}\na\nE', 'A value cannot be the delimiter of a here-document.'],
  ["cat <<'{{.x}}'\na\nE", 'A value cannot be the delimiter of a here-document.'],
  ['echo ${y {{.x}}', 'This `${` is never closed.'],
  ['echo "${y" {{.x}}', 'This `${` is never closed.'],
  ['echo `ls {{.x}}', 'This backtick (`) is never closed.'],
  ["echo $'a {{.x}}", "This $' is never closed."],
  ["echo $'a\\' {{.x}}", "This $' is never closed."],
])('%j: %s', (text, message) => {
  expect(read(text)).toContain(message);
});

/** What stands before a command and must be read to its end, no further: the value behind it is the program. */
test.each([
  "echo 'a' ;",
  "echo 'a;b' ;",
  'echo "a" ;',
  'echo "a\\"b" ;',
  'echo "a;b" ;',
  'echo "$(ls "b" )" ;',
  'echo a\\;b ;',
  'echo \\" ;',
  "echo $'a' ;",
  "echo $'a\\'b' ;",
  'echo `ls` ;',
  'echo `ls \\` b` ;',
  'echo ${y} ;',
  'echo ${y:-"}"} ;',
  "echo ${y:-'}'} ;",
  'echo ${y:-\\}} ;',
  'echo ${y:-${z}} ;',
  'echo ${y:-`a }`} ;',
  'echo "${y:-"a}"}" ;',
  'echo $y ;',
  'echo $1 ;',
  'echo $? ;',
  'echo $ ;',
  'echo "$" ;',
  'echo $(( (1 + 2) * 3 )) ;',
  'echo $(( 1 )) $(( 2 )) ;',
  '(( a = (1) )) ;',
  'echo a # comment ; " \'\n',
  'echo a#b ;',
  'A=1;',
  'A=(1 2);',
  'a=$(ls);',
  '>out;',
  'ls 2>&1;',
  'ls &',
  'ls &&',
  'ls ||',
  'ls |',
  'ls |&',
  'if ls; then :; fi;',
  'if ls; then :; elif ls; then :; else :; fi;',
  'while ls; do :; done;',
  'until ls; do :; done;',
  'for i in a b; do :; done;',
  'for i; do :; done;',
  'case a in a) :;; (b|c) :;; *) :; esac;',
  'f() { :; };',
  '{ ls; };',
  '(ls);',
  '! ls;',
  'if ls; then',
  'if ls; then :; else',
  'if ls; then :; elif',
  'while',
  'until',
  'while ls; do',
  'for i in a; do',
  'case a in a)',
  'case a in a) :;;\nb)',
  'f() {',
  '{',
  '(',
  '!',
  'if',
  '{ { (',
  'ls\n\n',
])('behind %j a command begins', (before) => {
  const read1 = read(`${before} {{.x}} a`);
  expect(Array.isArray(read1) ? read1 : [read1]).toContain(PROGRAM);
});

/** What goes on: the value behind it is an argument. */
test.each([
  'ls a \\\n',
  "ls 'a\n'",
  'ls "a\n"',
  'ls $(\nls\n)',
  'ls if then fi',
  'ls { }',
  'ls !',
  'ls case in',
  'ls a=1',
  'ls 2>&1',
  'ls >out',
  'ls <in 2>>err',
  'for i in a',
  'case',
])('behind %j it goes on', (before) => {
  const compiled = compileCommand(`${before} {{.x}}`);
  const messages = compiled.ok ? [] : compiled.failure.map(({ message }) => message);
  expect(messages).not.toContain(PROGRAM);
});

test.each([
  ['echo a\\{{.x}}', 'backslash'],
  ['echo "a\\{{.x}}"', 'backslash'],
  ["echo 'a\\{{.x}}'", ''],
  ['echo "$y{{.x}}"', ''],
  ['echo $y{{.x}}', ''],
  ['echo $1{{.x}}', ''],
  ['echo ${{.x}}', '`$`'],
  ['echo "a$"{{.x}}', ''],
])('%j: %j', (text, message) => {
  const found = read(text);
  expect(Array.isArray(found) ? found.join('\n') : '').toContain(message);
  expect(Array.isArray(found)).toBe(message !== '');
});
