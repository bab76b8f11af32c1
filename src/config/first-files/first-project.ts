import type { FirstFile } from './first-pipeline.ts';
import { type Line, line, proposed, render, scalar } from './lines.ts';
import { type FirstService, servicesOf } from './first-services.ts';
import type { NodePackage } from './survey-node.ts';
import type { Survey } from './survey.ts';

const HEAD = `# yaml-language-server: $schema=./project.schema.json
# \`pipewright schema project > project.schema.json\` writes the file that the line above names.
# Written by \`pipewright init\` from what is in this folder. Every key has a default: a line that says nothing new can go.
# \`pipewright validate\` checks it; each key is explained in docs/reference/project.md of Pipewright.
`;

/** `pipewright.yaml`: what was found as settings, what was not found as proposals. */
export function firstProject(survey: Survey): FirstFile {
  const services = servicesOf(survey);
  const sections = [
    [line(0, `project: ${scalar(survey.name)}`, survey.nameFrom)],
    testLines(survey.packages),
    analyzeLines(services),
    buildLines(services),
    deployLines(survey, services),
    triggerLines(survey),
    TESTGEN,
    PLACES,
    CASES,
    SAFETY,
  ];
  const texts = sections.filter((lines) => lines.length > 0).map(render);
  return { file: 'pipewright.yaml', text: `${HEAD}\n${texts.join('\n')}` };
}

function testLines(packages: readonly NodePackage[]): readonly Line[] {
  const root = packages.find(({ folder }) => folder === '.');
  if (!root) return [];
  const { runner, runnerFrom, playwright, lock, manager } = root;
  const lines = [
    ...(runner ? [line(1, `unit: { runner: ${runner} }`, runnerFrom)] : []),
    ...(playwright === undefined ? [] : [line(1, 'e2e: { command: npx playwright test }', playwright)]),
    ...(lock !== undefined && manager === 'npm'
      ? [line(1, 'security: { level: high }', `${lock}: npm audit; what is below "high" does not count`)]
      : []),
  ];
  return lines.length === 0 ? [] : [line(0, 'test:', 'what the stage kind test-suite runs'), ...lines];
}

function analyzeLines(services: readonly FirstService[]): readonly Line[] {
  const owned = services.flatMap(({ category, context }) =>
    category && context !== '.' ? [{ category, context }] : [],
  );
  const categories = [...new Set(owned.map(({ category }) => category))];
  if (categories.length === 0) return [];
  return [
    line(0, 'analyze:', 'which changes concern which service'),
    line(1, 'categories:'),
    ...categories.map((category) => {
      const globs = owned
        .filter((each) => each.category === category)
        .map(({ context }) => JSON.stringify(`${context}/**`));
      return line(2, `${category}: [${globs.join(', ')}]`, 'beside the patterns that are always there');
    }),
  ];
}

function buildLines(services: readonly FirstService[]): readonly Line[] {
  if (services.length === 0) return [];
  return [
    line(0, 'build:', 'what is built, by name'),
    line(1, 'services:'),
    ...services.flatMap((service) => [line(2, `${service.name}:`, service.from), ...service.build]),
    line(1, 'tags: [git-sha]', 'also: semver, timestamp'),
  ];
}

function deployLines(survey: Survey, services: readonly FirstService[]): readonly Line[] {
  const running = services.filter(({ deploy }) => deploy.length > 0);
  const waiting = services.filter(({ deploy, missing }) => deploy.length === 0 && missing.length > 0);
  const waitingLines = waiting.flatMap(({ name, reason, missing }) => [
    line(0, `# ${name} is not deployed yet: ${reason}`),
    ...proposed([line(2, `${name}:`), ...missing]),
  ]);
  if (running.length === 0) {
    if (services.length === 0) return NO_DEPLOY;
    return [
      line(0, '# Nothing is deployed yet. With the lines below, and what is missing said, it is:'),
      ...proposed([
        line(0, 'deploy:'),
        line(1, `runtime: ${services[0]?.runtime ?? 'process'}`),
        line(1, 'services:'),
      ]),
      ...waitingLines,
    ];
  }
  const [first] = running;
  return [
    line(0, 'deploy:', 'where it runs, and how a new version takes over'),
    line(1, `runtime: ${first?.runtime ?? 'process'}`, RUNTIMES[first?.runtime ?? 'process']),
    ...(survey.compose && first?.runtime === 'compose'
      ? [
          line(
            1,
            `compose_file: ${scalar(survey.compose.file)}`,
            'its image: lines are what a deploy changes',
          ),
        ]
      : []),
    line(1, 'hosts: [local]', 'this machine; others are declared under contexts, the first is the canary'),
    line(1, 'services:', 'deployed in this order, undone together'),
    ...running.flatMap(({ name, deploy }) => [line(2, `${name}:`), ...deploy]),
    ...waitingLines,
  ];
}

const RUNTIMES: Readonly<Record<FirstService['runtime'], string>> = {
  compose: 'services of a compose file',
  container: 'plain containers, from the Dockerfiles',
  process: 'release folders, without Docker',
};

const NO_DEPLOY: readonly Line[] = [
  line(
    0,
    '# Nothing here says how the project is served (no Dockerfile, compose file or start script), so nothing is deployed:',
  ),
  ...proposed([
    line(0, 'build: { services: { web: { command: npm run build, output: dist } } }'),
    line(0, 'deploy: { services: { web: { port: 8080, command: npm start } } }'),
  ]),
];

function triggerLines({ workflows }: Survey): readonly Line[] {
  const { branches, branchesFrom } = workflows;
  if (branches.length === 0) return [];
  const written = branches.map((branch) => JSON.stringify(branch)).join(', ');
  return [
    line(0, 'trigger:', 'what a push does, once `pipewright hook install` was run'),
    line(1, `branches: [${written}]`, branchesFrom),
    line(1, 'mode: offer', 'says the command; start runs it'),
  ];
}

const TESTGEN: readonly Line[] = [
  line(
    0,
    '# Tests are written from commits by `pipewright run testgen -c last:3`. A model that helps is asked only when it is named:',
  ),
  ...proposed([line(0, 'testgen: { model: { provider: command, command: [ollama, run, qwen3-coder] } }')]),
];

const PLACES: readonly Line[] = [
  line(0, '# Other machines, and places that differ from each other:'),
  ...proposed([
    line(0, 'contexts:'),
    line(1, 'web-1: { type: ssh, host: web-1.example.org, user: deploy }'),
    line(0, 'environments:'),
    line(1, 'production:'),
    line(2, 'require_confirmation: true', 'asks before a run starts there'),
    line(2, 'deploy: { hosts: [web-1] }', 'lies over what is said above'),
  ]),
];

const CASES: readonly Line[] = [
  line(
    0,
    '# Cases that arrive in a folder and are worked on by hosts with room: `pipewright watch remote-case`',
  ),
  ...proposed([
    line(0, 'contexts:'),
    line(1, 'gpu-1: { type: ssh, host: gpu-1.example.org, resources: { gpu: 2, slots: 4 } }'),
    line(1, 'gpu-2: { type: ssh, host: gpu-2.example.org, resources: { gpu: 2, slots: 4 } }'),
    line(0, 'groups: { farm: [gpu-1, gpu-2] }', 'the one with room is picked'),
    line(0, 'cases:'),
    line(1, "remote-case: { folder: inbox, marker: '{case}.done' }", 'whole when that file is there'),
    line(0, 'environments:'),
    line(1, 'default: { params: { hosts: farm, command: ./work } }', 'reads $CASE, writes to $RESULTS'),
  ]),
];

const SAFETY: readonly Line[] = [
  ...proposed([
    line(0, 'safety:'),
    line(1, 'max_consecutive_failures: 3', 'so many in a row lock a pipeline; 0 never locks'),
    line(0, 'notify: { webhook: { url: env:OPS_WEBHOOK } }', 'failure, lock and rollback are told'),
  ]),
];
