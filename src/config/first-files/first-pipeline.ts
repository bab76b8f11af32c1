import { type Line, line, render, scalar } from './lines.ts';
import type { NodePackage } from './survey-node.ts';
import type { Tooling } from './survey-languages.ts';
import type { Survey } from './survey.ts';

/** A file that `init` would write. */
export interface FirstFile {
  /** Relative to the project. */
  readonly file: string;
  readonly text: string;
}

interface Stage {
  readonly name: string;
  /** What in the repository it comes from. */
  readonly why: string;
  readonly command: string;
  readonly retries?: boolean;
  /** It fails without making the run fail, and this is why. */
  readonly soft?: string;
}

/** Stages that follow each other, in one folder. */
interface Chain {
  readonly folder: string;
  readonly stages: readonly Stage[];
}

const SCHEMA_LINES = [
  '# yaml-language-server: $schema=../pipeline.schema.json',
  '# `pipewright schema > pipeline.schema.json` writes the file that the line above names.',
];

/** A pipeline that checks and tests what was found, or `hello` where nothing is known. */
export function firstPipeline(survey: Survey): FirstFile {
  const found = [...survey.packages.map(nodeChain), ...toolChains(survey)].filter(
    ({ stages }) => stages.length > 0,
  );
  const checking = found.filter(({ stages }) => stages.some(({ name }) => name !== 'install'));
  // Beside something that is checked, what would only be installed (benchmarks, examples) is left out.
  const chains = checking.length > 0 ? checking : found;
  if (chains.length === 0) return { file: 'pipelines/hello.yaml', text: HELLO };
  const names = new Set<string>();
  const body = chains.flatMap((chain, index) => chainLines(chain, index === 0, names));
  const head = [
    ...SCHEMA_LINES,
    '# Written by `pipewright init` from what is in this folder. Each stage needs the one above it, unless it says `needs`.',
    ...(survey.workflows.files.length > 0
      ? [
          `# GitHub runs ${survey.workflows.files.length} workflow file(s) of .github/workflows for it; they stay as they are.`,
        ]
      : []),
  ];
  const lines = [
    line(0, 'name: test'),
    line(0, 'description: Check and test this project.'),
    line(0, 'stages:'),
  ];
  return { file: 'pipelines/test.yaml', text: `${head.join('\n')}\n${render([...lines, ...body])}` };
}

function chainLines({ folder, stages }: Chain, isFirst: boolean, names: Set<string>): readonly Line[] {
  return stages.flatMap(({ name, why, command, retries, soft }, index) => {
    const prefix =
      folder === '.' ? '' : `${folder.replaceAll(/[^A-Za-z0-9_.-]+/g, '-').replace(/^[.-]+/, '')}-`;
    const unique = uniqueName(`${prefix}${name}`.slice(0, 60), names);
    return [
      line(1, `- name: ${unique}`, why),
      ...(index === 0 && !isFirst ? [line(2, 'needs: []', 'starts at once, beside the stages above')] : []),
      ...(folder === '.' ? [] : [line(2, `workdir: ${scalar(folder)}`, 'where its commands run')]),
      line(2, 'timeout: 15m', 'of each attempt'),
      ...(retries
        ? [line(2, 'retry: { max_attempts: 2, delay: 5s }', 'tries in total; registries stumble')]
        : []),
      ...(soft === undefined ? [] : [line(2, 'on_failure: continue', soft)]),
      line(2, 'steps:'),
      line(3, `- { name: ${name}, command: ${scalar(command)} }`),
    ];
  });
}

function uniqueName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let count = 2; taken.has(name); count += 1) name = `${wanted}-${count}`;
  taken.add(name);
  return name;
}

const INSTALL: Readonly<Record<NodePackage['manager'], readonly [locked: string, loose: string]>> = {
  npm: ['npm ci', 'npm install'],
  pnpm: ['pnpm install --frozen-lockfile', 'pnpm install'],
  yarn: ['yarn install --frozen-lockfile', 'yarn install'],
  bun: ['bun install --frozen-lockfile', 'bun install'],
};

/** Scripts that check something and end by themselves, in the order that finds mistakes soonest. */
const SCRIPTS = ['lint', 'typecheck', 'type-check', 'build', 'test'];

function nodeChain(found: NodePackage): Chain {
  const { folder, manager, lock, playwright } = found;
  const [locked, loose] = INSTALL[manager];
  const install: Stage =
    lock === undefined
      ? {
          name: 'install',
          why: 'package.json; a lock file would fix the versions',
          command: loose,
          retries: true,
        }
      : { name: 'install', why: `${lock}: exactly those versions`, command: locked, retries: true };
  const e2e: Stage = {
    name: 'e2e',
    why: playwright ?? '',
    command: 'npx playwright test',
    soft: 'its browsers come from: npx playwright install',
  };
  const scripts = SCRIPTS.flatMap((script) => scriptStage(found, script));
  return { folder, stages: [install, ...scripts, ...(playwright === undefined ? [] : [e2e])] };
}

function scriptStage(
  { scripts, manager, hasWorkspaces, memberScripts }: NodePackage,
  script: string,
): readonly Stage[] {
  const written = scripts[script];
  if (written !== undefined) {
    // What npm writes into a new package.json: it only fails.
    if (/no test specified/.test(written)) return [];
    return [{ name: script, why: `package.json: "${written}"`, command: `${manager} run ${script}` }];
  }
  if (!hasWorkspaces || !memberScripts.has(script)) return [];
  const command = {
    npm: `npm run ${script} --workspaces --if-present`,
    pnpm: `pnpm --recursive --if-present run ${script}`,
    yarn: `yarn workspaces run ${script}`,
    bun: `bun run --filter '*' ${script}`,
  }[manager];
  return [{ name: script, why: `"${script}" of the packages of this workspace`, command }];
}

/** Make stands in where nothing else is known: otherwise its targets would do the same again. */
function toolChains({ tooling, packages }: Survey): readonly Chain[] {
  const languages = tooling.filter(({ language }) => language !== 'make');
  const isAlone = languages.length === 0 && packages.length === 0;
  return (isAlone ? tooling : languages).map((tool) => ({ folder: tool.folder, stages: toolStages(tool) }));
}

function toolStages({ language, from, targets, usesPytest }: Tooling): readonly Stage[] {
  switch (language) {
    case 'go':
      return [
        { name: 'vet', why: `${from}: the checks of Go itself`, command: 'go vet ./...' },
        { name: 'test', why: from, command: 'go test ./...' },
      ];
    case 'rust':
      return [
        { name: 'build', why: from, command: 'cargo build --all-targets' },
        { name: 'test', why: from, command: 'cargo test' },
      ];
    case 'python': {
      const skip = String.raw`'(^|/)(\.[^/]+|node_modules|venv)/'`;
      return [
        {
          name: 'compile',
          why: `${from}: every file must parse`,
          command: `python3 -m compileall -q -x ${skip} .`,
        },
        usesPytest
          ? { name: 'test', why: 'pytest is mentioned here', command: 'python3 -m pytest' }
          : { name: 'test', why: 'unittest of Python itself', command: 'python3 -m unittest discover' },
      ];
    }
    case 'make':
      return targets.map((name) => ({ name, why: `target of the ${from}`, command: `make ${name}` }));
    default:
      return language satisfies never;
  }
}

const HELLO = `${SCHEMA_LINES.join('\n')}
# Written by \`pipewright init\`: nothing in this folder says how it is tested, so this only shows what a pipeline looks like.
name: hello
description: Says hello; a place to start from.
params:
  who: { type: string, default: world, description: Whom to greet } # becomes the flag --who
stages:
  - name: greet
    steps:
      # A value never becomes code: quotes or \`;\` in it stay part of the word.
      - { name: hello, command: 'echo hello {{.who}}' }
  - name: count
    timeout: 1m # of each attempt
    retry: { max_attempts: 2 } # tries in total
    steps:
      - { name: count, command: ls | wc -l }
`;
