import { expect, test } from 'vitest';
import { compileCommand } from '../../../src/core/template/compile.ts';
import type { CommandTemplate } from '../../../src/core/definition.ts';
import { buildGraph, type StreamGraph } from '../../../src/streams/graph.ts';
import { isCopy, recognise } from '../../../src/streams/shell-forms.ts';
import type { StreamStep } from '../../../src/streams/stream-step.ts';

/* Who reads from whom, and which shell commands we do ourselves. */

function command(text: string): CommandTemplate {
  const compiled = compileCommand(text);
  if (!compiled.ok) throw new Error(text);
  return compiled.value;
}

const STREAM = { to: 'stream' } as const;

const step = (name: string, text: string, more: Partial<StreamStep> = {}): StreamStep => ({
  name,
  command: command(text),
  ...more,
});

/** `name ← the one it reads from`, group by group. */
function drawn({ groups }: StreamGraph): readonly (readonly string[])[] {
  return groups.map((group) =>
    group.map(({ name, from, branch }) => {
      const source = from === undefined ? '' : ` ← ${group[from]?.name}`;
      return `${name}${source}${branch === undefined ? '' : ` (${branch})`}`;
    }),
  );
}

const told = ({ problems }: StreamGraph) =>
  problems.map(({ path, message }) => `${path.join('.')}: ${message}`);

test('steps are joined by pipe, by name, and by the tee above them; what is not joined runs apart', () => {
  const graph = buildGraph([
    step('list', 'ls'),
    step('read', 'cat data', { output: { to: 'stream', name: 'raw' } }),
    {
      name: 'split',
      uses: 'tee',
      input: 'raw',
      branches: [
        { name: 'sum', uses: 'checksum' },
        {
          name: 'pack',
          steps: [step('zip', 'gzip -9', { output: STREAM }), step('save', 'dd of=x', { input: 'pipe' })],
        },
        step('look', 'wc -l', { output: STREAM }),
      ],
    },
    step('after', 'cat', { input: 'look' }),
    step('last', 'date'),
  ]);
  expect(graph.problems).toEqual([]);
  expect(drawn(graph)).toEqual([
    ['list'],
    [
      'read',
      'split ← read',
      'split/sum ← split (sum)',
      'split/pack/zip ← split (pack)',
      'split/pack/save ← split/pack/zip',
      'split/look ← split (look)',
      'after ← split/look',
    ],
    ['last'],
  ]);
  // Ids are positions in the group.
  for (const group of graph.groups) expect(group.map(({ id }) => id)).toEqual([...group.keys()]);
  expect(graph.nodes.map(({ path }) => path.join('.'))).toEqual([
    'steps.0',
    'steps.1',
    'steps.2',
    'steps.2.branches.0',
    'steps.2.branches.1.steps.0',
    'steps.2.branches.1.steps.1',
    'steps.2.branches.2',
    'steps.3',
    'steps.4',
  ]);
});

test('a step after one that gives a stream reads it, unless somebody else asks for it by name', () => {
  const read = step('read', 'cat data', { output: STREAM });
  expect(drawn(buildGraph([read, step('next', 'wc')]))).toEqual([['read', 'next ← read']]);
  const other = step('other', 'cat', { input: 'read' });
  expect(drawn(buildGraph([read, step('next', 'wc'), other]))).toEqual([['read', 'other ← read'], ['next']]);
});

test('the stream of a branch of several steps is known by its step and by the branch', () => {
  const branch = { name: 'pack', steps: [step('zip', 'gzip', { output: STREAM })] };
  const split: StreamStep = {
    name: 'split',
    uses: 'tee',
    branches: [branch, { name: 'none', uses: 'null' }],
  };
  const read = step('read', 'cat data', { output: STREAM });
  for (const input of ['pack', 'zip']) {
    const graph = buildGraph([read, split, step('save', 'dd of=x', { input })]);
    expect(told(graph)).toEqual([]);
    expect(drawn(graph)[0]?.at(-1)).toBe('save ← split/pack/zip');
  }
  const named = { ...branch, steps: [step('zip', 'gzip', { output: { to: 'stream', name: 'z' } })] };
  const graph = buildGraph([
    read,
    { ...split, branches: [named] },
    step('save', 'dd of=x', { input: 'pack' }),
  ]);
  expect(told(graph)).toContain('steps.2.input: there is no stream called pack');
});

test('each mistake has its place, its sentence and what would help', () => {
  const read = step('read', 'cat data', { output: STREAM });
  const hints = (steps: readonly StreamStep[]) =>
    buildGraph(steps).problems.map(({ message, hint }) => [message, hint]);
  expect(hints([step('a', 'ls'), step('b', 'cat', { input: 'raed' })])).toEqual([
    ['there is no stream called raed', 'No step here says `output: stream`.'],
  ]);
  // That `aside` is not read is the same mistake.
  const aside = step('aside', 'ls', { output: { to: 'stream', name: 'listing' } });
  expect(hints([aside, step('b', 'cat', { input: 'lisitng' })])).toEqual([
    ['there is no stream called lisitng', 'Did you mean listing?'],
  ]);
  expect(hints([read, step('w', 'wc'), step('b', 'cat', { input: 'raed' })])).toContainEqual([
    'there is no stream called raed',
    'Did you mean read?',
  ]);
  const two = [
    step('one', 'cat', { output: { to: 'stream', name: 'first' } }),
    step('two', 'cat', { output: { to: 'stream', name: 'second' } }),
    step('b', 'cat', { input: 'zzzzzzzzz' }),
  ];
  expect(hints(two)).toContainEqual(['there is no stream called zzzzzzzzz', 'There are: first, second.']);
  expect(hints([step('a', 'ls'), step('b', 'cat', { input: 'pipe' })])).toEqual([
    ['there is no pipe: a does not say `output: stream`', 'Write `output: stream` at a.'],
  ]);
  expect(hints([step('a', 'cat', { input: 'pipe' })])).toEqual([
    ['there is no pipe: this is the first step', undefined],
  ]);
  expect(hints([{ name: 'n', uses: 'count' }])).toEqual([
    [
      'count needs an input',
      'Write `output: stream` at the step before it, or the name of a stream as `input:`.',
    ],
  ]);
  expect(hints([read])).toEqual([
    [
      'nobody reads the stream of read',
      'Write `input: pipe` at the step after it, or give its output another place.',
    ],
  ]);
  expect(hints([read, step('a', 'cat', { input: 'read' }), step('b', 'cat', { input: 'read' })])).toEqual([
    [
      'a and b both read the stream of read',
      'Put a step with `type: tee` between them, with one branch for each.',
    ],
  ]);
});

test('two streams of one name are a mistake only where somebody asks for it', () => {
  const twin = (name: string) => step(name, 'cat', { output: { to: 'stream', name: 'same' } });
  const steps = [
    twin('a'),
    step('r', 'wc', { input: 'pipe' }),
    twin('b'),
    step('s', 'wc', { input: 'pipe' }),
  ];
  expect(told(buildGraph(steps))).toEqual([]);
  const asked = buildGraph([twin('a'), twin('b'), step('s', 'wc', { input: 'same' })]);
  expect(told(asked)).toContain('steps.1: two streams are called same');
  expect(asked.problems[0]?.hint).toBe('Name one `output: stream:OTHER`.');
});

test('a branch reads its tee and a step in it the one before; anything else is told at its place', () => {
  const read = step('read', 'cat data', { output: STREAM });
  const split = (branches: readonly StreamStep[]): readonly StreamStep[] => [
    read,
    { name: 'split', uses: 'tee', branches },
  ];
  expect(told(buildGraph(split([{ name: 'n', uses: 'null', input: 'pipe' }])))).toEqual([]);
  const graph = buildGraph(
    split([
      { name: 'n', uses: 'null', input: 'read' },
      { name: 'm', steps: [step('x', 'cat', { output: STREAM }), step('y', 'cat', { input: 'read' })] },
    ]),
  );
  expect(graph.problems.slice(0, 2)).toEqual([
    {
      path: ['steps', 1, 'branches', 0, 'input'],
      message: 'a branch reads what its tee reads',
      hint: 'Leave `input:` out.',
    },
    {
      path: ['steps', 1, 'branches', 1, 'steps', 1, 'input'],
      message: 'a step in a branch reads the step before it',
      hint: 'Write `input: pipe`.',
    },
  ]);
});

test('a tee in a branch has its places below that branch', () => {
  const inner: StreamStep = {
    name: 'inner',
    uses: 'tee',
    branches: [{ name: 'n', uses: 'null', input: 'x' }],
  };
  const graph = buildGraph([
    step('read', 'cat data', { output: STREAM }),
    { name: 'split', uses: 'tee', branches: [{ name: 'n', uses: 'null' }, inner] },
  ]);
  expect(told(graph)).toEqual(['steps.1.branches.1.branches.0.input: a branch reads what its tee reads']);
  expect(drawn(graph)[0]?.slice(2)).toEqual([
    'split/n ← split (n)',
    'split/inner ← split (inner)',
    'split/inner/n ← split/inner (n)',
  ]);
});

test('a circle is told once, with everybody in it', () => {
  const around = (name: string, input: string) => step(name, 'cat', { input, output: STREAM });
  const graph = buildGraph([around('a', 'c'), around('b', 'a'), around('c', 'b'), step('d', 'wc')]);
  expect(told(graph)).toEqual(['steps.0.input: these steps read from each other in a circle: a → b → c → a']);
});

test('cat into a file behind a step of ours is our file, behind a command it stays cat', () => {
  const file = { to: 'file', path: command('out') } as const;
  const read = step('read', 'cat data', { output: STREAM });
  const behind = buildGraph([
    read,
    { name: 'count', uses: 'count', output: STREAM },
    step('save', 'cat', { output: file }),
  ]);
  expect(behind.nodes[2]?.step).toEqual({ name: 'save', uses: 'file', path: file.path });
  const plain = buildGraph([read, step('save', 'cat', { output: file })]);
  expect(plain.nodes[1]?.step).toMatchObject({ command: { text: 'cat' }, output: file });
  const sorted = buildGraph([
    read,
    { name: 'count', uses: 'count', output: STREAM },
    step('save', 'sort', { output: file }),
  ]);
  expect(sorted.nodes[2]?.step).toMatchObject({ command: { text: 'sort' } });
});

test.each([
  ['cat', true],
  [' cat - ', true],
  ['cat -n', false],
  ['cat a', false],
  ['tac', false],
  ['catalog', false],
])('%j copies what it reads: %s', (text, expected) => {
  expect(isCopy(command(text))).toBe(expected);
  expect(isCopy(undefined)).toBe(false);
});

const seen = (text: string, more: Partial<StreamStep> = {}): object => {
  const { uses, algorithm, size, command: kept, output } = recognise(step('s', text, more));
  return {
    ...(uses && { uses }),
    ...(algorithm && { algorithm }),
    ...(size && { size: size.text }),
    ...(kept && { command: kept.text }),
    ...(output && { to: output.to === 'file' ? `file ${output.path.text}` : output.to }),
  };
};

test.each([
  ['pv', {}],
  ['pv -pterb', {}],
  ['pv -q --eta --numeric', {}],
  ['pv -s 10G', { size: '10G' }],
  ['pv -s10G', { size: '10G' }],
  ['pv -pterbs {{.size}}', { size: '{{.size}}' }],
  ['pv --size=5', { size: '5' }],
  ['pv --size 5', { size: '5' }],
  ['pv -s "{{.size}}" -i 2 --name up -w 80', { size: '{{.size}}' }],
  ['  pv  ', {}],
])('%j is our progress', (text, expected) => {
  expect(seen(text)).toEqual({ uses: 'progress', to: 'stderr', ...expected });
});

test('our progress passes on what pv would', () => {
  expect(seen('pv', { output: STREAM })).toEqual({ uses: 'progress', to: 'stream' });
  expect(seen('pv', { output: { to: 'log' } })).toEqual({ uses: 'progress', to: 'stderr' });
});

test.each([
  'pv -L 1m',
  'pv file',
  'pv -l',
  'pv --rate-limit 5',
  'pv | wc',
  'pv; ls',
  'pvx',
  "pv -s '10'",
  'pv $OPTIONS',
  'sudo pv',
])('%j stays the command it is', (text) => {
  expect(seen(text)).toEqual({ command: text });
});

test.each([
  ['sha256sum', 'sha256'],
  ['sha512sum -', 'sha512'],
  ['sha384sum', 'sha384'],
  ['sha224sum', 'sha224'],
  ['sha1sum', 'sha1'],
  ['md5sum', 'md5'],
  [' b2sum ', 'blake2b'],
])('%j is our checksum %s', (text, algorithm) => {
  expect(seen(text)).toEqual({ uses: 'checksum', algorithm });
});

test('a checksum command stays one where its text is the stream, or where it has other words', () => {
  expect(seen('sha256sum', { output: STREAM })).toEqual({ command: 'sha256sum', to: 'stream' });
  expect(seen('sha256sum', { output: { to: 'variable', name: 'x' } })).toEqual({
    uses: 'checksum',
    algorithm: 'sha256',
    to: 'variable',
  });
  for (const text of ['sha256sum -b', 'sha256sum file', 'cksum', 'toString', 'sha256sum | cut -c1-8'])
    expect(seen(text)).toEqual({ command: text });
});

test.each([
  ['gzip -9 > out.gz', 'gzip -9', 'out.gz'],
  ['cat > {{.file}}', 'cat', '{{.file}}'],
  ['cat > "{{.folder}}/x"', 'cat', '{{.folder}}/x'],
  ['sort -k 2 >  a/b-c.txt  ', 'sort -k 2', 'a/b-c.txt'],
  ["grep 'a > b' > out", "grep 'a > b'", 'out'],
  ['grep "x{{.v}}" > out', 'grep "x{{.v}}"', 'out'],
])('%j is a file that gets its name when it is whole', (text, kept, file) => {
  expect(seen(text)).toEqual({ command: kept, to: `file ${file}` });
  expect(seen(text, { output: { to: 'log' } })).toEqual({ command: kept, to: `file ${file}` });
});

test.each([
  'cat >> out',
  'cat > a > b',
  'cat 2> out',
  'cat > out; ls',
  'cat < in > out',
  'a | b > out',
  'a && b > out',
  'echo $X > out',
  'echo `x` > out',
  'echo "$X" > out',
  'cat > $OUT',
  'cat > "a b"',
  "cat > 'out'",
  '! cat > out',
  'cat > out &',
  '> out',
  'cat >out extra',
])('%j keeps its redirection', (text) => {
  expect(seen(text)).toEqual({ command: text });
});

test('a redirection stays where the output is asked for elsewhere, and a step of ours is left alone', () => {
  expect(seen('cat > out', { output: STREAM })).toEqual({ command: 'cat > out', to: 'stream' });
  expect(recognise({ name: 's', uses: 'count' })).toEqual({ name: 's', uses: 'count' });
  const both: StreamStep = { ...step('s', 'sha256sum'), uses: 'count' };
  expect(recognise(both)).toBe(both);
});
