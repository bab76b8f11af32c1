import { expect, test } from 'vitest';
import { stream } from '../../../src/stages/stream.ts';

const source = { name: 'source', command: 'cat data', output: 'stream' };

function problems(steps: unknown): readonly string[] {
  const parsed = stream.schema.safeParse({ steps });
  return parsed.success
    ? []
    : parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

test.each<[string, unknown, readonly string[]]>([
  [
    'an unknown stream',
    [source, { name: 'read', command: 'cat', input: 'sorce' }],
    ['steps.1.input: there is no stream called sorce'],
  ],
  [
    'two readers without a tee',
    [source, { name: 'a', command: 'cat', input: 'source' }, { name: 'b', command: 'cat', input: 'source' }],
    ['steps.2: a and b both read the stream of source'],
  ],
  [
    'a circle',
    [
      { name: 'a', command: 'cat', input: 'b', output: 'stream' },
      { name: 'b', command: 'cat', input: 'a', output: 'stream' },
    ],
    ['steps.0.input: these steps read from each other in a circle: a → b → a'],
  ],
  ['a stream that nobody reads', [source], ['steps.0.output: nobody reads the stream of source']],
  [
    'a pipe before the first step',
    [{ name: 'a', command: 'cat', input: 'pipe' }],
    ['steps.0.input: there is no pipe: this is the first step'],
  ],
  [
    'a pipe from a step that gives none',
    [
      { name: 'a', command: 'ls' },
      { name: 'b', command: 'cat', input: 'pipe' },
    ],
    ['steps.1.input: there is no pipe: a does not say `output: stream`'],
  ],
  [
    'a tee that nothing feeds',
    [{ type: 'tee', branches: [{ uses: 'null' }] }],
    ['steps.0: tee needs an input'],
  ],
  [
    'a branch with another input',
    [source, { type: 'tee', branches: [{ uses: 'null', input: 'source' }] }],
    ['steps.1.branches.0.input: a branch reads what its tee reads'],
  ],
  ['nothing to do', [{ name: 'a' }], ['steps.0: needs a command, or uses: with a built-in']],
  [
    'a key of another kind',
    [source, { uses: 'count', expect: 'x', input: 'pipe' }],
    ['steps.1.expect: means nothing at a count'],
  ],
  [
    'a place that is none',
    [{ command: 'ls', output: 'somewhere' }],
    ['steps.0.output: "somewhere" is no place for an output'],
  ],
  [
    'an expectation that is no checksum',
    [source, { uses: 'checksum', expect: 'abc' }],
    ['steps.1.expect: is no sha256: that has 64 hexadecimal digits'],
  ],
  [
    'a size that is none',
    [source, { uses: 'progress', size: 'big' }],
    ['steps.1.size: "big" is no amount of bytes'],
  ],
  [
    'twins',
    [
      { name: 'a', command: 'ls' },
      { name: 'A', command: 'ls' },
    ],
    ['steps.1.name: the name A is taken by number 1'],
  ],
  ['a tee without branches', [source, { type: 'tee' }], ['steps.1: a tee needs branches']],
  [
    'too small a buffer',
    [source, { type: 'tee', buffer: 10, branches: [{ uses: 'null' }] }],
    ['steps.1.buffer: must be at least 4KiB'],
  ],
])('%s is told at its place', (_, steps, expected) => {
  expect(problems(steps)).toEqual(expected);
});

test('an unknown key is refused, in a branch too', () => {
  const [problem] = problems([source, { type: 'tee', branches: [{ comand: 'cat' }] }]);
  expect(problem).toContain('comand');
});

test('a chain in a branch must say how its steps are joined', () => {
  const branch = {
    name: 'b',
    steps: [
      { name: 'x', command: 'gzip' },
      { name: 'y', command: 'cat' },
    ],
  };
  expect(problems([source, { type: 'tee', branches: [branch] }])).toEqual([
    'steps.1.branches.0.steps.1: nothing reaches this step: x does not say `output: stream`',
  ]);
});

test("spec 5's pipelines are accepted as they stand there", () => {
  const backup = [
    { name: 'create-tar', command: 'tar cf - {{.source}}', output: 'stream' },
    {
      name: 'process',
      type: 'tee',
      input: 'pipe',
      branches: [
        { name: 'checksum', command: 'sha256sum', output: 'variable:checksum' },
        { name: 'progress', command: 'pv -pterb -s {{.estimated_size}}', output: 'stderr' },
        {
          name: 'compress-save',
          steps: [
            { command: 'gzip -9', input: 'pipe', output: 'stream' },
            { command: 'cat > {{.backup_file}}', input: 'pipe' },
          ],
        },
      ],
    },
  ];
  expect(problems(backup)).toEqual([]);
  expect(stream.schema.parse({ steps: backup }).steps[1]?.branches?.map(({ name }) => name)).toEqual([
    'checksum',
    'progress',
    'compress-save',
  ]);
});
