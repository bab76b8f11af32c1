interface ProjectFacts {
  readonly npmScripts: readonly string[];
  readonly hasManifest: boolean;
  readonly hasLockFile: boolean;
  readonly makeTargets: readonly string[];
  readonly hasGo: boolean;
  readonly hasPython: boolean;
}

interface FirstPipeline {
  readonly name: string;
  /** Below `pipelines/`. */
  readonly file: string;
  readonly text: string;
}

interface Step {
  readonly name: string;
  readonly command: string;
}

const SCHEMA_LINE = '# yaml-language-server: $schema=./pipeline.schema.json';

/** A test pipeline of what the project uses, or `hello` where nothing is known. */
export function firstPipeline(facts: ProjectFacts): FirstPipeline {
  const stages = stagesOf(facts);
  return stages.length === 0 ? HELLO : testPipeline(stages);
}

function stagesOf(
  facts: ProjectFacts,
): readonly { readonly name: string; readonly steps: readonly Step[] }[] {
  if (facts.hasManifest) return npmStages(facts);
  if (facts.hasGo) {
    return [
      { name: 'check', steps: [{ name: 'vet', command: 'go vet ./...' }] },
      { name: 'test', steps: [{ name: 'test', command: 'go test ./...' }] },
    ];
  }
  if (facts.makeTargets.length > 0) {
    const wanted = ['lint', 'check', 'build', 'all', 'test'].filter((name) =>
      facts.makeTargets.includes(name),
    );
    const targets = wanted.length > 0 ? wanted : facts.makeTargets.slice(0, 1);
    return targets.map((name) => ({ name, steps: [{ name, command: `make ${name}` }] }));
  }
  if (facts.hasPython) {
    return [
      { name: 'check', steps: [{ name: 'compile', command: 'python3 -m compileall -q .' }] },
      { name: 'test', steps: [{ name: 'test', command: 'python3 -m pytest' }] },
    ];
  }
  return [];
}

function npmStages({ npmScripts, hasLockFile }: ProjectFacts) {
  const wanted = ['lint', 'typecheck', 'build', 'test'].filter((name) => npmScripts.includes(name));
  const scripts = wanted.map((name) => ({ name, steps: [{ name, command: `npm run ${name}` }] }));
  const install = { name: 'install', command: hasLockFile ? 'npm ci' : 'npm install' };
  return [{ name: 'install', steps: [install] }, ...scripts];
}

function testPipeline(stages: ReturnType<typeof stagesOf>): FirstPipeline {
  const lines = [
    SCHEMA_LINE.replace('./', '../'),
    '# `pipewright schema > pipeline.schema.json` writes the file that the line above names.',
    'name: test',
    'description: Check and test this project.',
    'stages:',
    ...stages.flatMap(({ name, steps }) => [
      `  - name: ${name}`,
      '    uses: shell',
      '    timeout: 15m',
      '    steps:',
      ...steps.map((step) => `      - {name: ${step.name}, command: ${step.command}}`),
    ]),
    '',
  ];
  return { name: 'test', file: 'test.yaml', text: lines.join('\n') };
}

const HELLO: FirstPipeline = {
  name: 'hello',
  file: 'hello.yaml',
  text: `${SCHEMA_LINE.replace('./', '../')}
# \`pipewright schema > pipeline.schema.json\` writes the file that the line above names.
name: hello
description: Says hello; a place to start from.
params:
  who: {type: string, default: world, description: Whom to greet}
stages:
  - name: greet
    uses: shell
    steps:
      # A value never becomes code: quotes or \`;\` in it stay part of the word.
      - {name: hello, command: "echo hello {{.who}}"}
  - name: count
    uses: shell
    timeout: 1m                # of each attempt
    retry: {max_attempts: 2}   # tries in total
    steps:
      - {name: count, command: ls | wc -l}
`,
};

/** Every key is a comment: the defaults are what most projects want. */
export const PROJECT_FILE = `${SCHEMA_LINE.replace('pipeline.schema', 'project.schema')}
# \`pipewright schema project > project.schema.json\` writes the file that the line above names.
# This file marks the project's folder. Every key has a default.
#
# safety:
#   max_consecutive_failures: 3   # so many failures in a row lock a pipeline; 0 never locks
`;
